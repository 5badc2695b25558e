"""ZIP archives from strangers: nothing is written but plain files below one folder, and no more than fits."""

from __future__ import annotations

import shutil
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from monitor.errors import MonitorError, safe
from trainer.download import check_disk

BLOCK = 1 << 20


def unpack(archive: Path, folder: Path, root: str) -> Iterator[tuple[str, int]]:
    """Unpack file by file; what is there already is replaced.

    Args:
        archive: a ZIP file in which every name begins with `<root>/`.
        folder: where `root` goes.
        root: the one folder that may be written to.

    Yields:
        Name, with `/`, and size in bytes of each file once it is written.

    Raises:
        MonitorError: exit code 65 if the archive is damaged or names something outside `root`, 74 if it does
            not fit; before the first file is written, unless the damage is inside a file.
    """
    try:
        with ZipFile(archive) as opened:
            files = [info for info in opened.infolist() if not info.is_dir()]
            for info in files:
                _check(archive, info, root)
            # What is declared is what can arrive: zipfile stops a file at its declared size.
            check_disk(folder, sum(_growth(folder, info) for info in files))
            for info in files:
                _extract(opened, info, folder)
                yield info.filename, info.file_size
    except (BadZipFile, zlib.error, EOFError, NotImplementedError) as exc:
        raise MonitorError(f"archive {safe(str(archive))} is damaged: {safe(str(exc))}") from exc


def _check(archive: Path, info: ZipInfo, root: str) -> None:
    parts = info.filename.split("/")
    inside = parts[0] == root and len(parts) > 1 and not {"", ".", ".."} & set(parts)
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 if packed on a system without Unix modes
    if not inside or "\\" in info.filename or kind not in (0, stat.S_IFREG) or info.flag_bits & 1:
        raise MonitorError(
            f"archive {safe(str(archive))} is refused: {safe(info.filename)!r} is not a plain file in {root}/"
        )


def _growth(folder: Path, info: ZipInfo) -> int:
    path = folder / info.filename
    return info.file_size - (path.stat().st_size if path.exists() else 0)


def _extract(opened: ZipFile, info: ZipInfo, folder: Path) -> None:
    path = folder / info.filename
    path.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(info) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, BLOCK)
