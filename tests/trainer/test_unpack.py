from __future__ import annotations

import shutil
import stat
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from monitor.errors import MonitorError
from trainer.unpack import unpack


def archive(folder: Path, files: dict[str, bytes]) -> Path:
    """A ZIP file."""
    path = folder / "a.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return path


def test_files_and_folders(tmp_path: Path) -> None:
    """Files arrive in their folders and are told one by one with their sizes."""
    path = archive(tmp_path, {"set/audio/": b"", "set/audio/1.wav": b"12345", "set/meta.txt": b"123"})
    assert list(unpack(path, tmp_path, "set")) == [("set/audio/1.wav", 5), ("set/meta.txt", 3)]
    assert (tmp_path / "set" / "audio" / "1.wav").read_bytes() == b"12345"


def test_what_is_there_is_replaced(tmp_path: Path) -> None:
    """A file that an earlier run was killed in is whole afterwards."""
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "meta.txt").write_bytes(b"12")
    list(unpack(archive(tmp_path, {"set/meta.txt": b"123"}), tmp_path, "set"))
    assert (tmp_path / "set" / "meta.txt").read_bytes() == b"123"


@pytest.mark.parametrize(
    "name",
    ["../x", "set/../x", "/x", "set//x", "set/./x", "x", "other/x", "settle/x", "set\\x", "set/..\\..\\x"],
)
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    """A name outside the folder is refused before anything is written, however harmless the others are."""
    path = archive(tmp_path, {"set/meta.txt": b"123", name: b"evil"})
    with pytest.raises(MonitorError, match=r"is refused: .* is not a plain file in set/") as caught:
        list(unpack(path, tmp_path, "set"))
    assert caught.value.exit_code == 65
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices(tmp_path: Path, kind: int) -> None:
    """Only plain files are written."""
    info = ZipInfo("set/x")
    info.external_attr = (kind | 0o777) << 16
    with ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr(info, "/etc/passwd")
    with pytest.raises(MonitorError, match="not a plain file"):
        list(unpack(tmp_path / "a.zip", tmp_path, "set"))


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that unpacks to more than is free is refused before anything is written."""
    path = archive(tmp_path, {"set/1": bytes(600_000), "set/2": bytes(600_000)})
    assert path.stat().st_size < 10_000
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(
        MonitorError, match=r"1200000 bytes\) more, but .* \(1000000 bytes\) are free"
    ) as caught:
        list(unpack(path, tmp_path, "set"))
    assert caught.value.exit_code == 74
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("position", [45, -10])
def test_damage(tmp_path: Path, position: int) -> None:
    """A byte that has changed in a file or in the archive's list is noticed."""
    path = archive(tmp_path, {"set/meta.txt": b"0123456789" * 10})
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(MonitorError, match=r"a\.zip is damaged"):
        list(unpack(path, tmp_path, "set"))
