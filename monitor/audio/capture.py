"""The capture process: one card, blocking reads to stdout, ends at its first error.

PortAudio's failures cannot be survived within a process: closing a stream under a read crashes, a frozen
sound server cannot be aborted, an unplugged card spins or never returns, and no overflow is ever reported.
So a card is read here, and `soundcard.py` kills and replaces this process. It is the only file that imports
sounddevice. It goes without NumPy, which would add half to what each attempt to open a card costs.

stdout: a JSON line `{"sample_rate": .., "channels": ..}`, then blocks: a `HEADER` and float32 frames each.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import signal
import struct
import sys
from array import array
from typing import Any

from monitor import clock
from monitor.audio import devices
from monitor.audio.cards import read_cards
from monitor.audio.sources import SourceError, select_channels
from monitor.errors import Exit, MonitorError, safe

HEADER = struct.Struct("<4sd?I")
"""`MAGIC`, time of the last frame (`clock.now`, s), whether some before it were lost; how many frames"""
MAGIC = b"AMb1"
BLOCK_SECONDS = 0.1
USUAL_RATES = (8000, 16000, 32000, 44100, 48000, 96000)
"""Hertz; what a listing asks a card for"""


def main(argv: list[str] | None = None) -> int:
    """Entry point: `--list`, or a device string with what is wanted of it."""
    parser = argparse.ArgumentParser(prog="python -m monitor.audio.capture", description=__doc__)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--device", default="default")
    parser.add_argument("--sample-rate", type=int, default=16000)
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--channel-map", type=json.loads, default=[])
    args = parser.parse_args(argv)
    die_with_parent()
    try:
        sounddevice = _sounddevice()
        if args.list:
            listed = [
                vars(device) | {"rates": _rates(sounddevice, device)} for device in _devices(sounddevice)
            ]
            print(json.dumps(listed))
        else:
            _capture(sounddevice, args.device, args.sample_rate, args.channels, tuple(args.channel_map))
    except MonitorError as exc:
        print(exc, file=sys.stderr, flush=True)
        return exc.exit_code
    except BrokenPipeError:
        pass
    return Exit.OK


def die_with_parent() -> None:
    """On Linux, be killed when the parent ends, also while a read hangs."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def _sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as exc:
        message = "the PortAudio library is missing; install it (Debian: apt install libportaudio2)"
        raise SourceError(message, Exit.UNAVAILABLE) from exc
    return sounddevice


def _devices(sounddevice: Any) -> list[devices.Device]:
    default = sounddevice.default.device[0]
    return [
        devices.Device(
            index, entry["name"], entry["max_input_channels"], entry["default_samplerate"], index == default
        )
        for index, entry in enumerate(sounddevice.query_devices())
        if entry["max_input_channels"] > 0
    ]


def _capture(
    sounddevice: Any, wanted: str, sample_rate: int, channels: int, channel_map: tuple[int, ...]
) -> None:
    """Read until something fails; every failure ends the process."""
    device = devices.resolve(wanted, _devices(sounddevice), read_cards())
    # A plugin such as PulseAudio's offers any number of channels, a card only its own.
    opened = device.channels if device.hardware else max(channel_map, default=channels - 1) + 1
    selection = select_channels(f"device {safe(wanted)}", opened, channels, channel_map)
    try:
        rate = _rate(sounddevice, device, opened, sample_rate)
        block = round(BLOCK_SECONDS * rate)
        stream = sounddevice.RawInputStream(
            device=device.index,
            channels=opened,
            samplerate=rate,
            dtype="float32",
            blocksize=block,
            latency="high",
        )
        stream.start()
        _write(json.dumps({"sample_rate": rate, "channels": len(selection)}).encode() + b"\n")
        while True:
            data, overflow = stream.read(block)
            samples = array("f", bytes(data))
            if len(samples) != block * opened:
                raise SourceError(f"device {safe(wanted)} gave a part of a block", Exit.UNAVAILABLE)
            _write(HEADER.pack(MAGIC, clock.now(), overflow, block) + _selected(samples, opened, selection))
    except sounddevice.PortAudioError as exc:
        raise _explained(safe(wanted), exc) from exc


def _selected(samples: array[float], channels: int, selection: list[int]) -> bytes:
    """Some channels of interleaved frames, interleaved."""
    picked = array("f", bytes(samples.itemsize * len(samples) // channels * len(selection)))
    for place, channel in enumerate(selection):
        picked[place :: len(selection)] = samples[channel::channels]
    return picked.tobytes()


def _rate(sounddevice: Any, device: devices.Device, channels: int, wanted: int) -> int:
    """The wanted rate if the device has it, else the device's own; the core resamples."""
    try:
        sounddevice.check_input_settings(device.index, channels, "float32", samplerate=wanted)
    except sounddevice.PortAudioError:
        return round(device.sample_rate)
    return wanted


def _rates(sounddevice: Any, device: devices.Device) -> list[int]:
    """The usual rates that a card has; a plugin takes any, so it is not asked."""
    if device.hardware is None:
        return []
    found = []
    for rate in sorted({*USUAL_RATES, round(device.sample_rate)}):
        with contextlib.suppress(sounddevice.PortAudioError):
            sounddevice.check_input_settings(device.index, device.channels, "float32", samplerate=rate)
            found.append(rate)
    return found


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(sys.stdout.fileno(), view) :]


def _explained(device: str, exc: Exception) -> SourceError:
    text = safe(str(exc))
    if "unavailable" in text or "busy" in text:
        return SourceError(f"device {device} is busy: another program has it open", Exit.UNAVAILABLE)
    if "ermission" in text:
        return SourceError(
            f"device {device} may not be opened; is this user in the group audio?", Exit.NO_PERMISSION
        )
    return SourceError(f"device {device}: {text}", Exit.UNAVAILABLE)


if __name__ == "__main__":
    sys.exit(main())
