"""A four-channel sound card without hardware: PulseAudio's null sink, opened through ALSA and PortAudio."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

MISSING = [program for program in ("pulseaudio", "paplay", "pactl") if shutil.which(program) is None]

SINK = ("module-null-sink", "sink_name=array", "rate=16000", "channels=4")
SINK += ("channel_map=front-left,front-right,rear-left,rear-right",)
_ALSA = """
</usr/share/alsa/alsa.conf>
pcm.array { type pulse; device "array.monitor"; hint { show on; description "virtual array" } }
ctl.array { type pulse }
"""


class VirtualCard:
    """A sound server of its own, with a device `array` of four channels at 16 kHz.

    Args:
        folder: an empty folder.
    """

    device = "array"

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o700)
        (folder / "asound.conf").write_text(_ALSA)
        self.environment = os.environ | {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "XDG_STATE_HOME": str(folder),
            "PULSE_RUNTIME_PATH": str(folder / "pulse"),
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
        }
        (folder / "pulse").mkdir(mode=0o700)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server."""
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1"]
        command += ["-L", "module-native-protocol-unix", "-L", " ".join(SINK)]
        self._server = subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60.0
        while self.control("info").returncode:
            if time.monotonic() > deadline:
                raise RuntimeError("the sound server did not start")
            time.sleep(0.05)

    def stop(self) -> None:
        """Kill the server, as a crash would."""
        self._server.send_signal(signal.SIGKILL)
        self._server.wait()

    def play(self, path: Path) -> subprocess.Popen[bytes]:
        """Feed a file to the card in real time."""
        return subprocess.Popen(["paplay", "--device=array", str(path)], env=self.environment)

    def send(self, number: signal.Signals) -> None:
        """A signal to the server."""
        self._server.send_signal(number)

    def control(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Ask the server, with `pactl`."""
        return subprocess.run(["pactl", *arguments], env=self.environment, capture_output=True, check=False)
