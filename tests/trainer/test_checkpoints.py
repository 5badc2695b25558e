from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http_server import Fault, HttpServer, running
from trainer import checkpoints, cli, download
from trainer.download import Remote
from trainer.models.backbones import BACKBONES

FILE = hashlib.shake_256(b"weights").digest(100_000)
DIGEST = hashlib.sha256(FILE).hexdigest()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    """A server of one network's small checkpoint, and a cache that is empty."""
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with running() as server:
        server.files["small.pth"] = FILE
        remote = Remote(f"{server.url}small.pth", "small.pth", len(FILE), f"sha256:{DIGEST}")
        monkeypatch.setitem(checkpoints.CHECKPOINTS, "densenet121", remote)
        yield server


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    """Where the checkpoint is kept."""
    return tmp_path / "cache" / "activity-monitor" / "weights" / "small.pth"


def get(*options: str | Path) -> int:
    """Run `activity-trainer download weights`."""
    return cli.main(["download", "weights", "densenet121", *map(str, options)])


def test_weights_arrive_in_the_cache(
    server: HttpServer, cached: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is fetched once, found again, and the user is told where it is."""
    for _ in range(2):
        assert get() == 0
    assert cached.read_bytes() == FILE
    assert checkpoints.find("densenet121") == cached
    assert server.asked("small.pth") == [None]
    assert f"the weights are in {cached}\n" in capsys.readouterr().out


def test_another_folder(server: HttpServer, tmp_path: Path, cached: Path) -> None:
    """With --to they go elsewhere, and not into the cache."""
    assert get("--to", tmp_path / "new" / "folder") == 0
    assert (tmp_path / "new" / "folder" / "small.pth").read_bytes() == FILE
    assert not cached.exists()
    assert len(server.requests) == 1


def test_a_break_is_continued(server: HttpServer, cached: Path) -> None:
    """After a break only the missing bytes are asked for."""
    server.faults["small.pth"] = [Fault(break_after=60_000)]
    assert get() == 0
    assert cached.read_bytes() == FILE
    assert server.asked("small.pth") == [None, "bytes=60000-"]


def test_a_wrong_file_is_never_kept(
    server: HttpServer, cached: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What arrives with another SHA-256 each time is exit code 65, and nothing is left of it."""
    server.files["small.pth"] = b"x"
    assert get() == 65
    found = hashlib.sha256(b"x").hexdigest()
    assert f"wanted sha256:{DIGEST}, found sha256:{found}" in capsys.readouterr().err
    assert list(cached.parent.iterdir()) == []


def test_a_small_disk_is_told_first(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A disk that is too small is exit code 74 before the first byte is asked for."""
    usage = shutil.disk_usage(tmp_path)._replace(free=len(FILE) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert get() == 74
    assert server.requests == []


def test_from_a_file(server: HttpServer, tmp_path: Path, cached: Path) -> None:
    """With --from the file is copied, under its published name, and the network is left alone."""
    file = tmp_path / "from a stick.bin"
    file.write_bytes(FILE)
    assert get("--from", file) == 0
    assert [path.name for path in cached.parent.iterdir()] == ["small.pth"]
    assert cached.read_bytes() == file.read_bytes() == FILE
    assert get("--from", cached) == 0
    assert cached.read_bytes() == FILE
    assert server.requests == []


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("content", [FILE[:-1], b"x" * len(FILE)], ids=["truncated", "other"])
def test_from_another_file(
    tmp_path: Path, cached: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    """A file that is not the published one is refused with both hashes and both sizes."""
    file = tmp_path / "a.pth"
    file.write_bytes(content)
    assert get("--from", file) == 65
    found = hashlib.sha256(content).hexdigest()
    assert (
        f"{file} is not the published small.pth: wanted sha256:{DIGEST}, found sha256:{found} "
        f"({len(content)} of {len(FILE)} bytes); download it from http://"
    ) in capsys.readouterr().err
    assert not cached.exists()


@pytest.mark.usefixtures("server")
def test_from_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is exit code 66."""
    assert get("--from", tmp_path / "absent.pth") == 66
    assert "absent.pth; download it from" in capsys.readouterr().err


def test_unknown_network(capsys: pytest.CaptureFixture[str]) -> None:
    """A network without published weights is a usage error that names those with."""
    with pytest.raises(SystemExit, match="2"):
        cli.main(["download", "weights", "alexnet"])
    assert "densenet121" in capsys.readouterr().err


def test_the_published_files() -> None:
    """Every backbone has a file whose name ends in the beginning of its SHA-256, as its publisher does it."""
    assert checkpoints.CHECKPOINTS.keys() == BACKBONES.keys() - {"densenet121-slim"}
    for name, remote in checkpoints.CHECKPOINTS.items():
        match = re.fullmatch(rf"{name}-([0-9a-f]{{8}})\.pth", remote.name)
        assert match
        assert re.fullmatch(rf"sha256:{match[1]}[0-9a-f]{{56}}", str(remote.digest))
        assert remote.url == f"https://download.pytorch.org/models/{remote.name}"
