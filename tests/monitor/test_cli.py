"""The command: exit codes and words for everything that can go wrong, and quiet success."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import monitor.stream.messages
from monitor.config import DEFAULT_BUNDLE, SETTINGS, flag
from tests.toys import tone, write_audio

LIMIT = 60.0
"""Seconds for anything to happen"""
HERE = {key: value for key, value in os.environ.items() if not key.startswith(("ACTIVITY_MONITOR", "XDG_"))}


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """`activity-monitor` in a process of its own."""
    command = [sys.executable, "-m", "monitor.cli", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=HERE | environment
    )


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two and a half seconds of a low tone."""
    return write_audio(tmp_path / "kitchen.wav", tone("low", 2.5))


def test_a_replay_prints_one_line_for_each_window(toy_bundle: Path, recording: Path, endpoint: str) -> None:
    """Labels, between what started and ended, then the rest of the file; exit code 0."""
    done = run("--replay", recording, "--speed", "max", "--bundle", toy_bundle, "--publish", endpoint, "-q")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split(maxsplit=3) for line in done.stdout.splitlines()]
    assert [(array, text.split()[0]) for _, _, array, text in lines] == [
        ("kitchen", "low"),
        ("kitchen", "low"),
        ("kitchen", "low"),
        ("kitchen", "no"),
        ("kitchen", "low"),
    ]
    assert [lines[index][3] for index in (0, 3, 4)] == [
        "low started",
        "no label for 0.5 s: end of file",
        "low ended after 2 s",
    ]


def test_json_lines(toy_bundle: Path, recording: Path) -> None:
    """One message per line, numbered without a hole, starting and stopped; several arrays by name."""
    done = run(
        *("--replay", recording, "--replay", recording, "--name", "hall", "--speed", "max"),
        *("--bundle", toy_bundle, "--json", "--publish", "none", "--hop", "0.5", "--node", "attic"),
    )
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    schema = json.loads(Path(monitor.stream.messages.__file__).with_name("schema.json").read_text())
    for message in messages:
        jsonschema.validate(message, schema)
    assert [message["seq"] for message in messages] == list(range(1, len(messages) + 1))
    for array in ("hall", "kitchen"):
        own = [message for message in messages if message["array"] == array]
        assert [m["state"] for m in own if m["type"] == "health"] == ["starting", "listening", "stopped"]
        assert [m["label"] for m in own if m["type"] == "label"] == ["low"] * 4
    assert {message["node"] for message in messages} == {"attic"}


def test_max_windows_ends_a_loop(toy_bundle: Path, tmp_path: Path) -> None:
    """A file shorter than a window fills windows in a loop."""
    path = write_audio(tmp_path / "short.wav", tone("high", 0.7))
    options = ("--speed", "max", "--bundle", toy_bundle, "--publish", "none", "-q")
    done = run("--replay", path, "--loop", "--max-windows", 3, *options)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 5)
    assert "no label for 0.7 s: end of file" in run("--replay", path, *options).stdout


def silence(path: Path) -> None:
    """Digital silence."""
    write_audio(path, np.zeros((4, 32000), dtype=np.float32))


def not_finite(path: Path) -> None:
    """A float file that is not finite in one channel of one window, in all channels of the other."""
    samples = tone("low", 2.0)
    samples[2, 100] = np.inf
    samples[:, 20000] = np.nan
    write_audio(path, samples, subtype="FLOAT")


@pytest.mark.parametrize(
    ("make", "gaps", "faults"),
    [
        (silence, ["digital_silence"] * 2, []),
        (not_finite, ["no_healthy_channel"], [{"used": [0, 1, 3], "faults": {"2": "non_finite"}}]),
    ],
)
def test_unusable_samples_never_become_a_label(
    toy_bundle: Path, tmp_path: Path, make: Callable[[Path], None], gaps: list[str], faults: list[object]
) -> None:
    """Non-finite channels are left out and named; with none left, or nothing but zeros, there is a gap."""
    make(tmp_path / "a.wav")
    done = run("--replay", tmp_path, "--speed", "max", "--bundle", toy_bundle, "--publish", "none", "--json")
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert [m["reason"] for m in messages if m["type"] == "gap"] == gaps
    assert [m["channels"] for m in messages if m["type"] == "label"] == faults
    assert done.returncode == 0


def break_bundle(folder: Path) -> None:
    """A model that was changed."""
    (folder / "tones.onnx").write_bytes(b"x")


def outside(folder: Path) -> None:
    """A manifest that names a file outside."""
    text = (folder / "bundle.json").read_text()
    (folder / "bundle.json").write_text(text.replace('"file": "tones.onnx"', '"file": "../tones.onnx"'))


@pytest.fixture
def bad_places(toy_bundle: Path, recording: Path, tmp_path: Path) -> Iterator[dict[str, object]]:
    """A good recording, a folder full of bad ones, and an endpoint in use."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "void.wav").touch()
    (tmp_path / "text.wav").write_text("not audio " * 100)
    write_audio(tmp_path / "mono.wav", tone("low", 1.0, channels=1))
    (tmp_path / "typo.toml").write_text("chanels = 4\n")
    for name, damage in (("changed", break_bundle), ("outside", outside)):
        shutil.copytree(toy_bundle, tmp_path / name)
        damage(tmp_path / name)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        yield {"wav": recording, "tmp": tmp_path, "busy": f"tcp://127.0.0.1:{busy.getsockname()[1]}"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "nothing to monitor: give --device"),
        (["--devise", "hw:1"], 2, r"unknown option --devise; did you mean --device\?"),
        (["--replay"], 2, "expected one argument"),
        (["watch"], 2, "invalid choice: 'watch'"),
        (["--replay", "{wav}", "--hop", "0"], 2, "--hop: a number of seconds above 0 wanted"),
        (
            ["--replay", "{wav}", "--hop", "2"],
            78,
            r"a hop of 2 s is not within 1 s, the window of bundle toy",
        ),
        (
            ["--replay", "{wav}", "--publish", "tcp://0.0.0.0:5556"],
            2,
            "needs keys: `activity-monitor keys init`",
        ),
        (["--replay", "{wav}", "--name", "a", "--name", "b"], 2, r"more names \(2\) than arrays \(1\)"),
        (["--replay", "{tmp}/none.wav"], 66, "no such file or folder: .*none.wav"),
        (["--replay", "{tmp}/empty"], 66, "no audio files in the folder .*empty"),
        (["--replay", "{tmp}/void.wav"], 65, "void.wav is empty"),
        (["--replay", "{tmp}/text.wav"], 65, "text.wav is not a usable audio file"),
        (["--replay", "{tmp}/mono.wav"], 65, "mono.wav has 1 channel, 4 wanted; .*--mono-to-all"),
        (["--replay", "{wav}", "--bundle", "{tmp}/none"], 66, "no bundle at .*none"),
        (["--replay", "{wav}", "--bundle", "{tmp}/changed"], 65, "tones.onnx is damaged or was changed"),
        (["--replay", "{wav}", "--bundle", "{tmp}/outside"], 65, r"\.\./tones.onnx, which is not in it"),
        (["--replay", "{wav}", "--config", "{tmp}/none.toml"], 78, "none.toml: no such file"),
        (
            ["--replay", "{wav}", "--config", "{tmp}/typo.toml"],
            78,
            "chanels: no such setting; did you mean channels",
        ),
        (["--replay", "{wav}", "--publish", "{busy}"], 69, "is in use: another daemon may be running"),
        (
            ["--replay", "{wav}", "--journal", "{tmp}/text.wav"],
            74,
            "text.wav is something else; choose another --journal",
        ),
        (["subscribe", "--since", "yesterday"], 2, "'yesterday' is no age such as 90s"),
        (["subscribe", "--after", "-1"], 2, "expected one argument|is no number of a message"),
        (["subscribe", "--after", "1", "--since", "1h"], 2, "not allowed with argument"),
        (["timeline", "--since", "30s"], 2, "'30s' is less than a minute"),
        (["timeline", "--since", "1e99d"], 2, "'1e99d' is no age such as 90s"),
        (["timeline", "-o", "day.gif"], 2, "'day.gif' is no name that ends in .svg, .png, .html"),
        (["timeline", "--journal", "{tmp}/none"], 66, "none: No such file or directory"),
        (["timeline", "--journal", "{tmp}/text.wav"], 74, "text.wav: file is not a database"),
        (["subscribe", "--key", "{tmp}/none.key_secret"], 78, "no key file .*none.key_secret"),
        (["dashboard", "--key", "{wav}"], 78, "kitchen.wav is damaged, or no key file"),
        (["--replay", "{wav}", "--publish", "{busy}", "--keys", "{tmp}"], 78, "make some with `keys init`"),
    ],
)
def test_bad_input_gets_one_line_and_its_exit_code(
    toy_bundle: Path, bad_places: dict[str, object], arguments: list[str], code: int, message: str
) -> None:
    """What was wanted, what was found, what to do; never a traceback."""
    given = [argument.format(**bad_places) for argument in arguments]
    if given[:1] == ["--replay"]:
        given = ["--publish", "none", "--speed", "max", "--bundle", str(toy_bundle), "-q", *given]
    done = run(*given)
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("activity-monitor: error: ")
    assert re.search(message, line), line
    assert done.stdout == ""


def test_audio_that_breaks_off_is_used_as_far_as_it_goes(toy_bundle: Path, tmp_path: Path) -> None:
    """A damaged FLAC gives the labels before the damage, then an error and exit code 65."""
    path = write_audio(tmp_path / "a.flac", tone("low", 3.0))
    data = path.read_bytes()
    path.write_bytes(data[: 2 * len(data) // 3] + bytes(len(data) // 3))
    done = run("--replay", path, "--speed", "max", "--bundle", toy_bundle, "--publish", "none", "-q")
    assert done.returncode == 65
    assert done.stdout.count(" low ") >= 1
    assert "a.flac is damaged" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run(toy_bundle: Path, recording: Path, endpoint: str, number: int) -> None:
    """Exit code 0; the last line is whole, and labels and gaps account for the time until the stop."""
    command = [sys.executable, "-m", "monitor.cli", "--replay", recording, "--loop", "--json", "--bundle"]
    with subprocess.Popen(
        [*command, toy_bundle, "--publish", endpoint],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        while json.loads(process.stdout.readline())["type"] != "label":
            pass
        process.send_signal(number)
        rest, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    messages = [json.loads(line) for line in rest.splitlines()]
    assert messages[-1]["state"] == "stopped"
    assert messages[-2]["event_type"] == "ended"
    assert messages[-3]["reason"] == "stopped"
    assert "Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_reader_that_stands_still_does_not_hold_up_the_end(
    toy_bundle: Path, recording: Path, number: int
) -> None:
    """The pipe is full, and nobody will ever read it."""
    command = [sys.executable, "-m", "monitor.cli", "--replay", recording, "--loop", "--speed", "max"]
    with subprocess.Popen(
        [*command, "--json", "--publish", "none", "--bundle", toy_bundle],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        before, length = -1, 0
        while length != before or not length:  # until it is full
            time.sleep(0.5)
            before = length
            length = int.from_bytes(fcntl.ioctl(process.stdout, termios.FIONREAD, bytes(4)), sys.byteorder)
        process.send_signal(number)
        assert process.wait(LIMIT) == 0
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(endpoint: str, number: int) -> None:
    """A dashboard leaves the alternate screen and shows the cursor again."""
    terminal, inner = os.openpty()
    command = [sys.executable, "-m", "monitor.cli", "dashboard", "--connect", endpoint]
    client = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, env={"TERM": "xterm"} | HERE)
    os.close(inner)
    written = b""
    while b"\x1b[?1049h" not in written:
        written += os.read(terminal, 1 << 16)
    time.sleep(0.5)  # until the first picture is there, too
    client.send_signal(number)
    with contextlib.suppress(OSError):  # the other end is closed
        while data := os.read(terminal, 1 << 16):
            written += data
    os.close(terminal)
    assert client.wait(LIMIT) == 0
    assert b"\x1b[?1049l" in written
    assert b"\x1b[?25h" in written


def test_a_reader_that_leaves_ends_the_run_quietly(toy_bundle: Path, recording: Path) -> None:
    """As with `| head -1`."""
    command = (
        f"{sys.executable} -m monitor.cli --replay {recording} --loop --speed max --json --publish none -q"
    )
    shell = ["bash", "-c", f"set -o pipefail; {command} --bundle {toy_bundle} | head -1"]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)


def test_subscribe_prints_what_a_daemon_publishes(toy_bundle: Path, recording: Path, endpoint: str) -> None:
    """From another process, from the past on, as JSON and as lines."""
    command = [sys.executable, "-m", "monitor.cli"]
    daemon = subprocess.Popen(
        [*command, "--replay", recording, "--loop", "--json", "--bundle", toy_bundle, "--publish", endpoint],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert daemon.stdout is not None
    published = [json.loads(daemon.stdout.readline()) for _ in range(4)]
    for kind, words in (("label", " low "), ("event", "  low started\n")):
        options = ["subscribe", "--connect", endpoint, "--since", "1h", "--type", kind]
        for extra in (["--json"], []):
            client = subprocess.Popen([*command, *options, *extra], stdout=subprocess.PIPE, text=True)
            assert client.stdout is not None
            line = client.stdout.readline()
            client.send_signal(signal.SIGINT)
            assert client.wait(LIMIT) == 0
            assert json.loads(line) in published if extra else words in line
    daemon.terminate()
    daemon.communicate(timeout=LIMIT)


def test_a_subscriber_without_a_daemon_is_told_so(endpoint: str) -> None:
    """It waits, and says for whom."""
    command = [sys.executable, "-m", "monitor.cli", "subscribe", "--connect", endpoint]
    client = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert client.stderr is not None
    assert f"nothing heard yet from {endpoint}; is a daemon running there?" in client.stderr.readline()
    client.terminate()
    client.wait(LIMIT)


def test_a_daemon_that_has_nothing_to_say_is_not_taken_for_none(
    toy_bundle: Path, recording: Path, endpoint: str
) -> None:
    """No message of the wanted type is no reason to ask whether a daemon is running."""
    command = [sys.executable, "-m", "monitor.cli"]
    daemon = subprocess.Popen(
        [*command, "--replay", recording, "--loop", "--json", "--bundle", toy_bundle, "--publish", endpoint],
        stdout=subprocess.PIPE,
    )
    assert daemon.stdout is not None
    daemon.stdout.readline()
    client = subprocess.Popen(
        [*command, "subscribe", "--connect", endpoint, "--type", "gap"], stderr=subprocess.PIPE, text=True
    )
    time.sleep(5.0)
    for process in (client, daemon):
        process.terminate()
    assert client.communicate(timeout=LIMIT)[1] == ""
    daemon.communicate(timeout=LIMIT)


def test_bundle_show() -> None:
    """What the shipped bundle holds, as a table, and what a window costs."""
    shown = run("bundle", "show", COLUMNS="150").stdout
    rows = [line.split() for line in shown.splitlines()]
    assert ["hears", "windows", "of", "10", "s", "at", "16000", "Hz"] in rows
    assert ["publishes", "scores", "of", "a", "stack", "on", "crnn-50,"] in [row[:7] for row in rows]
    assert ["crnn-50", "crnn", "crnn-50.onnx", "mean", "3.5"] in [row[:5] for row in rows]
    assert "generated by this program" in shown
    assert re.search(r"costs here +[\d.]+ ms", shown)


def test_bundle_verify(tmp_path: Path) -> None:
    """The shipped bundle passes; one with a changed file does not, with exit code 65."""
    done = run("bundle", "verify")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(
        r"default@[0-9a-f]{12}: 4 files are whole; scores as where it was made, within .*\n", done.stdout
    )
    shutil.copytree(DEFAULT_BUNDLE, tmp_path / "copy")
    (tmp_path / "copy" / "MODEL_CARD.md").write_text("fit for everything")
    done = run("bundle", "verify", tmp_path / "copy")
    assert done.returncode == 65
    assert "MODEL_CARD.md is damaged or was changed" in done.stderr


HEAVY = {"torch", "sklearn", "librosa", "matplotlib", "trainer", "export", "numba", "pandas", "sounddevice"}


def imported_by(program: str) -> set[str]:
    """Top-level modules in a fresh process after `program`."""
    code = f"import sys\n{program}\nprint('\\n'.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=HERE)
    return set(done.stdout.split("\n"))


def test_the_daemon_runs_without_the_trainers_libraries(toy_bundle: Path, recording: Path) -> None:
    """A whole replay imports neither torch nor sounddevice."""
    arguments = ["--replay", recording, "--speed", "max", "--bundle", toy_bundle, "--publish", "none"]
    modules = imported_by(f"import monitor.cli\nassert monitor.cli.main({[*map(str, arguments)]}) == 0")
    assert "onnxruntime" in modules
    assert modules & HEAVY == set()


def test_help_needs_nothing_heavy_and_names_every_setting() -> None:
    """`--help` answers at once, because it imports neither numpy nor a model runtime."""
    modules = imported_by(
        "import monitor.cli\ntry:\n    monitor.cli.main(['--help'])\nexcept SystemExit: pass"
    )
    assert modules & (HEAVY | {"numpy", "onnxruntime", "zmq", "rich"}) == set()
    text = run("--help").stdout
    assert all(flag(key) in text for key in SETTINGS)


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("sounddevice", {"monitor/audio/capture.py"}),
        ("onnxruntime", {"monitor/inference/graph.py"}),
        (
            "zmq",
            {
                f"monitor/stream/{name}.py"
                for name in ("connection", "gate", "keys", "publisher", "subscriber")
            },
        ),
        (
            "rich",
            {
                f"monitor/views/{name}.py"
                for name in (
                    *("dashboard", "inventory", "lines", "look", "panel", "render", "strips", "summary"),
                    "timeline_rows",
                )
            },
        ),
        ("paho", {"monitor/views/broker.py"}),
        ("prometheus_client", {"monitor/metrics.py"}),
        ("torch", set()),
        ("trainer", set()),
        ("export", set()),
    ],
)
def test_each_outside_library_is_imported_in_its_own_file(module: str, allowed: set[str]) -> None:
    """The import rules of the house."""
    root = Path(__file__).parents[2]
    importers = {
        str(path.relative_to(root))
        for path in (root / "monitor").rglob("*.py")
        for line in path.read_text().splitlines()
        if line.split()[:2] in (["import", module], ["from", module])
        or line.strip().startswith((f"from {module}.", f"import {module}."))
    }
    assert importers == allowed
