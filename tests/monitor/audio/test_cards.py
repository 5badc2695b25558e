"""What the kernel says of cards."""

from __future__ import annotations

from pathlib import Path

from monitor.audio.cards import Card, Input, read_cards

RESPEAKER = """\
SEEED ReSpeaker 4 Mic Array (UAC1.0) at usb-0000:00:14.0-1.2, high speed : USB Audio

Playback:
  Status: Stop
"""
BUSY = "state: RUNNING\nowner_pid   : 812\ntrigger_time: 1.0\n"


def plug(root: Path, number: int, name: str, files: dict[str, str]) -> None:
    """A card in a folder that stands for `/`."""
    for path, text in {"id": name + "\n", **files}.items():
        file = root / f"proc/asound/card{number}" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_cards_are_read_from_proc(tmp_path: Path) -> None:
    """Number, id, USB id and port, capture devices; who holds them, and whether they may be opened."""
    plug(tmp_path, 10, "Webcam", {"usbid": "046d:0825\n", "stream0": "Name at usb-0000:00:14.0-1", "x": ""})
    plug(
        tmp_path,
        1,
        "ArrayUAC10",
        {"usbid": "2886:0018\n", "stream0": RESPEAKER, "pcm0c/sub0/status": "closed\n", "pcm0p/info": ""},
    )
    plug(tmp_path, 0, "PCH", {"pcm2c/sub0/status": BUSY, "pcm0c/sub0/status": BUSY.replace("812", "813")})
    (tmp_path / "dev/snd").mkdir(parents=True)
    (tmp_path / "dev/snd/pcmC1D0c").touch()
    (tmp_path / "dev/snd/pcmC0D0c").touch()
    (tmp_path / "proc/812").mkdir()
    (tmp_path / "proc/812/comm").write_text("arecord\n")
    assert read_cards(tmp_path) == [
        Card(
            0,
            "PCH",
            inputs=(Input(0, "process 813"), Input(2, "arecord (process 812)", permitted=False)),
        ),
        Card(1, "ArrayUAC10", "2886:0018", "usb-0000:00:14.0-1.2", (Input(0),)),
        Card(10, "Webcam", "046d:0825"),  # the line with its port is cut off
    ]


def test_a_machine_without_cards(tmp_path: Path) -> None:
    """/proc/asound is missing, as in many containers, or a card is just being unplugged."""
    assert read_cards(tmp_path) == []
    (tmp_path / "proc/asound/card0").mkdir(parents=True)
    assert read_cards(tmp_path) == []
