"""Device strings."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.audio.devices import Card, Device, read_cards, resolve, stable_name
from monitor.audio.sources import SourceError
from monitor.errors import Exit

DEVICES = [
    Device(0, "HDA Intel PCH: ALC257 Analog (hw:0,0)", 2, 44100.0),
    Device(1, "ReSpeaker 4 Mic Array (UAC1.0): USB Audio (hw:1,0)", 6, 16000.0),
    Device(2, "ReSpeaker 4 Mic Array (UAC1.0): USB Audio (hw:10,0)", 6, 16000.0),
    Device(3, "HDA Intel PCH: ALC257 Alt Analog (hw:0,2)", 2, 44100.0),
    Device(4, "array", 32, 44100.0, default=True),
]
CARDS = [
    Card(0, "PCH"),
    Card(1, "ArrayUAC10", "2886:0018"),
    Card(10, "ArrayUAC10_1", "2886:0019"),
]


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("hw:1", 1),
        ("hw:1,0", 1),
        ("hw:10", 2),
        ("hw:0,2", 3),
        ("hw:CARD=ArrayUAC10", 1),
        ("hw:CARD=ArrayUAC10_1,DEV=0", 2),
        ("hw:CARD=PCH,DEV=2", 3),
        ("usb:2886:0018", 1),
        ("array", 4),
        ("default", 4),
    ],
)
def test_a_device_string_means_one_device(text: str, index: int) -> None:
    """hw:1 is card 1 device 0 and never card 10."""
    assert resolve(text, DEVICES, CARDS).index == index


@pytest.mark.parametrize(
    "text", ["hw:2", "hw:1,1", "hw:CARD=Array", "usb:1234:5678", "arr", "hw:", "", "hw:1x"]
)
def test_an_unknown_device_is_named_with_those_that_exist(text: str) -> None:
    """Nothing is guessed: the error lists what could be pasted instead."""
    with pytest.raises(
        SourceError, match=r"there is: .*hw:CARD=ArrayUAC10, .*hw:CARD=PCH,DEV=2, array"
    ) as error:
        resolve(text, DEVICES, CARDS)
    assert error.value.exit_code == Exit.UNAVAILABLE


def test_no_devices_at_all() -> None:
    """On a machine without a card the error says so."""
    with pytest.raises(SourceError, match="no device hw:1; there is: none at all"):
        resolve("hw:1", [], [])


def test_two_equal_cards_are_not_guessed_between() -> None:
    """A USB id that fits two cards is refused."""
    twins = [Card(1, "A", "2886:0018"), Card(10, "B", "2886:0018")]
    with pytest.raises(SourceError, match="fits 2 devices"):
        resolve("usb:2886:0018", DEVICES, twins)


def test_the_name_to_paste_is_the_stable_one() -> None:
    """Cards are named by id, since numbers change at boot; the name resolves to the same device."""
    assert [stable_name(device, CARDS) for device in DEVICES] == [
        "hw:CARD=PCH",
        "hw:CARD=ArrayUAC10",
        "hw:CARD=ArrayUAC10_1",
        "hw:CARD=PCH,DEV=2",
        "array",
    ]
    for device in DEVICES:
        assert resolve(stable_name(device, CARDS), DEVICES, CARDS) is device


def test_cards_are_read_from_proc(tmp_path: Path) -> None:
    """Number, id and USB id come from /proc/asound."""
    for number, name, usb in ((0, "PCH", None), (10, "ArrayUAC10", "2886:0018")):
        folder = tmp_path / f"card{number}"
        folder.mkdir()
        (folder / "id").write_text(name + "\n")
        if usb:
            (folder / "usbid").write_text(usb + "\n")
    assert read_cards(tmp_path) == [Card(0, "PCH"), Card(10, "ArrayUAC10", "2886:0018")]
    assert read_cards(tmp_path / "missing") == []
