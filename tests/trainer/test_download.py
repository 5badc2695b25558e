from __future__ import annotations

import hashlib
import io
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPMessage
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request

import pytest

from monitor.errors import MonitorError
from tests.http_server import Fault, HttpServer, running
from trainer import download as module
from trainer import transfer
from trainer.download import Remote, check_disk, download

FILE = hashlib.shake_256(b"file").digest(1 << 20)
HALF = len(FILE) // 2
REST = f"bytes={HALF}-"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    """A server of one file, and retries without pauses."""
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    with running() as server:
        server.files["a.bin"] = FILE
        yield server


def remote(server: HttpServer, name: str = "a.bin", algorithm: str = "sha256") -> Remote:
    """A file of the server, with its digest and a size that is not quite right."""
    digest = hashlib.new(algorithm, server.files[name]).hexdigest()
    return Remote(server.url + name, name, len(server.files[name]) - 100, f"{algorithm}:{digest}")


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_file_arrives(server: HttpServer, tmp_path: Path, algorithm: str) -> None:
    """A file arrives under its name, and no part of it is left."""
    download([remote(server, algorithm=algorithm)], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == FILE
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_nothing_is_fetched_twice(server: HttpServer, tmp_path: Path) -> None:
    """What is there and right is not asked for again."""
    for _ in range(2):
        download([remote(server)], tmp_path)
    assert server.asked("a.bin") == [None]


@pytest.mark.parametrize("end", [Fault(break_after=HALF), Fault(hang_after=HALF)])
def test_a_break_is_continued(
    server: HttpServer, tmp_path: Path, end: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a break, or silence, only the missing bytes are asked for."""
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 1.0)
    server.faults["a.bin"] = [end]
    download([remote(server)], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == FILE
    assert server.asked("a.bin") == [None, REST]


def test_the_next_run_continues(server: HttpServer, tmp_path: Path) -> None:
    """What one run has left is continued by the next."""
    (tmp_path / "a.bin.part").write_bytes(FILE[:HALF])
    download([remote(server)], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == FILE
    assert server.asked("a.bin") == [REST]


def test_a_complete_part_needs_no_bytes(server: HttpServer, tmp_path: Path) -> None:
    """A run that died between the last byte and the new name is finished without fetching anything."""
    (tmp_path / "a.bin.part").write_bytes(FILE)
    download([remote(server)], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == FILE
    assert server.asked("a.bin") == [f"bytes={len(FILE)}-"]


@pytest.mark.parametrize(
    ("fault", "asked"),
    [
        (Fault(no_ranges=True), [REST]),
        (Fault(headers={"Content-Range": f"bytes 7-{len(FILE)}/{len(FILE)}"}), [REST, None]),
        (Fault(headers={"Content-Range": "x"}), [REST, None]),
    ],
)
def test_servers_that_cannot_continue(
    server: HttpServer, tmp_path: Path, fault: Fault, asked: list[str | None]
) -> None:
    """A server that ignores the range, or sends another, makes the file start over."""
    (tmp_path / "a.bin.part").write_bytes(FILE[:HALF])
    server.faults["a.bin"] = [fault]
    download([remote(server)], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == FILE
    assert server.asked("a.bin") == asked


@pytest.mark.parametrize("length", [-10, 10])
def test_wrong_length(server: HttpServer, tmp_path: Path, length: int) -> None:
    """A length that is too short or too long does not end in a wrong file."""
    server.faults["a.bin"] = [
        Fault(headers={"Content-Length": str(len(FILE) + length)}, break_after=len(FILE))
    ]
    download([remote(server)], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == FILE


def test_refusals_are_retried(server: HttpServer, tmp_path: Path) -> None:
    """A server that answers 404, 500 and 503 for a while is asked again."""
    server.faults["a.bin"] = [Fault(status=404), Fault(status=500), Fault(status=503)]
    download([remote(server)], tmp_path)
    assert len(server.asked("a.bin")) == 4


def test_a_server_that_wants_a_pause_gets_it(
    server: HttpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retry-After is obeyed up to a limit."""
    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 0.25)
    server.faults["a.bin"] = [Fault(status=429, headers={"Retry-After": "3600"})]
    download([remote(server)], tmp_path)
    assert (
        "a.bin: the server answers 429 Too Many Requests; trying again in 0.25 s" in capsys.readouterr().out
    )


def test_a_server_that_stays_away(server: HttpServer, tmp_path: Path) -> None:
    """When the retries are used up, the error names file and reason, and what arrived is kept."""
    refusals = [Fault(status=503)] * (module.RETRIES + 1)
    server.faults["a.bin"] = [Fault(break_after=HALF), *refusals]
    with pytest.raises(MonitorError, match=r"a\.bin cannot be fetched: the server answers 503") as caught:
        download([remote(server)], tmp_path)
    assert caught.value.exit_code == 69
    assert (tmp_path / "a.bin.part").read_bytes() == FILE[:HALF]


def test_new_bytes_renew_the_retries(server: HttpServer, tmp_path: Path) -> None:
    """A connection that breaks often is good enough while each time something new arrives."""
    server.faults["a.bin"] = [Fault(break_after=1000)] * (3 * module.RETRIES)
    download([remote(server)], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == FILE


def test_starting_over_for_ever_ends(server: HttpServer, tmp_path: Path) -> None:
    """A server without ranges that always breaks at the same place is given up."""
    server.faults["a.bin"] = [Fault(break_after=HALF, no_ranges=True)] * 100
    with pytest.raises(MonitorError, match=f"broke off after {HALF} of {len(FILE)} bytes"):
        download([remote(server)], tmp_path)


def test_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that nobody answers at is exit code 69."""
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    with running() as gone:
        nowhere = Remote(gone.url + "a.bin", "a.bin", 1, None)
    with pytest.raises(MonitorError, match="Connection refused") as caught:
        download([nowhere], tmp_path)
    assert caught.value.exit_code == 69


def test_wrong_bytes_are_fetched_again(
    server: HttpServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file with a wrong digest is named, thrown away and fetched from its first byte."""
    server.faults["a.bin"] = [Fault(body=b"x" * len(FILE))]
    download([remote(server)], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == FILE
    assert server.asked("a.bin") == [None, None]
    assert "a.bin is wrong: wanted sha256:" in capsys.readouterr().out


def test_wrong_bytes_for_ever(server: HttpServer, tmp_path: Path) -> None:
    """A digest that stays wrong is exit code 65 and names both digests; nothing wrong is left."""
    server.faults["a.bin"] = [Fault(body=b"x")] * 3
    found = hashlib.sha256(b"x").hexdigest()
    with pytest.raises(MonitorError, match=f"wanted {remote(server).digest}, found sha256:{found}") as caught:
        download([remote(server)], tmp_path)
    assert caught.value.exit_code == 65
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_file_is_replaced(server: HttpServer, tmp_path: Path) -> None:
    """A file that is there but wrong is fetched, and replaced only by a right one."""
    (tmp_path / "a.bin").write_bytes(b"something else")
    download([remote(server)], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == FILE


def test_without_a_digest_nothing_is_pieced_together(server: HttpServer, tmp_path: Path) -> None:
    """A part of unknown origin is not continued if no digest would tell."""
    (tmp_path / "a.bin.part").write_bytes(b"x" * HALF)
    download([Remote(f"{server.url}a.bin", "a.bin", 1, None)], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == FILE
    assert server.asked("a.bin") == [None]


def test_redirects_are_followed_with_the_range(server: HttpServer, tmp_path: Path) -> None:
    """A server may send elsewhere, where the download continues."""
    (tmp_path / "b.bin.part").write_bytes(FILE[:HALF])
    server.faults["b.bin"] = [Fault(status=302, headers={"Location": "/a.bin"})]
    there = remote(server)
    download([Remote(server.url + "b.bin", "b.bin", there.size, there.digest)], tmp_path)
    assert (tmp_path / "b.bin").read_bytes() == FILE
    assert server.asked("a.bin") == [REST]


def test_several_at_once(server: HttpServer, tmp_path: Path) -> None:
    """Four files are asked for before the first has arrived."""
    names = [f"{index}.bin" for index in range(4)]
    server.files |= {name: name.encode() * 1000 for name in names}
    server.gate = threading.Barrier(4)
    download([remote(server, name) for name in names], tmp_path)
    assert all((tmp_path / name).read_bytes() == server.files[name] for name in names)


def test_one_failure_ends_all(server: HttpServer, tmp_path: Path) -> None:
    """When one file fails for good the others stop at their next step."""
    server.files["b.bin"] = b"b"
    busy = threading.Event()

    def finish(remote: Remote, _path: Path) -> Iterator[None]:
        if remote.name == "a.bin":
            assert busy.wait(10)
            raise MonitorError("no good")
        while True:
            busy.set()
            time.sleep(0.01)
            yield

    with pytest.raises(MonitorError, match="no good"):
        download([remote(server), remote(server, "b.bin")], tmp_path, finish)


def test_redirects_stay_encrypted() -> None:
    """A server that is asked by https cannot send elsewhere by http."""
    redirects = transfer._Redirects()
    with pytest.raises(URLError, match="not https"):
        redirects.redirect_request(
            Request("https://a.example/"), io.BytesIO(), 302, "Found", HTTPMessage(), "http://b.example/"
        )


SCRIPT = """
import sys
from pathlib import Path
from trainer.download import Remote, download
download([Remote(sys.argv[1], "a.bin", 1 << 20, sys.argv[2])], Path(sys.argv[3]))
"""


@pytest.mark.parametrize(
    ("how", "faults"),
    [
        (signal.SIGKILL, [Fault(hang_after=HALF)]),
        (signal.SIGINT, [Fault(break_after=HALF), Fault(status=503, headers={"Retry-After": "100"})]),
    ],
)
def test_a_killed_download_is_continued(
    server: HttpServer, tmp_path: Path, how: signal.Signals, faults: list[Fault]
) -> None:
    """After kill -9, or Ctrl-C in a long pause, the next run asks for the missing bytes only."""
    server.faults["a.bin"] = faults
    there = remote(server)
    command = [sys.executable, "-c", SCRIPT, there.url, str(there.digest), str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        part = tmp_path / "a.bin.part"
        while not (part.exists() and part.stat().st_size > HALF - 10_000):  # the rest may be in a buffer
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(how)
        assert process.wait(20) != 0
    left = part.stat().st_size
    assert part.read_bytes() == FILE[:left]
    server.faults.clear()
    download([there], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == FILE
    assert server.asked("a.bin")[-1] == f"bytes={left}-"


def test_disk_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is too small is exit code 74, with what is needed and what is free."""
    usage = shutil.disk_usage(tmp_path)._replace(free=2_000_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    check_disk(tmp_path, 2_000_000_000)
    with pytest.raises(MonitorError, match=r"3\.0 GB \(3000000000 bytes\) more, but 2\.0 GB") as caught:
        check_disk(tmp_path, 3_000_000_000)
    assert caught.value.exit_code == 74
