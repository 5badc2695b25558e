"""Published archives -> a data set on disk, in the published layout.

Each archive is fetched, unpacked and then removed: side by side, archives and audio would need half as much
disk again. What an archive held is noted in `.activity-trainer/<archive>.json` once all of it is on the disk.
A run that finds every noted file in its size leaves the archive alone.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from monitor.errors import Exit, MonitorError, safe
from trainer import files
from trainer.datasets.archives import Partition
from trainer.download import THREADS, Remote, check_disk, download, file_size, part_of
from trainer.unpack import unpack

NOTES = ".activity-trainer"


def install(partitions: Sequence[Partition], folder: Path, *, keep_archives: bool) -> None:
    """Fetch and unpack what is missing of some partitions.

    Args:
        partitions: of one data set or several.
        folder: gets one folder per partition; made if it is missing.
        keep_archives: leave the archives beside them.

    Raises:
        MonitorError: exit code 74 if the disk is too small, 69 if a server cannot be reached, 65 if what
            arrives is not what was published.
    """
    (folder / NOTES).mkdir(parents=True, exist_ok=True)
    missing = {
        partition.root: [archive for archive in partition.archives if not _is_unpacked(archive, folder)]
        for partition in partitions
    }
    root_of = {archive.name: root for root, archives in missing.items() for archive in archives}

    def finish(archive: Remote, path: Path) -> Iterator[None]:
        return _unpack(archive, path, root_of[archive.name], keep_archives=keep_archives)

    def check_space() -> None:
        check_disk(folder, _space_needed(partitions, missing, folder, keep_archives=keep_archives))

    check_space()
    try:
        download([archive for archives in missing.values() for archive in archives], folder, finish)
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            check_space()  # somebody else's files: say again how much is needed
        raise
    for partition in partitions:
        _check_counts(partition, folder)


def _space_needed(
    partitions: Iterable[Partition], missing: dict[str, list[Remote]], folder: Path, *, keep_archives: bool
) -> int:
    """Bytes: the rest of the unpacked files, and of as many archives as there are at a time."""
    audio = sum(
        max(0, partition.unpacked - _folder_size(folder / partition.root))
        for partition in partitions
        if missing[partition.root]
    )
    archives = sorted(
        (_to_fetch(archive, folder / archive.name) for some in missing.values() for archive in some),
        reverse=True,
    )
    return audio + sum(archives if keep_archives else archives[:THREADS])


def _to_fetch(archive: Remote, path: Path) -> int:
    return 0 if path.exists() else max(0, archive.size - file_size(part_of(path)))


def _folder_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _unpack(archive: Remote, path: Path, root: str, *, keep_archives: bool) -> Iterator[None]:
    unpacked = {}
    try:
        for name, size in unpack(path, path.parent, root):
            unpacked[name] = size
            yield
    except MonitorError as exc:
        if archive.digest is None and exc.exit_code == Exit.DATA:
            path.unlink()  # only this could tell that it arrived wrong: the next run fetches it again
        raise
    os.sync()  # the archive goes next: what it held must not be in memory alone
    note = _note(archive, path.parent)
    files.write(note, json.dumps({"digest": archive.digest, "files": unpacked}).encode())
    if not keep_archives:
        path.unlink()


def _is_unpacked(archive: Remote, folder: Path) -> bool:
    try:
        note = json.loads(_note(archive, folder).read_text(encoding="utf-8"))
        return note["digest"] == archive.digest and all(
            (folder / name).stat().st_size == size for name, size in note["files"].items()
        )
    except (FileNotFoundError, ValueError):  # of the note, or of a file that it names
        return False


def _note(archive: Remote, folder: Path) -> Path:
    return folder / NOTES / f"{archive.name}.json"


def _check_counts(partition: Partition, folder: Path) -> None:
    root = folder / partition.root
    for pattern, wanted in partition.expect.items():
        found = sum(1 for _ in root.glob(pattern))
        if found < wanted:
            raise MonitorError(
                f"{safe(str(root))} holds {found} of {wanted} files {pattern}, although every archive is "
                f"unpacked; remove {safe(str(folder / NOTES))} to fetch them again"
            )
