"""Device strings -> exactly one device.

PortAudio by itself matches substrings (`hw:1` also opens `hw:10,0`), so the choice is made here. Forms:

    hw:1  hw:1,0                 card (and device) number
    hw:CARD=ArrayUAC10[,DEV=0]   card by its ALSA id: the same after a reboot
    usb:2886:0018                card by its USB vendor and product
    usb-0000:00:14.0-2           card by the USB port it is plugged into, as /proc/asound/cards names it
    default                      what PortAudio calls the default
    NAME                         a PCM of an asoundrc, or the full name of a device
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from monitor.audio.cards import Card, Input
from monitor.audio.sources import SourceError, select_channels
from monitor.errors import Exit, safe

LIST_TIMEOUT = 20.0
"""Seconds that a listing may take; PortAudio alone waits a second for each busy card"""


class Place(NamedTuple):
    """Where a device is among the ALSA cards."""

    card: int
    device: int


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
    rates: tuple[int, ...] = ()
    """Usual rates that a card has, hertz; asked for a listing only"""

    @property
    def hardware(self) -> Place | None:
        """If it is a card and not a plugin."""
        match = re.search(r"\(hw:(\d+),(\d+)\)$", self.name)
        return Place(int(match[1]), int(match[2])) if match else None


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
        SourceError: exit code 69 with what could be opened instead, or why this one cannot be opened (77 if
            that is a missing right); 65 if the string fits several.
    """
    places = _places(wanted, cards)
    if len(places) > 1:
        names = " or ".join(_stable_name(place, cards) for place in places)
        raise SourceError(f"{safe(wanted)} fits {len(places)} cards; say which of them: {names}")
    if places:
        found = [device for device in devices if device.hardware in places]
    elif wanted == "default":
        found = [device for device in devices if device.default]
    else:
        found = [device for device in devices if device.name == wanted]
    if not found:
        raise _absent(wanted, places, devices, cards)
    return found[0]


def blocked(wanted: str, cards: list[Card]) -> bool:
    """Whether the kernel shows why a card cannot be opened, so that it will show a change of that as well: it
    is away, held or not permitted. Never of a plugin, nor where no card shows that /proc/asound can be seen.
    """
    if not cards or not re.match(r"hw:|usb[:-]", wanted):
        return False
    places = _places(wanted, cards)
    return not any(each.permitted and each.holder is None for each in _inputs(places, cards))


def stable_name(device: Device, cards: list[Card]) -> str:
    """The device string to paste: one that means the same device after a reboot, if there is one."""
    return safe(device.name) if device.hardware is None else _stable_name(device.hardware, cards)


def steadier(wanted: str, cards: list[Card]) -> str | None:
    """What to write instead of a bare card number, since these change at boot; None if nothing is better."""
    if not re.match(r"hw:\d", wanted):
        return None
    names = [_stable_name(place, cards) for place in _places(wanted, cards)]
    return names[0] if names and names[0].startswith(("hw:CARD=", "usb")) else None


def listing(
    devices: list[Device], cards: list[Card], channels: int, channel_map: tuple[int, ...]
) -> Iterator[str]:
    """Lines for people: what can be opened, with the string to paste, and what cannot, with the reason.

    Args:
        devices: what PortAudio can open.
        cards: what there is.
        channels: wanted of an array.
        channel_map: channels to take, counted from zero; empty to take all.
    """
    for device in devices:
        name = stable_name(device, cards)
        rates = (
            ", ".join(f"{rate / 1000:g}" for rate in device.rates) + " kHz" if device.rates else "any rate"
        )
        yield f"{name:<28} {device.channels:>3} channels  {rates}  {safe(device.name)}"
        if device.default:
            yield "    is the default"
        if device.hardware is None:
            yield "    is a plugin, which may mix channels and resample unasked; prefer a card"
            continue
        for other in _usb_names(device.hardware, cards):
            if other != name:
                yield f"    or {other}"
        try:
            select_channels("it", device.channels, channels, channel_map)
        except SourceError as exc:
            yield f"    cannot be used as it is: {exc}"
    listed = {device.hardware for device in devices}
    for card in cards:
        for each in card.inputs:
            place = Place(card.number, each.device)
            if place not in listed:
                yield f"{_stable_name(place, cards):<28} cannot be used: it {_obstacle(each)[0]}"


def _places(wanted: str, cards: list[Card]) -> list[Place]:
    """Where the devices are that a string of a card fits; several if the cards are alike."""
    if match := re.fullmatch(r"hw:(\d+)(?:,(\d+))?", wanted):
        return [Place(int(match[1]), int(match[2] or 0))]
    if match := re.fullmatch(r"hw:CARD=([^,]+)(?:,DEV=(\d+))?", wanted):
        return [Place(card.number, int(match[2] or 0)) for card in cards if card.id == match[1]]
    if match := re.fullmatch(r"usb:([0-9a-fA-F]{4}:[0-9a-fA-F]{4})", wanted):
        return [Place(card.number, 0) for card in cards if card.usb == match[1].lower()]
    return [Place(card.number, 0) for card in cards if card.port == wanted]


def _stable_name(place: Place, cards: list[Card]) -> str:
    card = next((card for card in cards if card.number == place.card), None)
    suffix = f",DEV={place.device}" if place.device else ""
    if card is None:
        return f"hw:{place.card},{place.device}" if place.device else f"hw:{place.card}"
    twins = [each for each in cards if card.usb and each.usb == card.usb]
    if len(twins) > 1 and card.port and not suffix:  # the ids of twins depend on which was found first
        return safe(card.port)
    return f"hw:CARD={safe(card.id)}{suffix}"


def _usb_names(place: Place, cards: list[Card]) -> list[str]:
    """Strings that mean the device by what is plugged in, and where."""
    card = next((card for card in cards if card.number == place.card), None)
    if card is None or card.usb is None or place.device:
        return []
    names = [f"usb:{card.usb}", card.port or ""]
    return [safe(name) for name in names if len(_places(name, cards)) == 1]


def _absent(wanted: str, places: list[Place], devices: list[Device], cards: list[Card]) -> SourceError:
    """Why PortAudio does not list the device."""
    for each in _inputs(places, cards):
        reason, exit_code = _obstacle(each)
        return SourceError(f"device {safe(wanted)} {reason}", exit_code)
    there = ", ".join(stable_name(device, cards) for device in devices) or "none at all"
    return SourceError(f"no device {safe(wanted)}; there is: {there}", Exit.UNAVAILABLE)


def _inputs(places: list[Place], cards: list[Card]) -> list[Input]:
    """What the kernel says of the devices at these places."""
    return [each for card in cards for each in card.inputs if Place(card.number, each.device) in places]


def _obstacle(found: Input) -> tuple[str, Exit]:
    """Why an input that is there cannot be opened."""
    if not found.permitted:
        return "may not be opened by this user; is it in the group audio?", Exit.NO_PERMISSION
    if found.holder:
        return f"is busy: {safe(found.holder)} has it open", Exit.UNAVAILABLE
    return "is there, but PortAudio cannot open it", Exit.UNAVAILABLE
