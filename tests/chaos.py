"""Faults in a live run of the whole daemon on the virtual card: `python -m tests.chaos`.

Prints what the daemon said to each. Exits 1 if there was no label within 10 s of a fault's end, if time is in
neither a label nor a gap, or if a message was lost.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import zmq
from rich.console import Console
from rich.progress import track

from tests.counter import RATE, encode
from tests.toys import write_toy_bundle
from tests.unplugged import COMPILER, Plug
from tests.virtual_card import MISSING, SINK, VirtualCard
from trainer.tables import Column, markdown

BACK_LIMIT = 10.0
"""Seconds after the end of a fault within which there must be a label"""
COLUMNS = (
    Column("fault", "fault"),
    Column("said", "said"),
    Column("gaps", "in gaps", "{:.1f} s".format, number=True),
    Column("back", "label after", "{:.1f} s".format, number=True),
)
FEED = ["pacat", "--playback", "--device=array", "--raw", "--format=s16le", f"--rate={RATE}", "--channels=4"]
FEED += ["--latency-msec=200"]


class Scene:
    """A virtual card with sound on it, and a daemon that listens.

    Args:
        folder: an empty folder.
        stack: ends it all.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        (folder / "card").mkdir()
        self.card = stack.enter_context(VirtualCard(folder / "card"))
        self.plug = Plug(folder)
        self.card.environment |= self.plug.environment
        self.bundle = write_toy_bundle(folder / "toy.bundle")
        self.endpoint = f"ipc://{folder}/stream"
        self._over = threading.Event()
        feeder = threading.Thread(target=self._feed)
        feeder.start()
        stack.callback(feeder.join)
        stack.callback(self._over.set)
        command = [sys.executable, "-m", "monitor.cli", "--json", "-q", "--device", self.card.device]
        command += ["--bundle", str(self.bundle), "--publish", self.endpoint]
        self.daemon = subprocess.Popen(command, env=self.card.environment, stdout=subprocess.PIPE)
        stack.callback(self.daemon.wait)
        stack.callback(self.daemon.kill)
        self.messages: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _feed(self) -> None:
        number = 1
        while not self._over.is_set():
            with subprocess.Popen(
                FEED, env=self.card.environment, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
            ) as player:
                assert player.stdin is not None
                try:
                    while not self._over.is_set():
                        player.stdin.write(encode(number, RATE // 10).tobytes())
                        number += RATE // 10
                except BrokenPipeError:
                    time.sleep(0.1)
                player.kill()

    def _read(self) -> None:
        assert self.daemon.stdout is not None
        for line in self.daemon.stdout:
            self.messages.append(json.loads(line))

    def child(self, module: str) -> int:
        """Process that runs a module of the monitor."""
        tasks = Path(f"/proc/{self.daemon.pid}/task").iterdir()
        children = " ".join((task / "children").read_text() for task in tasks).split()
        return next(
            int(pid) for pid in children if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        )

    def label_after(self, since: int) -> float:
        """Seconds until there is a label among the messages from an index on."""
        began = time.monotonic()
        while not any(message["type"] == "label" for message in self.messages[since:]):
            if time.monotonic() > began + 60.0:
                raise TimeoutError("no label for a minute")
            time.sleep(0.02)
        return time.monotonic() - began

    def finish(self) -> bool:
        """End the daemon; whether every message and all time was there."""
        self.daemon.send_signal(signal.SIGTERM)
        self._reader.join()
        items = [message for message in self.messages if message["type"] in ("label", "gap")]
        whole = all(one["end"] == other["start"] for one, other in pairwise(items))
        return whole and [m["seq"] for m in self.messages] == list(range(1, len(self.messages) + 1))


@dataclass(frozen=True)
class Fault:
    """Something that happens to a scene for a while."""

    name: str
    begin: Callable[[Scene], object]
    seconds: float = 3.0
    end: Callable[[Scene], object] = lambda _: None


def _pactl(*arguments: str) -> Callable[[Scene], object]:
    return lambda scene: scene.card.control(*arguments)


def _server(number: signal.Signals) -> Callable[[Scene], object]:
    return lambda scene: scene.card.send(number)


def _child(module: str, number: signal.Signals) -> Callable[[Scene], object]:
    return lambda scene: os.kill(scene.child(module), number)


def _replug(channels: int) -> Callable[[Scene], object]:
    sink = [*SINK[:3], f"channels={channels}"]

    def act(scene: Scene) -> None:
        scene.card.control("unload-module", "module-null-sink")
        scene.card.control("load-module", *sink)

    return act


def _room_on_disk(size: int) -> Callable[[Scene], object]:
    """As a full disk does, the limit makes every write to a file fail."""
    limits = (size, resource.RLIM_INFINITY)
    return lambda scene: resource.prlimit(scene.daemon.pid, resource.RLIMIT_FSIZE, limits)


def _replace_model(scene: Scene) -> None:
    (model,) = scene.bundle.glob("*.onnx")
    model.write_bytes(b"no model at all")


def _flood(scene: Scene) -> None:
    """A client that subscribes to 50,000 things and reads nothing."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    client = context.socket(zmq.SUB)
    client.connect(scene.endpoint)
    for number in range(50_000):
        client.subscribe(f"activity/{number}/")
    time.sleep(3.0)
    context.destroy(linger=0)


FAULTS = (
    Fault("capture process killed", _child("monitor.audio.capture", signal.SIGKILL)),
    Fault("capture process stopped", _child("monitor.audio.capture", signal.SIGSTOP)),
    Fault("sound server killed", lambda scene: scene.card.stop(), 3.0, lambda scene: scene.card.start()),
    Fault("sound server stopped", _server(signal.SIGSTOP), 5.0, _server(signal.SIGCONT)),
    Fault("plug pulled", lambda scene: scene.plug.pull(), 3.0, lambda scene: scene.plug.insert()),
    Fault("source unloaded", _pactl("unload-module", "module-null-sink"), 3.0, _pactl("load-module", *SINK)),
    Fault("back with two channels", _replug(2), 8.0, _replug(4)),
    Fault("suspended", _pactl("suspend-sink", "array", "1"), 3.0, _pactl("suspend-sink", "array", "0")),
    Fault(
        "muted",
        _pactl("set-source-mute", "array.monitor", "1"),
        3.0,
        _pactl("set-source-mute", "array.monitor", "0"),
    ),
    Fault(
        "daemon stopped",
        lambda scene: scene.daemon.send_signal(signal.SIGSTOP),
        30.0,
        lambda scene: scene.daemon.send_signal(signal.SIGCONT),
    ),
    Fault("publisher killed", _child("monitor.stream.publisher", signal.SIGKILL)),
    Fault("publisher stopped", _child("monitor.stream.publisher", signal.SIGSTOP), 10.0),
    Fault("subscriptions by the thousand", _flood),
    Fault("disk full", _room_on_disk(1), 5.0, _room_on_disk(resource.RLIM_INFINITY)),
    Fault("model replaced", _replace_model),
)


def play(scene: Scene, fault: Fault) -> dict[str, Any]:
    """A row of the table."""
    scene.label_after(max(0, len(scene.messages)))
    first = len(scene.messages)
    fault.begin(scene)
    time.sleep(fault.seconds)
    fault.end(scene)
    back = scene.label_after(len(scene.messages))
    time.sleep(2.0)
    told = scene.messages[first:]
    gaps = [message for message in told if message["type"] == "gap"]
    states = [message["state"] for message in told if message["type"] == "health"]
    said = dict.fromkeys(
        [gap["reason"] for gap in gaps] + [state for state in states if state != "listening"]
    )
    lost = sum(gap["lost_samples"] for gap in gaps) / RATE
    return {"fault": fault.name, "said": ", ".join(said) or "nothing", "gaps": lost, "back": back}


def main() -> int:
    """Play every fault and print the table; 1 if a promise was broken."""
    missing = [*MISSING, *([] if COMPILER else ["a C compiler"])]
    if missing:
        print(f"needs {', '.join(missing)} (Debian: see .ci/debian-packages)", file=sys.stderr)
        return 69
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        scene = Scene(Path(name), stack)
        turns = track(FAULTS, "chaos", console=Console(stderr=True), transient=True)
        rows = [play(scene, fault) for fault in turns]
        whole = scene.finish()
    print(markdown(COLUMNS, rows), end="")
    print(f"\nEvery message and all time between start and stop accounted for: {'yes' if whole else 'no'}")
    return int(not whole or any(row["back"] > BACK_LIMIT for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
