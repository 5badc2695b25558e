"""Audio stays in memory: no sample reaches a disk or another program, and nothing leaves the machine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from monitor.audio.capture import MAGIC
from monitor.stream.journal_reader import JournalReader
from monitor.stream.messages import from_bytes
from tests import drills
from tests.counter import RATE, encode

SECONDS = 4
STRACE = ["strace", "-f", "--seccomp-bpf", "-xx", "-s", "100000000"]
"""Everything that is written, in hexadecimal"""
WRITES = "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg"
UNSEEN = "sendfile,splice,vmsplice,tee,copy_file_range"
"""Calls that would copy data without showing it"""
RUN = 8
"""Samples in a row by which audio is known; twice as many are found wherever they begin"""
LAST = encode(0, 2 * RATE)[:, -1]
"""The last channel, which repeats every second"""
RUNS = {
    kind: {(LAST[start : start + RUN] / scale).astype(kind).tobytes() for start in range(RATE)}
    for kind, scale in (("<i2", 1), ("<f4", 32768))
}


def can_trace() -> bool:
    """Whether system calls can be watched here."""
    return (
        bool(shutil.which("strace"))
        and subprocess.run([*STRACE, "-o", "/dev/null", "true"], check=False).returncode == 0
    )


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only folder that a daemon is told to write to; with a counting card."""
    folder = tmp_path / "home"
    folder.mkdir()
    for variable in ("HOME", "TMPDIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(folder))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY")
    (tmp_path / "card").mkdir()
    for variable, value in drills.environment(tmp_path / "card").items():
        monkeypatch.setenv(variable, value)
    return folder


def listen(bundle: Path, endpoint: str, *before: str) -> list[dict[str, object]]:
    """Messages of a daemon that labels some seconds of the counting card; `before` starts its command."""
    command = [*before, sys.executable, "-m", "monitor.cli", "--json", "--device", "hw:1"]
    command += ["--bundle", str(bundle), "--publish", endpoint, "--max-windows", str(SECONDS)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_only_messages_are_kept(toy_bundle: Path, endpoint: str, home: Path) -> None:
    """One file remains, and all that is in it was published; less than a tenth of the audio it is about."""
    messages = listen(toy_bundle, endpoint)
    assert sum(message["type"] == "label" for message in messages) == SECONDS
    (journal,) = (path for path in home.rglob("*") if path.is_file())
    assert journal.name == "journal.sqlite"
    assert journal.stat().st_size < SECONDS * RATE * 4 * 4 / 10
    assert not re.search(rb"RIFF|fLaC|OggS|" + MAGIC, journal.read_bytes())
    entries = JournalReader(journal).after(0, 1000)
    assert [json.loads(entry.body) for entry in entries] == messages
    assert all(from_bytes(entry.body) for entry in entries)


def holds_audio(data: bytes) -> bool:
    """Whether bytes hold samples, one channel after another or in turn, 16-bit or float."""
    for kind, runs in RUNS.items():
        size = np.dtype(kind).itemsize
        for step in (1, 4):
            for offset in range(min(size * step, len(data))):
                whole = data[offset : len(data) - (len(data) - offset) % size]
                samples = np.frombuffer(whole, kind)[::step].tobytes()
                if any(samples[k : k + RUN * size] in runs for k in range(0, len(samples), RUN * size)):
                    return True
    return False


def written(log: Path) -> Iterator[tuple[str, bytes]]:
    """Process and data of each call that wrote something."""
    for line in log.read_text().splitlines():
        data = "".join(re.findall(r'"((?:\\x[0-9a-f]{2})*)"', line)).replace("\\x", "")
        yield line.split()[0], bytes.fromhex(data)


@pytest.mark.usefixtures("home")
@pytest.mark.skipif(not can_trace(), reason="needs strace (Debian: strace), and the right to use it")
def test_no_sample_is_written_but_to_the_core(toy_bundle: Path, endpoint: str, tmp_path: Path) -> None:
    """Of all that the processes write, only the pipe of the capture process carries audio; no call leaves."""
    log = tmp_path / "calls"
    listen(toy_bundle, endpoint, *STRACE, "-o", str(log), "-e", f"trace={WRITES},{UNSEEN},connect")
    calls = log.read_text()
    assert not re.search(rf"^\d+ +({UNSEEN.replace(',', '|')})\(", calls, re.MULTILINE)
    assert not re.search(r"connect\(.*AF_INET", calls)
    writes = list(written(log))
    (capture,) = {process for process, data in writes if data.startswith(b'{"sample_rate"')}
    assert {process for process, data in writes if holds_audio(data)} == {capture}
