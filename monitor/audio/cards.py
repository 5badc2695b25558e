"""What the kernel says of ALSA cards; PortAudio lists only those that it can open."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Input:
    """A capture device of a card."""

    device: int
    holder: str | None = None
    """The program that has it open, if any"""
    permitted: bool = True
    """This user may open it"""


@dataclass(frozen=True)
class Card:
    """An ALSA card."""

    number: int
    id: str
    usb: str | None = None
    """`vendor:product` in hexadecimal"""
    port: str | None = None
    """`usb-<controller>-<port>` as in /proc/asound/cards: where it is plugged in"""
    inputs: tuple[Input, ...] = ()


def read_cards(root: Path = Path("/")) -> list[Card]:
    """The machine's ALSA cards, in the order of their numbers; none where /proc/asound is hidden.

    Args:
        root: folder that holds `proc/asound`, `dev/snd` and the rest of `proc`.
    """
    cards = []
    for folder in (root / "proc/asound").glob("card[0-9]*"):
        with contextlib.suppress(OSError):  # unplugged meanwhile
            cards.append(_card(root, folder))
    return sorted(cards, key=lambda card: card.number)


def _card(root: Path, folder: Path) -> Card:
    number = int(folder.name.removeprefix("card"))
    usb, stream = folder / "usbid", folder / "stream0"
    # "<name> at usb-0000:00:14.0-2, high speed : USB Audio"; the kernel cuts long lines, so the comma counts.
    port = re.search(r" at (usb-[^\s,]+),", stream.read_text()) if stream.exists() else None
    return Card(
        number,
        (folder / "id").read_text().strip(),
        usb.read_text().strip() if usb.exists() else None,
        port[1] if port else None,
        tuple(sorted((_input(root, number, pcm) for pcm in folder.glob("pcm*c")), key=lambda i: i.device)),
    )


def _input(root: Path, card: int, pcm: Path) -> Input:
    device = int(pcm.name[3:-1])
    node = root / f"dev/snd/pcmC{card}D{device}c"
    return Input(device, _holder(root, pcm / "sub0" / "status"), os.access(node, os.R_OK | os.W_OK))


def _holder(root: Path, status: Path) -> str | None:
    owner = re.search(r"owner_pid\s*:\s*(\d+)", status.read_text())
    if owner is None:
        return None
    with contextlib.suppress(OSError):  # it has ended, or is none of this user's business
        return f"{(root / f'proc/{owner[1]}/comm').read_text().strip()} (process {owner[1]})"
    return f"process {owner[1]}"
