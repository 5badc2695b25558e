"""Device strings -> exactly one device.

PortAudio by itself matches substrings (`hw:1` also opens `hw:10,0`), so the choice is made here. Forms:

    hw:1  hw:1,0                 card (and device) number
    hw:CARD=ArrayUAC10[,DEV=0]   card by its ALSA id: the same after a reboot
    usb:2886:0018                card by its USB vendor and product
    default                      what PortAudio calls the default
    NAME                         a PCM of an asoundrc, or the full name of a device
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from monitor.audio.sources import SourceError
from monitor.errors import Exit, safe

LIST_TIMEOUT = 20.0
"""Seconds that a listing may take; PortAudio alone waits a second for each busy card"""


@dataclass(frozen=True)
class Device:
    """An input device as PortAudio lists it."""

    index: int
    name: str
    channels: int
    """Most input channels"""
    sample_rate: float
    """Hertz, the device's default"""
    default: bool = False

    @property
    def hardware(self) -> tuple[int, int] | None:
        """ALSA card and device number, if it is a card and not a plugin."""
        match = re.search(r"\(hw:(\d+),(\d+)\)$", self.name)
        return (int(match[1]), int(match[2])) if match else None


@dataclass(frozen=True)
class Card:
    """An ALSA card."""

    number: int
    id: str
    usb: str | None = None
    """`vendor:product` in hexadecimal"""


def read_cards(root: Path = Path("/proc/asound")) -> list[Card]:
    """The machine's ALSA cards, in the order of their numbers."""
    cards = []
    for folder in root.glob("card[0-9]*"):
        usb = folder / "usbid"
        with contextlib.suppress(OSError):  # unplugged meanwhile
            name = (folder / "id").read_text().strip()
            usb_id = usb.read_text().strip() if usb.exists() else None
            cards.append(Card(int(folder.name.removeprefix("card")), name, usb_id))
    return sorted(cards, key=lambda card: card.number)


def list_devices() -> list[Device]:
    """Input devices, asked in a process of its own: PortAudio's list is frozen within one process.

    Raises:
        SourceError: PortAudio is missing (exit code 69), or does not answer.
    """
    command = [sys.executable, "-m", "monitor.audio.capture", "--list"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIST_TIMEOUT, check=False)
    except subprocess.TimeoutExpired as exc:
        raise SourceError("the sound system does not answer", Exit.UNAVAILABLE) from exc
    if done.returncode:
        raise SourceError(last_line(done.stderr) or "listing the devices failed", Exit.UNAVAILABLE)
    return [Device(**entry) for entry in json.loads(done.stdout)]


def last_line(stderr: bytes) -> str:
    """What a child process said last, harmless for a terminal."""
    lines = stderr.decode(errors="replace").strip().splitlines()
    return safe(lines[-1]) if lines else ""


def resolve(wanted: str, devices: list[Device], cards: list[Card]) -> Device:
    """The one device that a device string means.

    Raises:
        SourceError: exit code 69 with the devices that exist; 65 if the string fits several.
    """
    if wanted == "default":
        found = [device for device in devices if device.default]
    elif match := re.fullmatch(r"hw:(\d+)(?:,(\d+))?", wanted):
        found = _by_number(devices, {int(match[1])}, int(match[2] or 0))
    elif match := re.fullmatch(r"hw:CARD=([^,]+)(?:,DEV=(\d+))?", wanted):
        found = _by_number(
            devices, {card.number for card in cards if card.id == match[1]}, int(match[2] or 0)
        )
    elif match := re.fullmatch(r"usb:([0-9a-fA-F]{4}:[0-9a-fA-F]{4})", wanted):
        found = _by_number(devices, {card.number for card in cards if card.usb == match[1].lower()}, 0)
    else:
        found = [device for device in devices if device.name == wanted]
    if not found:
        there = ", ".join(stable_name(device, cards) for device in devices) or "none at all"
        raise SourceError(f"no device {safe(wanted)}; there is: {there}", Exit.UNAVAILABLE)
    if len(found) > 1:
        names = ", ".join(safe(device.name) for device in found)
        raise SourceError(f"{safe(wanted)} fits {len(found)} devices: {names}; name one as hw:CARD,DEVICE")
    return found[0]


def stable_name(device: Device, cards: list[Card]) -> str:
    """The device string to paste: by card id where there is one, since card numbers change at boot."""
    if device.hardware is None:
        return safe(device.name)
    number, subdevice = device.hardware
    ids = [card.id for card in cards if card.number == number]
    name = f"hw:CARD={safe(ids[0])}" if ids else f"hw:{number}"
    separator = ",DEV=" if ids else ","
    return f"{name}{separator}{subdevice}" if subdevice else name


def _by_number(devices: list[Device], cards: set[int], subdevice: int) -> list[Device]:
    return [d for d in devices if d.hardware and d.hardware[0] in cards and d.hardware[1] == subdevice]
