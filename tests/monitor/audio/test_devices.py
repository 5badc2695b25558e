"""Device strings."""

from __future__ import annotations

import pytest

from monitor.audio.cards import Card, Input
from monitor.audio.devices import Device, blocked, listing, resolve, stable_name, steadier
from monitor.audio.sources import SourceError
from monitor.errors import Exit

FREE = (Input(0),)
DEVICES = [
    Device(0, "HDA Intel PCH: ALC257 Analog (hw:0,0)", 2, 44100.0, rates=(44100, 48000)),
    Device(1, "ReSpeaker 4 Mic Array (UAC1.0): USB Audio (hw:1,0)", 6, 16000.0, rates=(16000,)),
    Device(2, "ReSpeaker 4 Mic Array (UAC1.0): USB Audio (hw:10,0)", 6, 16000.0, rates=(16000,)),
    Device(3, "HDA Intel PCH: ALC257 Alt Analog (hw:0,2)", 2, 44100.0, rates=(44100, 48000)),
    Device(4, "array", 32, 44100.0, default=True),
]
CARDS = [
    Card(0, "PCH", inputs=(Input(0), Input(2))),
    Card(1, "ArrayUAC10", "2886:0018", "usb-0000:00:14.0-1", FREE),
    Card(10, "ArrayUAC10_1", "2886:0019", "usb-0000:00:14.0-10", FREE),
]
TWINS = [
    Card(1, "ArrayUAC10", "2886:0018", "usb-0000:00:14.0-1", FREE),
    Card(10, "ArrayUAC10_1", "2886:0018", "usb-0000:00:14.0-10", FREE),
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
        ("usb-0000:00:14.0-1", 1),
        ("usb-0000:00:14.0-10", 2),
        ("HDA Intel PCH: ALC257 Analog (hw:0,0)", 0),
        ("array", 4),
        ("default", 4),
    ],
)
def test_a_device_string_means_one_device(text: str, index: int) -> None:
    """hw:1 is card 1 device 0 and never card 10, and port 1 is never port 10."""
    assert resolve(text, DEVICES, CARDS).index == index


@pytest.mark.parametrize(
    "text",
    ["hw:2", "hw:1,1", "hw:CARD=Array", "usb:1234:5678", "usb-0000:00:14.0-2", "arr", "hw:", "", "hw:1x"],
)
def test_an_unknown_device_is_named_with_those_that_exist(text: str) -> None:
    """Nothing is guessed: the error lists what could be pasted instead."""
    with pytest.raises(
        SourceError, match=r"there is: .*hw:CARD=ArrayUAC10, .*hw:CARD=PCH,DEV=2, array"
    ) as error:
        resolve(text, DEVICES, CARDS)
    assert error.value.exit_code == Exit.UNAVAILABLE


def test_no_devices_at_all() -> None:
    """On a machine without a card the error says so, and there is nothing to list."""
    with pytest.raises(SourceError, match="no device hw:1; there is: none at all"):
        resolve("hw:1", [], [])
    with pytest.raises(SourceError, match="no device default; there is: array"):
        resolve("default", [Device(0, "array", 32, 44100.0)], [])
    assert list(listing([], [], 4, ())) == []


def test_two_equal_cards_are_told_apart_by_their_ports() -> None:
    """A USB id that fits both is refused; the error and the names to paste are those of the ports."""
    with pytest.raises(SourceError) as error:
        resolve("usb:2886:0018", DEVICES, TWINS)
    ports = ["usb-0000:00:14.0-1", "usb-0000:00:14.0-10"]
    assert str(error.value) == f"usb:2886:0018 fits 2 cards; say which of them: {ports[0]} or {ports[1]}"
    assert [stable_name(device, TWINS) for device in DEVICES[1:3]] == ports
    assert [resolve(port, DEVICES, TWINS).index for port in ports] == [1, 2]


def test_two_equal_cards_without_known_ports_keep_their_ids() -> None:
    """The kernel cuts the line with the port if the card's name is long."""
    twins = [Card(1, "A", "2886:0018"), Card(10, "B", "2886:0018")]
    with pytest.raises(SourceError, match="say which of them: hw:CARD=A or hw:CARD=B"):
        resolve("usb:2886:0018", DEVICES, twins)
    for cards in (twins, TWINS):
        assert not any(line.startswith("    or") for line in listing(DEVICES[1:3], cards, 6, ()))


@pytest.mark.parametrize(
    ("found", "reason", "code"),
    [
        (Input(0, "arecord (process 812)"), "is busy: arecord (process 812) has it open", Exit.UNAVAILABLE),
        (Input(0, permitted=False), "may not be opened by this user; is it in the group", Exit.NO_PERMISSION),
        (Input(0), "is there, but PortAudio cannot open it", Exit.UNAVAILABLE),
    ],
)
def test_a_card_that_is_there_but_cannot_be_opened(found: Input, reason: str, code: Exit) -> None:
    """PortAudio leaves it out of its list; the reason is named in the error and in the listing."""
    cards = [CARDS[0], Card(2, "Webcam", inputs=(found,))]
    for text in ("hw:2", "hw:CARD=Webcam"):
        with pytest.raises(SourceError) as error:
            resolve(text, DEVICES[:1], cards)
        assert str(error.value).startswith(f"device {text} {reason}")
        assert error.value.exit_code == code
    (line,) = [line for line in listing(DEVICES, cards, 2, ()) if "Webcam" in line]
    assert line.split(maxsplit=1)[0] == "hw:CARD=Webcam"
    assert f"cannot be used: it {reason}" in line


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
    assert stable_name(DEVICES[3], []) == "hw:0,2"


@pytest.mark.parametrize(
    ("text", "cards", "better"),
    [
        ("hw:1", CARDS, "hw:CARD=ArrayUAC10"),
        ("hw:0,2", CARDS, "hw:CARD=PCH,DEV=2"),
        ("hw:10", TWINS, "usb-0000:00:14.0-10"),
        ("hw:1", [], None),
        ("hw:CARD=PCH", CARDS, None),
        ("usb:2886:0018", CARDS, None),
        ("array", CARDS, None),
    ],
)
def test_a_bare_number_has_something_better(text: str, cards: list[Card], better: str | None) -> None:
    """Only where /proc/asound tells the card's id."""
    assert steadier(text, cards) == better


def test_the_listing() -> None:
    """The string to paste first, then channels, rates, other names, and what stands in the way."""
    map_ = "--channel-map 1,2,3,4 (the microphones of a ReSpeaker)"
    six = f"it has 6 channels, 4 wanted; choose some, such as {map_}"
    assert list(listing([DEVICES[1], *DEVICES[3:]], CARDS[:2], 4, ())) == [
        f"hw:CARD=ArrayUAC10             6 channels  16 kHz  {DEVICES[1].name}",
        "    or usb:2886:0018",
        "    or usb-0000:00:14.0-1",
        f"    cannot be used as it is: {six}, or take all with --channels 6",
        f"hw:CARD=PCH,DEV=2              2 channels  44.1, 48 kHz  {DEVICES[3].name}",
        "    cannot be used as it is: it has 2 channels, 4 wanted; ask for them with --channels 2",
        "array                         32 channels  any rate  array",
        "    is the default",
        "    is a plugin, which may mix channels and resample unasked; prefer a card",
        "hw:CARD=PCH                  cannot be used: it is there, but PortAudio cannot open it",
    ]


def test_a_channel_map_makes_a_card_usable() -> None:
    """The listing looks at what would be run."""
    assert not any("cannot" in line for line in listing(DEVICES[1:3], CARDS[1:], 4, (1, 2, 3, 4)))


@pytest.mark.parametrize(
    ("text", "seen", "blocks"),
    [
        ("hw:1", CARDS, False),
        ("hw:7", CARDS, True),
        ("hw:CARD=ArrayUAC10", CARDS, False),
        ("usb:2886:0018", CARDS[:1], True),
        ("usb-0000:00:14.0-1", CARDS[:1], True),
        ("hw:1", [Card(1, "ArrayUAC10", inputs=(Input(0, "arecord (process 812)"),))], True),
        ("hw:1", [Card(1, "ArrayUAC10", inputs=(Input(0, permitted=False),))], True),
        ("usb:2886:0018", TWINS, False),
        ("hw:1", [], False),
        ("array", CARDS, False),
        ("default", CARDS, False),
    ],
)
def test_what_keeps_a_card_from_being_opened_is_seen(text: str, seen: list[Card], blocks: bool) -> None:
    """It is away, held or not permitted; nothing is seen of a sound server, or without /proc/asound."""
    assert blocked(text, seen) == blocks
