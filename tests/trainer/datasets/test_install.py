from __future__ import annotations

import errno
import hashlib
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from tests.http_server import Fault, HttpServer, running
from trainer import cli, download, unpack
from trainer.datasets import archives, install

CLIP = bytes(50_000)
DEV, EVAL = "DCASE2018-task5-dev", "DCASE2018-task5-eval"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    """A registry of two small data sets and the server of their archives."""
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    with running() as server:
        for root in (DEV, EVAL):
            server.files[f"{root}.meta.zip"] = zipped({f"{root}/meta.txt": b"audio/1.wav\tother\ts1\n"})
            for part in (1, 2, 3):
                clips = {f"{root}/audio/{10 * part + index}.wav": CLIP for index in range(4)}
                server.files[f"{root}.audio.{part}.zip"] = zipped(clips)
        esc50 = {f"ESC-50-master/audio/{index}.wav": CLIP for index in range(3)}
        server.files["master.zip"] = zipped({"ESC-50-master/meta/esc50.csv": b"filename\n"} | esc50)
        monkeypatch.setattr(archives, "REGISTRY", tmp_path / "archives.toml")
        archives.REGISTRY.write_text(toy_registry(server), encoding="utf-8")
        yield server


def zipped(files: dict[str, bytes]) -> bytes:
    """A ZIP file."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return buffer.getvalue()


def toy_registry(server: HttpServer) -> str:
    """TOML as in the real one."""
    sets = [("dcase2018-task5.development", DEV, 12), ("dcase2018-task5.evaluation", EVAL, 12)]
    return "\n".join(
        f'[{name}]\nroot = "{root}"\nbase = "{server.url}"\nunpacked = 600_000\n'
        f'expect = {{ "audio/*.wav" = {clips} }}\narchives = [{rows(server, root)}]'
        for name, root, clips in sets
    ) + (
        f'\n[esc50.whole]\nroot = "ESC-50-master"\nbase = "{server.url}"\nunpacked = 150_000\n'
        'expect = { "audio/*.wav" = 3, "meta/esc50.csv" = 1 }\n'
        'archives = [{ name = "master.zip", size = 1000 }]\n'
    )


def rows(server: HttpServer, root: str) -> str:
    """The archives of one root, with sizes that are rounded."""
    return ",".join(
        f'{{ name = "{name}", size = 1000, md5 = "{hashlib.md5(content).hexdigest()}" }}'  # noqa: S324 - as published
        for name, content in server.files.items()
        if name.startswith(f"{root}.")
    )


def get(folder: Path, *options: str, name: str = "dcase2018-task5") -> int:
    """Run `activity-trainer download`."""
    return cli.main(["download", name, "--to", str(folder), *options])


def visible(folder: Path) -> list[str]:
    """What a user sees in a folder."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_the_published_layout(server: HttpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both partitions arrive in their folders, without the archives, and the next command is told."""
    folder = tmp_path / "new" / "data sets"
    assert get(folder) == 0
    assert visible(folder) == [DEV, EVAL]
    assert visible(folder / DEV) == ["audio", "meta.txt"]
    assert len(visible(folder / EVAL / "audio")) == 12
    assert (folder / DEV / "audio" / "10.wav").read_bytes() == CLIP
    assert f"next: activity-trainer data check '{folder}'\n" in capsys.readouterr().out
    assert len(server.requests) == 8


def test_one_partition(server: HttpServer, tmp_path: Path) -> None:
    """--only fetches one partition, and the other can follow."""
    folder = tmp_path / "data"
    assert get(folder, "--only", "evaluation") == 0
    assert visible(folder) == [EVAL]
    assert get(folder) == 0
    assert visible(folder) == [DEV, EVAL]
    assert len(server.requests) == 8


def test_a_second_run_fetches_nothing(server: HttpServer, tmp_path: Path) -> None:
    """What is unpacked is not fetched again, although its archives are gone."""
    assert get(tmp_path / "data") == 0
    server.requests.clear()
    assert get(tmp_path / "data") == 0
    assert server.requests == []


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(CLIP[:-1])])
def test_missing_and_truncated_files(
    server: HttpServer, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    """A file that is missing or cut off is repaired from the archive that holds it."""
    folder = tmp_path / "data"
    assert get(folder) == 0
    server.requests.clear()
    clip = folder / DEV / "audio" / "21.wav"
    damage(clip)
    assert get(folder) == 0
    assert clip.read_bytes() == CLIP
    assert server.requests == [(f"/{DEV}.audio.2.zip", None)]


def test_archives_can_be_kept(server: HttpServer, tmp_path: Path) -> None:
    """--keep-archives keeps them; a repair then needs no network."""
    folder = tmp_path / "data"
    assert get(folder, "--only", "development", "--keep-archives") == 0
    assert visible(folder) == [DEV, *sorted(name for name in server.files if DEV in name)]
    (folder / DEV / "meta.txt").unlink()
    server.requests.clear()
    assert get(folder, "--only", "development", "--keep-archives") == 0
    assert (folder / DEV / "meta.txt").exists()
    assert server.requests == []


def test_a_killed_unpacking_is_repeated(
    server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that dies while it unpacks leaves the archive, which the next one unpacks without fetching it."""

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(unpack, "_extract", dies)
        assert get(tmp_path / "data", name="esc50") == 130
    server.requests.clear()
    assert get(tmp_path / "data", name="esc50") == 0
    assert server.requests == []
    assert visible(tmp_path / "data") == ["ESC-50-master"]


def test_broken_transfers_in_between(server: HttpServer, tmp_path: Path) -> None:
    """Breaks and wrong bytes on the way do not show in the result."""
    server.faults[f"{DEV}.audio.1.zip"] = [Fault(break_after=100), Fault(status=503)]
    server.faults[f"{DEV}.audio.2.zip"] = [Fault(body=b"no archive")]
    assert get(tmp_path / "data", "--only", "development") == 0
    assert len(visible(tmp_path / "data" / DEV / "audio")) == 12
    assert server.asked(f"{DEV}.audio.1.zip") == [None, "bytes=100-", "bytes=100-"]


def test_esc50_is_known_by_its_contents(
    server: HttpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a digest a broken archive is noticed when it is unpacked, and the next run fetches it anew."""
    server.faults["master.zip"] = [Fault(body=b"no archive")]
    assert get(tmp_path / "data", name="esc50") == 65
    assert "master.zip is damaged" in capsys.readouterr().err
    assert get(tmp_path / "data", name="esc50") == 0
    assert f"data check {tmp_path / 'data' / 'ESC-50-master'}\n" in capsys.readouterr().out


def test_archives_that_lack_files(
    server: HttpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sound archive with fewer clips than published is no data set."""
    server.files["master.zip"] = zipped({"ESC-50-master/audio/1.wav": CLIP})
    assert get(tmp_path / "data", name="esc50") == 65
    assert "holds 1 of 3 files audio/*.wav" in capsys.readouterr().err


@pytest.fixture
def free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """What sets the free bytes of the disk."""
    usage = shutil.disk_usage(tmp_path)
    return lambda count: monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=count))


def test_disk_check_comes_first(
    server: HttpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], free: Callable[[int], None]
) -> None:
    """A disk that is too small is told before the first byte is asked for."""
    free(600_000)
    assert get(tmp_path / "data", "--only", "development") == 74
    assert "(604000 bytes) more, but 0.0 GB (600000 bytes) are free" in capsys.readouterr().err
    assert server.requests == []


@pytest.mark.usefixtures("server")
def test_disk_check_counts_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], free: Callable[[int], None]
) -> None:
    """What is unpacked or has partly arrived is not needed again; archives are few at a time unless kept."""
    folder = tmp_path / "data"
    assert get(folder, "--only", "evaluation") == 0
    (folder / f"{DEV}.audio.1.zip.part").write_bytes(bytes(900))
    (folder / DEV / "audio").mkdir(parents=True)
    (folder / DEV / "audio" / "10.wav").write_bytes(CLIP)
    free(0)
    for threads, options, archived in ((4, [], 3100), (2, [], 2000), (2, ["--keep-archives"], 3100)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(install, "THREADS", threads)
            assert get(folder, *options) == 74
        assert f"({600_000 - len(CLIP) + archived} bytes) more" in capsys.readouterr().err


@pytest.mark.usefixtures("server")
def test_a_disk_that_fills_up(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    free: Callable[[int], None],
) -> None:
    """If others fill the disk meanwhile, the error says how much is still needed, and the archive stays."""

    def full(*_: object) -> None:
        free(0)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unpack, "_extract", full)
    assert get(tmp_path / "data", name="esc50") == 74
    assert "(150000 bytes) more, but 0.0 GB (0 bytes) are free" in capsys.readouterr().err
    assert get(tmp_path / "data", name="esc50") == 74
    assert visible(tmp_path / "data") == ["master.zip"]


def test_a_damaged_note_is_no_harm(server: HttpServer, tmp_path: Path) -> None:
    """A note that a power cut left empty only makes its archive be fetched again."""
    assert get(tmp_path / "data", name="esc50") == 0
    note = tmp_path / "data" / ".activity-trainer" / "master.zip.json"
    assert json.loads(note.read_text())["files"]["ESC-50-master/audio/1.wav"] == len(CLIP)
    note.write_bytes(b"")
    assert get(tmp_path / "data", name="esc50") == 0
    assert server.asked("master.zip") == [None, None]


def test_the_registry() -> None:
    """Every published archive is there once, with an https address and an MD5 digest."""
    registry = archives.registry()
    assert {name: list(partitions) for name, partitions in registry.items()} == {
        "dcase2018-task5": ["development", "evaluation"],
        "dcase2017-task1": ["development", "evaluation"],
        "esc50": ["whole"],
    }
    files = [
        archive
        for partitions in registry.values()
        for partition in partitions.values()
        for archive in partition.archives
    ]
    assert len({archive.name for archive in files}) == len(files) == 2 * 25 + 13 + 6 + 1
    assert all(archive.url.startswith("https://") for archive in files)
    digests = [archive.digest for archive in files if archive.name != "master.zip"]
    assert all(re.fullmatch(r"md5:[0-9a-f]{32}", str(digest)) for digest in digests)
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize(
    ("name", "partition", "audio"),
    [
        ("dcase2018-task5", "development", 23),
        ("dcase2018-task5", "evaluation", 23),
        ("dcase2017-task1", "development", 10),
        ("dcase2017-task1", "evaluation", 4),
    ],
)
def test_every_part_is_registered(name: str, partition: str, audio: int) -> None:
    """Audio archives are numbered without a hole, beside those of metadata and documents."""
    published = archives.registry()[name][partition]
    names = [archive.name for archive in published.archives]
    numbers = [int(found[1]) for name in names if (found := re.search(r"\.audio\.(\d+)\.zip$", name))]
    assert numbers == list(range(1, audio + 1))
    assert {f"{published.root}.doc.zip", f"{published.root}.meta.zip"} < set(names)
    assert sum(archive.size for archive in published.archives) < published.unpacked


def test_published_total() -> None:
    """The sizes of TUT Acoustic Scenes 2017, development, sum up to what its publisher says."""
    published = archives.registry()["dcase2017-task1"]["development"]
    assert sum(archive.size for archive in published.archives) == 10_700_420_548
