"""Pictures of a timeline, and its rows on the terminal."""

from __future__ import annotations

import io
import shutil
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from monitor.errors import Exit, MonitorError
from monitor.views.timeline import Timeline, collect
from monitor.views.timeline_file import write
from monitor.views.timeline_rows import show
from monitor.views.timeline_svg import GAP, svg
from monitor.views.words import PALETTE, colours
from tests.days import day, in_zone
from tests.published import DOMESTIC

START = datetime(2026, 3, 14, 6, tzinfo=UTC)
PLAN = [("cooking", 0.5), ("device_lost", 0.2), ("working", 0.25), ("eating", 0.05)]
NASTY = "a<b>&\"c'\x1b[2J\u202e]]>"


@pytest.fixture(autouse=True)
def _utc() -> Iterator[None]:
    with in_zone("UTC"):
        yield


def home(*names: str, hours: float = 1.0) -> Timeline:
    """The same hour at several arrays."""
    messages = [message for name in names for message in day(START, PLAN, array=name)]
    return collect(messages, timedelta(hours=hours))


def texts(drawn: str, tag: str) -> list[str]:
    """All that is written in elements of a kind; the SVG is well-formed XML."""
    root = ET.fromstring(drawn)  # noqa: S314 - ours
    return [element.text or "" for element in root.iter(f"{{http://www.w3.org/2000/svg}}{tag}")]


def test_every_episode_can_be_read() -> None:
    """Names where they fit; what and how long in tooltips and in the table."""
    drawn = svg(home("kitchen"))
    assert texts(drawn, "title") == [
        "cooking, Sat 06:00:00 to Sat 06:30:00, 30 min",
        "working, Sat 06:42:00 to Sat 06:57:00, 15 min",
        "eating, Sat 06:57:00 to Sat 07:00:00, 3 min",
        "no label: device lost, Sat 06:30:00 to Sat 06:42:00, 12 min",
    ]
    words = texts(drawn, "text")
    assert words[0] == "Sat 14 Mar 2026 06:00 to 07:00 (UTC)"
    assert words[1:6] == ["kitchen", "cooking", "working", "eating", "device lost"]
    assert {"06:00", "06:30", "07:00", "30 min", "15 min", "3 min", "12 min"} <= set(words)


def test_short_episodes_have_a_letter() -> None:
    """Which the table explains; the shortest have only their colour and the tooltip."""
    plan = [("working", 5.8), ("cooking", 0.19), ("eating", 0.01)]
    timeline = collect(day(START, plan, array="hall"), timedelta(hours=6))
    words = texts(svg(timeline), "text")
    assert words[1:4] == ["hall", "working", "C"]
    assert [words.count(letter) for letter in "WCER"] == [0, 2, 1, 1]


def test_colours_are_those_of_the_dashboard_and_gaps_are_hatched() -> None:
    """One palette."""
    drawn = svg(home("kitchen"))
    palette = colours(DOMESTIC)
    assert all(f'fill="{palette[activity]}"' in drawn for activity in ("cooking", "working", "eating"))
    assert 'height="70" fill="url(#gap)"' in drawn
    assert palette["dishwashing"] not in drawn
    assert GAP not in PALETTE


def test_times_that_would_run_into_each_other() -> None:
    """The later one is left out, as a date at the end of the day is."""
    whole = collect(day(START.replace(hour=0), [("cooking", 24.0)]), timedelta(hours=24))
    words = texts(svg(whole), "text")
    assert "22:00" in words
    assert "Sun 15 Mar" not in words


def test_many_arrays() -> None:
    """A lane for each, in order of their names; the table goes on below where it would be too wide."""
    names = [f"room-{number:02}" for number in range(14)]
    drawn = svg(home(*names))
    words = texts(drawn, "text")
    assert [word for word in words if word.startswith("room-")] == names * 2
    assert words.count("cooking") == 14 + 3


def test_names_from_outside_are_harmless(tmp_path: Path) -> None:
    """Escaped in SVG and page, without control characters, cut where they are too long."""
    timeline = collect(day(START, [(NASTY, 0.5)], array="x" * 300), timedelta(hours=1))
    words = texts(svg(timeline), "text")
    assert "a<b>&\"c'[2J]]>" in words
    assert sorted(word[-1] for word in words if word.startswith("xxx")) == ["…", "…"]
    write(timeline, tmp_path / "day.HTML")
    page = (tmp_path / "day.HTML").read_text()
    assert "a&lt;b&gt;&amp;" in page
    assert "<b>" not in page
    assert "\x1b" not in page


def test_nothing_was_recorded() -> None:
    """It is said, not drawn."""
    drawn = svg(collect([], timedelta(hours=24)))
    assert "Nothing was recorded in this time." in texts(drawn, "text")
    assert "Nothing was recorded in this time." in printed(collect([], timedelta(hours=24)))


def test_page(tmp_path: Path) -> None:
    """One file that needs nothing from elsewhere."""
    write(home("kitchen"), tmp_path / "day.html")
    page = (tmp_path / "day.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert svg(home("kitchen")) in page
    assert "<title>Sat 14 Mar 2026 06:00 to 07:00 (UTC)</title>" in page
    assert "href" not in page
    assert "src" not in page


@pytest.mark.skipif(shutil.which("rsvg-convert") is None, reason="rsvg-convert is not installed")
def test_png(tmp_path: Path) -> None:
    """Twice as many pixels as the SVG has units."""
    write(home("kitchen"), tmp_path / "day.png")
    data = (tmp_path / "day.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">I", data[16:20]) == (2400,)


def test_without_a_converter_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Exit code 69, and no file."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        MonitorError, match=r"PNG needs rsvg-convert .*librsvg2-bin.*\.svg or \.html"
    ) as error:
        write(home("kitchen"), tmp_path / "day.png")
    assert error.value.exit_code == Exit.UNAVAILABLE
    assert not (tmp_path / "day.png").exists()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """Exit code 74."""
    with pytest.raises(MonitorError, match="cannot be written: No such file or directory") as error:
        write(home("kitchen"), tmp_path / "none" / "day.svg")
    assert error.value.exit_code == Exit.IO


def printed(timeline: Timeline, width: int = 72, **options: object) -> str:
    """What stands on a terminal without colours, where letters stand for activities."""
    output = io.StringIO()
    console = Console(file=output, width=width, color_system=None, _environ={}, **options)  # type: ignore[arg-type]
    show(timeline, console)
    return output.getvalue()


def test_rows() -> None:
    """An array has a row for each twenty minutes of an hour, then come the totals."""
    lines = [line.rstrip() for line in printed(home("kitchen")).splitlines()]
    assert lines[2:7] == [
        "kitchen",
        "            +0 s           +5 min         +10 min        +15 min",
        f"      06:00 {'C' * 60}",
        f"      06:20 {'C' * 30}{'░' * 30}",
        f"      06:40 {'░' * 6}{'R' * 45}{'E' * 9}",
    ]
    totals = [" ".join(line.split()) for line in lines[10:]]
    assert totals == ["C cooking 30 min", "E eating 3 min", "R working 15 min", "░ device lost 12 min"]


def test_rows_of_a_day_are_hours() -> None:
    """Of every array; time without any record is dotted, and midnight has a date."""
    lines = printed(home("hall", "kitchen", hours=24)).splitlines()
    rows = [line.split()[-1] for line in lines if line[8:11] == ":00"]
    assert len(rows) == 2 * 23
    assert rows[-2:] == ["·" * 60, "C" * 30 + "░" * 12 + "R" * 15 + "E" * 3]
    assert lines.count(f" Sat 14 Mar {'·' * 60}") == 2


def test_what_is_not_in_the_period_is_blank() -> None:
    """Unlike time without any record; of a few seconds in another row nothing could be seen."""
    for begin, rows in (
        (300, [" " * 15 + "C" * 45, "C" * 60, "C" * 60, "C" * 15]),
        (2, ["C" * 60, "C" * 60, "C" * 60]),
    ):
        cooked = day(START + timedelta(seconds=begin), [("cooking", 1.0)])
        lines = printed(collect(cooked, timedelta(hours=1))).splitlines()
        assert [line[12:].rstrip() for line in lines if line[8:9] == ":"] == rows


def test_a_narrow_terminal_without_any_but_ascii_characters() -> None:
    """Rows become shorter, and other signs stand for gaps."""

    class Ascii(io.StringIO):
        encoding = "ascii"

    output = Ascii()
    show(home("kitchen"), Console(file=output, width=33, color_system=None, _environ={}))
    assert output.getvalue().isascii()
    assert f"      06:20 {'C' * 10}{':' * 10}\n" in output.getvalue()
