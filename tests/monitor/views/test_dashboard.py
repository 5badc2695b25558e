"""The pictures of the terminal dashboard, as text on consoles of fixed size."""

from __future__ import annotations

import dataclasses
import io
import pickle
import runpy
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from monitor.stream.messages import ChannelHealth, ChannelUse, GapMessage, HealthMessage, LabelMessage
from monitor.views.bigtext import big
from monitor.views.dashboard import Dashboard, show
from monitor.views.render import render
from monitor.views.state import ARRAYS, CHANGES, SPANS, State
from monitor.views.words import ABSENCE, colours, letters
from tests.toys import common, event_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.stream.messages import Message

GOLDEN = Path(__file__).parents[2] / "golden"
NOW = datetime(2026, 3, 14, 18, 20, 12, tzinfo=UTC)
SIZES = [(80, 24), (60, 20), (100, 30), (140, 40), (200, 50)]
CLASSES = ["absence", "cooking", "watching_tv"]


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def label(
    activity: str = "cooking",
    *,
    array: str = "kitchen",
    end: datetime = NOW - timedelta(seconds=2),
    **more: Any,
) -> LabelMessage:
    """A window of ten seconds, 83 % sure."""
    names = more.pop("names", [*CLASSES, *([] if activity in CLASSES else [activity])])
    scores = dict.fromkeys(names, 0.17 / max(1, len(names) - 1)) | {activity: 0.83}
    fields = {
        "start": end - timedelta(seconds=10),
        "end": end,
        "label": activity,
        "confidence": 0.83,
        "scores": scores,
        "stable": activity,
        "since": NOW - timedelta(minutes=18, seconds=2),
        "level_dbfs": -40.0,
        "valid_fraction": 1.0,
        "channels": ChannelUse([0, 1], {}),
        "members": {},
        "latency_ms": 143.0,
        "model": "home-crnn 3f9a",
    }
    return LabelMessage(**(common(1, array, node="pi", published=end) | fields | more))


def gap(start: datetime, end: datetime, array: str = "kitchen") -> GapMessage:
    """Time without samples."""
    return GapMessage(
        **common(1, array, node="pi", published=end),
        start=start,
        end=end,
        reason="device_lost",
        lost_samples=1,
    )


def health(
    state: Any = "listening", *, array: str = "kitchen", faults: tuple[str | None, ...] = ()
) -> HealthMessage:
    """The state of an array with one microphone per fault."""
    return HealthMessage(
        **common(1, array, node="pi", published=NOW),
        state=state,
        channels=[ChannelHealth(-40.0, fault) for fault in faults],
        windows=12,
        gaps=3,
        queue=0,
        uptime_s=7500.0,
        cpu_percent=9.0,
        rss_mb=182.0,
        durable=True,
    )


def state_of(*messages: Message) -> State:
    """The state after these messages."""
    state = State()
    for message in messages:
        state.update(message)
    return state


def picture(state: State, width: int = 80, height: int = 24, now: datetime = NOW, **how: Any) -> str:
    """What a console without colours shows."""
    how = {"colourless": True} | how
    file = io.StringIO()
    console = Console(
        width=width, height=height, color_system=None, force_terminal=False, file=file, _environ={}
    )
    console.print(render(state, now, width, height, **how))
    return file.getvalue().removesuffix("\n")


def row(text: str, part: str) -> str:
    """The one line that holds a text."""
    (line,) = [line for line in text.splitlines() if part in line]
    return line


def stands_big(word: str, text: str) -> bool:
    """Whether the word is drawn in block letters of any size."""
    return any(all(line in text for line in big(word, scale)) for scale in (1, 2, 3, 4))


def strip(text: str) -> str:
    """The strip of the last hour, without its margins."""
    lines = text.splitlines()
    return lines[next(i for i, line in enumerate(lines) if "last hour" in line) + 1].strip()


def test_shows_activity_percent_and_since() -> None:
    """The smoothed activity stands in big letters, above how sure it is, since when and for how long."""
    text = picture(state_of(label(), health()))
    assert stands_big("cooking", text)
    assert "since 18:02:10, for 18 min" in row(text, "since")
    assert row(text, "since").strip().startswith("83 %")
    assert "● listening  18:20:12" in text


def test_a_single_odd_window_is_told_beside_the_activity() -> None:
    """The smoothed activity stays, and the picture says what the last window was."""
    text = picture(state_of(label("absence", stable="cooking")))
    assert stands_big("cooking", text)
    assert "last window: absence 83 %" in row(text, "since 18:02:10")


def test_unknown_is_shown_like_a_class() -> None:
    """A window that no class is probable enough for: the word, and the bars of the classes as they are."""
    scores = dict.fromkeys(CLASSES, 0.6 / (len(CLASSES) - 1)) | {CLASSES[0]: 0.4}
    message = label("unknown", names=CLASSES, confidence=0.4)
    text = picture(state_of(dataclasses.replace(message, scores=scores)))
    assert stands_big("unknown", text)
    assert "40 %" in row(text.split("probability")[1].split("last hour")[0], CLASSES[0].replace("_", " "))


def test_an_activity_ends_where_the_next_began() -> None:
    """A change is known a window late; the activity before it is not drawn over the new one's beginning."""
    ten = timedelta(seconds=10)
    state = state_of(
        label("cooking", end=NOW - ten, since=NOW - 6 * ten), label("eating", end=NOW, since=NOW - 2 * ten)
    )
    (array,) = state.arrays.values()
    spans = [(span.activity, span.end - span.start) for span in array.changes()]
    assert spans == [("eating", 2 * ten), ("cooking", 4 * ten)]
    strip = [span.activity if span else None for span in array.strip(NOW, 360)]
    assert strip[-6:] == ["cooking"] * 4 + ["eating"] * 2


def test_probabilities_keep_the_order_of_the_model() -> None:
    """Bars do not change places from window to window."""
    for activity in CLASSES:
        text = picture(state_of(label(activity))).split("probability")[1]
        places = [text.index(name.replace("_", " ")) for name in CLASSES]
        assert places == sorted(places)
        assert "━━━━━━" in row(text.split("last hour")[0], "83 %")


def test_footer_tells_how_the_daemon_is() -> None:
    """Name, node, model, latency, gaps, windows, uptime and queue are shown."""
    text = picture(state_of(label(), health()))
    for fact in [
        "pi/kitchen",
        "home-crnn 3f9a",
        "143 ms",
        "gaps 3",
        "windows 12",
        "up 2 h 05 min",
        "queue 0",
    ]:
        assert fact in text


def test_gap_is_never_drawn_as_absence() -> None:
    """Time without samples has its own sign in the strip, and time before the first message another."""
    start = NOW - timedelta(minutes=30)
    quiet = [label("absence", end=start + timedelta(seconds=10 * i)) for i in range(30)]
    lost = gap(quiet[-1].end, quiet[-1].end + timedelta(minutes=10))
    later = [label("absence", end=lost.end + timedelta(seconds=10 * i)) for i in range(1, 91)]
    cells = strip(picture(state_of(*quiet, lost, *later)))
    assert set(cells[:38]) == {"·"}
    assert set(cells[40:45]) == {"A"}
    assert set(cells[46:58]) == {"░"}
    assert set(cells[60:]) == {"A"}
    assert "░ device lost" in picture(state_of(*quiet, lost, *later))


def test_short_gap_stays_visible() -> None:
    """A gap that fills a quarter of a cell is drawn."""
    messages = [label("absence", end=NOW - timedelta(seconds=10 * i)) for i in range(360, 0, -1)]
    lost = gap(NOW - timedelta(minutes=30, seconds=15), NOW - timedelta(minutes=30))
    assert "░" in strip(picture(state_of(*messages, lost)))


def test_strip_has_a_colour_per_activity_and_no_colour_for_a_gap() -> None:
    """With colours the strip is made of full blocks in the colour of the activity."""
    messages = [label("absence", end=NOW - timedelta(minutes=40)), label()]
    state = state_of(*messages, gap(NOW - timedelta(minutes=20), NOW - timedelta(minutes=10)))
    text = render(state, NOW, 80, 24)
    styles = {str(span.style) for span in text.spans if set(text.plain[span.start : span.end]) == {"█"}}
    assert {style for style in styles if " on " in style} == styles
    assert not any(
        " on " in str(span.style) for span in text.spans if "░" in text.plain[span.start : span.end]
    )


@pytest.mark.parametrize(
    ("messages", "word"),
    [
        ([label(end=NOW - timedelta(seconds=31))], "no audio"),
        ([label(), health("reconnecting")], "no audio"),
        ([label(), health("stopped")], "stopped"),
    ],
)
def test_old_label_is_not_claimed_to_be_current(messages: list[Message], word: str) -> None:
    """Without audio the big word is not the activity, and the line below says since when."""
    text = picture(state_of(*messages))
    assert not stands_big("cooking", text)
    assert stands_big(word, text)
    assert f"{word} since {messages[0].end:%H:%M:%S}" in text  # type: ignore[attr-defined]
    assert "before: cooking" in text
    assert "probability at" in text


@pytest.mark.parametrize("arrays", [0, 1, 3])
def test_a_warning_stands_in_the_last_line(arrays: int) -> None:
    """It takes no class from the list, and its text is harmless."""
    names = ["kitchen", "hall", "attic"][:arrays]
    state = State()
    for name in names:
        state.update(label(array=name, names=[*"abcdefgh", "cooking"]))
        state.update(health(array=name, faults=(None,) * 4))
    lines = picture(state, note="not for decisions\x1b[2J [red]").splitlines()
    assert len(lines) == 24
    assert lines[-1].strip() == "not for decisions[2J [red]"
    assert "more)" not in "".join(lines)


def test_reason_of_a_gap_is_told() -> None:
    """The line that says since when there is no audio says why, if a gap has told."""
    heard = label(end=NOW - timedelta(minutes=2))
    text = picture(state_of(heard, gap(heard.end, NOW - timedelta(seconds=1))))
    assert "no audio since 18:18:12, for 2 min · device lost" in text


def test_silent_daemon_is_not_called_listening() -> None:
    """When health messages stay away, the state says for how long nothing came."""
    text = picture(state_of(label(), health()), now=NOW + timedelta(minutes=5))
    assert "no news for 5 min" in text
    assert "listening" not in text


def test_before_the_first_label() -> None:
    """A new array is listening, and its first label is announced."""
    text = picture(state_of(health(faults=(None, None))))
    assert stands_big("listening", text)
    assert "the first label follows after one whole window of audio" in text
    assert "waiting for the first message" in picture(State())


def test_dead_microphone_is_named() -> None:
    """A fault stands in words beside the number of its microphone."""
    state = state_of(label(), health("degraded", faults=(None, None, "dead", None)))
    assert "2 dead" in picture(state)
    assert "2 dead" in picture(state, 60, 20)
    assert "● degraded" in picture(state)


def test_fault_in_a_label_is_newer_than_health() -> None:
    """A fault is shown as soon as a label tells it."""
    state = state_of(health(faults=(None, None)))
    state.update(label(end=NOW + timedelta(seconds=5), channels=ChannelUse([0], {"1": "stuck"})))
    assert "1 stuck" in picture(state)


@pytest.mark.parametrize(
    "text", ["\x1b[2J\x1b]0;x\x07bad", "[red]bad[/red]", "[/nope]", "\u202ebad", "a\nb\tc", ""]
)
def test_hostile_text_is_harmless(text: str) -> None:
    """Escape sequences and directions are dropped, and markup is text like any other."""
    body = label(text, array=text, node=text, model=text)
    state = state_of(body, health(array=text, faults=(text, None)))
    for width, height in SIZES:
        shown = picture(state, width, height)
        assert not set(shown) & {"\x1b", "\x07", "\u202e", "\t"}
        if text.startswith("["):
            assert text in shown
        assert_fits(shown, width, height)


def assert_fits(text: str, width: int, height: int) -> None:
    """No line is longer and no picture higher than the terminal."""
    lines = text.splitlines()
    assert len(lines) <= height
    assert {cell_len(line) for line in lines} <= {width}


@pytest.mark.parametrize("classes", [2, 15, 50])
@pytest.mark.parametrize("arrays", [1, 2, 4, 30])
@pytest.mark.parametrize("size", [*SIZES, (20, 6), (1, 1)])
def test_fits_every_terminal(size: tuple[int, int], arrays: int, classes: int) -> None:
    """Whatever the number of arrays, classes and microphones, nothing overflows."""
    long = "a_very_long_name_of_an_activity_that_goes_on_and_on_to_64_chars_"
    names = [f"{long}{i}"[-64:] for i in range(classes - 1)] + ["居間でテレビを見る"]
    for channels in (0, 1, 4, 8) if arrays < 30 else (4,):
        state = State()
        for i in range(arrays):
            state.update(label(names[-1 - i % 2], array=f"{long}{i}", names=names))
            state.update(
                health(
                    array=f"{long}{i}", faults=("dead", None, None, None, None, None, None, long)[:channels]
                )
            )
        for now in (NOW, NOW + timedelta(hours=2)):
            assert_fits(picture(state, *size, now=now), *size)
            assert_fits(picture(state, *size, now=now, colourless=False, ascii_only=True), *size)


def test_of_many_classes_the_top_ones_are_shown() -> None:
    """The most probable class and those of the last hour are among the few that have room."""
    names = [f"class_{i:02}" for i in range(50)]
    earlier = [label("class_07", names=names, end=NOW - timedelta(minutes=m)) for m in (9, 8, 7)]
    text = picture(state_of(*earlier, label("class_33", names=names)))
    assert "class 33" in text
    assert "class 07" in text
    assert "more)" in text


def test_several_arrays_in_little_room_get_a_row_each() -> None:
    """Activity, percent and duration of every array stand in one line."""
    state = state_of(
        label(array="kitchen"), label("watching_tv", array="hall"), health("reconnecting", array="attic")
    )
    text = picture(state)
    assert row(text, "kitchen").split()[1:5] == ["cooking", "83", "%", "for"]
    other = dataclasses.replace(label(array="kitchen"), node="attic-pi")
    assert "attic-pi/kitchen" in picture(state_of(label(array="kitchen"), other))
    assert "watching tv" in row(text, "hall")
    assert "reconnecting" in row(text, "attic")


def test_two_arrays_side_by_side() -> None:
    """At 160 columns two arrays are shown whole, side by side."""
    state = state_of(label(array="kitchen"), label("absence", array="hall"))
    text = picture(state, 160, 40)
    assert "hall" in row(text, " kitchen  ")
    assert text.count("last hour") == 2
    assert row(text, "last hour").count("last hour") == 2


def test_ascii_terminal() -> None:
    """Where only ASCII can be shown, only ASCII is."""
    text = picture(state_of(label("café"), health(faults=(None, "dead"))), ascii_only=True)
    assert text.isascii()
    assert "caf?" in text
    assert "=====" in text


def test_memory_is_bounded() -> None:
    """After 100,000 messages with ever new activities and gaps no more is kept than after a few thousand."""
    state = State()
    sizes = []
    for i in range(100_000):
        end = NOW + timedelta(seconds=i)
        lost = gap(end, end + timedelta(seconds=11))
        state.update(label(CLASSES[i % 2], end=end, since=end) if i % 3 else lost)
        if i % 20_000 == 19_999:
            sizes.append(len(pickle.dumps(state)))
    assert max(sizes) < 1.1 * sizes[0] < 1_000_000
    assert len(state.arrays["pi", "kitchen"].hour) <= SPANS
    assert len(state.arrays["pi", "kitchen"].past) <= CHANGES


def test_arrays_are_bounded() -> None:
    """Of endless array names the latest are kept."""
    state = State()
    for i in range(3 * ARRAYS):
        state.update(label(array=f"a{i}", end=NOW + timedelta(seconds=i)))
    assert len(state.arrays) == ARRAYS
    assert ("pi", f"a{3 * ARRAYS - 1}") in state.arrays


def test_steady_hours_are_one_span() -> None:
    """Windows of one activity that follow each other are joined."""
    messages = [label(end=NOW + timedelta(seconds=10 * i)) for i in range(500)]
    (array,) = state_of(*messages).arrays.values()
    assert len(array.hour) == 1


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_impossible_times_are_ignored(year: int) -> None:
    """A message from the ends of the calendar changes nothing."""
    assert state_of(label(end=datetime(year, 12, 31, tzinfo=UTC))).arrays == {}


def test_events_change_nothing() -> None:
    """Labels tell of the same episodes, also to who comes late; an event is a sign of life."""
    messages = [label(), health()]
    event = event_message(1, ended=False, node="pi", published=NOW)
    assert picture(state_of(*messages, event)) == picture(state_of(*messages))
    assert picture(state_of(*messages, dataclasses.replace(event, end=NOW))) == picture(state_of(*messages))


def test_fast_replay_runs_ahead_of_the_clock() -> None:
    """A label that ends hours after now is current, and durations count to it."""
    messages = [label(end=NOW + timedelta(seconds=10 * i), since=NOW) for i in range(1, 1000)]
    text = picture(state_of(*messages))
    assert "for 2 h 46 min" in text
    assert stands_big("cooking", text)


def test_infinite_numbers_do_no_harm() -> None:
    """Numbers beyond all measure are shown somehow, and nothing fails."""
    huge = label(confidence=1e999, latency_ms=1e999)
    assert "100 %" in picture(state_of(huge, dataclasses.replace(health(), uptime_s=1e999)))


def test_big_letters_need_room() -> None:
    """Letters grow with the terminal; a word that is too long or not in the font stands in plain text."""
    state = state_of(label(), health())
    assert any(line.strip() in picture(state, 140, 40) for line in big("cooking", 3))
    assert " oven at 220° " in picture(state_of(label("oven_at_220°")))
    assert " a very long name of a class " in picture(state_of(label("a_very_long_name_of_a_class")), 60, 20)


def test_four_arrays_stand_two_by_two() -> None:
    """Panels are spread evenly over a large terminal."""
    text = picture(state_of(*[label(array=name) for name in ("attic", "bath", "cellar", "den")]), 200, 50)
    assert "bath" in row(text, " attic  ")
    assert "den" in row(text, " cellar  ")


def test_colours_and_letters_differ() -> None:
    """Every activity of a usual model has its own colour and letter."""
    names = [f"activity_{i}" for i in range(30)]
    assert len(set(colours(names[:11]).values())) == 11
    assert len(set(letters(names).values())) == 30
    assert colours(["cooking", "absence"])["absence"] == ABSENCE


def test_big_letters() -> None:
    """Pixels are squares of half blocks; what the font does not have is left to plain text."""
    assert big("i", 1) == ["█", "█", "▀"]
    assert big("i", 2) == ["██"] * 5
    assert big("é", 1) == []
    assert big("", 1) == []
    assert len({len(line) for line in big("social activity", 1)}) == 1


def screen(file: io.StringIO) -> Console:
    """A terminal whose output is kept."""
    return Console(file=file, width=80, height=24, force_terminal=True, color_system="truecolor", _environ={})


def test_show_restores_the_terminal() -> None:
    """The alternate screen is left and the cursor is back when the messages end."""
    file = io.StringIO()
    show(iter([health(), None, label()]), Dashboard(screen(file)))
    written = file.getvalue()
    assert written.index("\x1b[?1049h") < written.index("kitchen" if "kitchen" in written else "waiting")
    assert written.rindex("\x1b[?1049l") > written.rindex("\x1b[?1049h")
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")


def test_show_restores_the_terminal_after_an_error() -> None:
    """An interrupt passes through and leaves the terminal as it was."""
    file = io.StringIO()

    def messages() -> Iterator[Message]:
        yield label()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        show(messages(), Dashboard(screen(file)))
    assert file.getvalue().rindex("\x1b[?1049l") > file.getvalue().rindex("\x1b[?1049h")


def test_redraws_are_throttled() -> None:
    """Thousands of messages a second cost a few pictures, and the next tick shows the last of them."""
    file = io.StringIO()
    with Dashboard(screen(file)) as dashboard:
        began = time.monotonic()
        for _ in range(5000):
            dashboard.update(label())
        took = time.monotonic() - began
        drawn = file.getvalue().count("\x1b[H")
        time.sleep(0.3)
        dashboard.tick()
    assert drawn <= 3 + took * 5
    assert "kitchen" in file.getvalue()


def test_golden_picture() -> None:
    """README's picture is what the code draws."""
    made = runpy.run_path(str(GOLDEN / "regenerate.py"))["FILES"]["dashboard.svg"]()
    assert (GOLDEN / "dashboard.svg").read_text(encoding="utf-8") == made
