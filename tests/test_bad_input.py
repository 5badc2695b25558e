"""The catalogue of bad input: what reaches the monitor from outside, and the one clear line that answers it.

Every kind is either a case here, run through the whole command, or is tested beside the code that meets it.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import pickle
import re
import struct
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
import soundfile
from onnx import TensorProto, helper

from monitor import cli, daemon
from monitor.audio.replay import Replay
from monitor.audio.sources import Block, SourceError
from monitor.config import Settings, resolve
from monitor.errors import Exit, MonitorError
from monitor.inference import bundle, svm
from monitor.stream.messages import LabelMessage, Message
from tests.riff import PCM, SAMPLES, extension, header, wav
from tests.toys import RATE, tone, toy_manifest, toy_model, write_audio

ROOT = Path(__file__).parents[1]

Make = Callable[[Path], object]


def plain(**fields: int) -> bytes:
    """A WAV with one field of its header changed."""
    return wav((b"fmt ", header(**fields)), (b"data", SAMPLES))


def streamed_flac() -> bytes:
    """A FLAC that was written to a pipe: its header holds 0 for the number of frames."""
    file = io.BytesIO()
    soundfile.write(file, tone("low", 1.25).T, RATE, format="FLAC")
    data = bytearray(file.getvalue())
    data[22:26] = bytes(4)
    return bytes(data)


GOOD = plain()


class Audio(NamedTuple):
    """A kind of file, and how a run with it ends."""

    kind: str
    data: bytes
    labels: int
    """That it gives before it ends"""
    message: str = ""
    """The error, with exit code 65; or a warning, if it gives labels"""


AUDIO = [
    Audio("empty", b"", 0, "is empty"),
    Audio("one byte", b"R", 0, "is not a usable audio file"),
    Audio("no more than a header", GOOD[:12], 0, "is not a usable audio file"),
    Audio("cut in its header", GOOD[:30], 0, "is not a usable audio file"),
    Audio("without samples", wav((b"fmt ", header()), (b"data", b"")), 0, "holds no audio"),
    Audio("cut in its samples", GOOD[:-2000], 1, "is cut off: playing the 19750 frames that are there"),
    Audio("never finished", GOOD[:40] + bytes(4) + SAMPLES, 0, "is an unfinished recording"),
    Audio("streamed", GOOD[:40] + b"\xff" * 4 + SAMPLES, 1, "was never finished: playing the 20000 frames"),
    Audio(
        "streamed FLAC", streamed_flac(), 0, "unfinished recording: its header does not say how long it is"
    ),
    Audio("without a total size", GOOD[:4] + bytes(4) + GOOD[8:], 1),
    Audio("extended header", wav((b"fmt ", extension(PCM)), (b"data", SAMPLES)), 1),
    Audio(
        "unknown extended format",
        wav((b"fmt ", extension(bytes(16))), (b"data", SAMPLES)),
        0,
        "is not a usable audio file",
    ),
    Audio("adpcm", plain(kind=2, channels=2, bits=4, frame=256), 0, "is not a usable audio file"),
    Audio("no channels", plain(channels=0, frame=0), 0, "is not a usable audio file"),
    Audio("1025 channels", plain(channels=1025, frame=2050), 0, "is not a usable audio file"),
    Audio("65535 channels", plain(channels=65535, frame=65534), 0, "65535 samples of 16 bits in 65534 bytes"),
    Audio("five channels", plain(channels=5, frame=10), 0, r"5 channels, 4 wanted; .*--channel-map 0,1,2,3"),
    Audio("rate 0", plain(rate=0), 0, "is not a usable audio file"),
    Audio("rate 1", plain(rate=1), 0, "claims a sample rate of 1 Hz"),
    Audio("rate 2^31", plain(rate=2**31 - 1), 0, "claims a sample rate of 2147483647 Hz"),
    Audio("17 bits", plain(bits=17), 0, "contradicts itself: 4 samples of 17 bits in 8 bytes"),
    Audio("wrong frame size", plain(frame=6), 0, "contradicts itself: 4 samples of 16 bits in 6 bytes"),
    Audio(
        "two headers",
        wav((b"fmt ", header()), (b"fmt ", header(channels=2, frame=4)), (b"data", SAMPLES)),
        0,
        "contradicts itself: two formats",
    ),
    Audio(
        "two headers in 64 bits",
        wav(
            (b"ds64", struct.pack("<QQQI", len(SAMPLES) + 100, len(SAMPLES), 20_000, 0)),
            (b"fmt ", header()),
            (b"fmt ", extension(PCM)),
            (b"data", SAMPLES),
            form=b"RF64",
        ),
        0,
        "contradicts itself: two formats",
    ),
    Audio(
        "endless list",
        GOOD[:36] + b"LIST\xf0\xff\xff\xff" + GOOD[36:],
        0,
        "is not a usable audio file",
    ),
    Audio("odd chunk", wav((b"fmt ", header()), (b"junk", b"abc"), (b"data", SAMPLES)), 1),
    Audio("samples first", wav((b"data", SAMPLES), (b"fmt ", header())), 0, "is not a usable audio file"),
    Audio("mp3", b"ID3\x04" + bytes(500) + b"\xff\xfb\x90" * 300, 0, "is not a usable audio file"),
    Audio("png", b"\x89PNG\r\n\x1a\n" + bytes(5000), 0, "is not a usable audio file"),
    Audio("text", b"not audio " * 100, 0, "is not a usable audio file"),
]


@pytest.fixture
def play(toy_bundle: Path, caplog: pytest.LogCaptureFixture) -> Callable[[Path], tuple[int, str, int]]:
    """A function that runs the daemon on a file: labels, the error or else the warning, the exit code."""

    def run(path: Path) -> tuple[int, str, int]:
        options = {"bundle": toy_bundle, "publish": "none", "speed": math.inf}
        messages: list[Message | None] = []
        problem, code = "", Exit.OK
        try:
            daemon.run(Settings(replay=(str(path),), **options), [messages.append], threading.Event())
        except MonitorError as exc:
            problem, code = str(exc), exc.exit_code
        labels = sum(isinstance(message, LabelMessage) for message in messages)
        return labels, problem or caplog.text, code

    return run


@pytest.fixture
def play_with(toy_bundle: Path, tmp_path: Path) -> Callable[..., None]:
    """A function that runs the daemon on a good file, with some settings."""
    recording = write_audio(tmp_path / "good.wav", tone("low", 1.0))

    def run(**options: Any) -> None:
        usual = {"replay": (str(recording),), "bundle": toy_bundle, "publish": "none", "speed": math.inf}
        daemon.run(Settings(**usual | options), [], threading.Event())

    return run


Play = Callable[[Path], tuple[int, str, int]]


@pytest.mark.parametrize("audio", AUDIO, ids=[audio.kind for audio in AUDIO])
def test_audio_files(play: Play, tmp_path: Path, audio: Audio) -> None:
    """What can be used is used, with a warning if something is missing; the rest is refused, with code 65."""
    path = tmp_path / "a.wav"
    path.write_bytes(audio.data)
    labels, problem, code = play(path)
    assert labels == audio.labels
    assert code == (Exit.OK if audio.labels else Exit.DATA)
    assert re.search(audio.message or "^$", problem)
    assert not problem or "a.wav" in problem


@pytest.mark.parametrize(
    ("form", "subtype"),
    [
        *[("WAV", subtype) for subtype in ("PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW")],
        *[(form, "PCM_16") for form in ("WAVEX", "RF64", "W64", "AU", "FLAC", "AIFF")],
    ],
)
def test_every_usual_kind_of_sample_has_the_same_scale(tmp_path: Path, form: str, subtype: str) -> None:
    """Within the steps of eight bits."""
    samples = tone("low", 0.2)
    soundfile.write(tmp_path / "a", samples.T, RATE, format=form, subtype=subtype)
    records = Replay(tmp_path / "a", RATE, 4, speed=math.inf).records()
    played = np.concatenate([record.samples for record in records if isinstance(record, Block)], axis=1)
    np.testing.assert_allclose(played, samples, atol=0.01)


def test_a_big_endian_file(play: Play, tmp_path: Path) -> None:
    """RIFX, as some old recorders write it."""
    soundfile.write(tmp_path / "a.wav", tone("low", 1.0).T, RATE, endian="BIG", subtype="PCM_16")
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RIFX"
    assert play(tmp_path / "a.wav") == (1, "", Exit.OK)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_file_that_shrinks_while_it_is_played(tmp_path: Path, suffix: str) -> None:
    """What was there is played; then it is an error, not the end of the file."""
    path = write_audio(tmp_path / f"a.{suffix}", tone("low", 20.0))
    records = Replay(path, RATE, 4, speed=math.inf).records()
    played = [next(records) for _ in range(5)]
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(SourceError, match=r"a\.(wav breaks off|flac is damaged) after") as error:
        played.extend(records)
    assert error.value.exit_code == Exit.DATA
    assert all(isinstance(record, Block) for record in played)


def test_a_name_that_is_no_utf_8(play: Play, tmp_path: Path) -> None:
    """It is played, and told without what cannot be shown."""
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    path.write_bytes(GOOD)
    assert play(path) == (1, "", Exit.OK)
    path.write_bytes(GOOD[:30])
    assert play(path)[1].startswith("caf.wav is not a usable audio file")


def test_a_file_that_may_not_be_read(play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not called damaged. The tests may run as root, who may read everything."""
    path = tmp_path / "a.wav"
    path.write_bytes(GOOD)

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    assert play(path) == (0, "a.wav may not be read", Exit.NO_PERMISSION)


def test_what_is_no_file(play: Play) -> None:
    """A device that never ends is not begun."""
    assert play(Path("/dev/zero")) == (0, "/dev/zero is neither a file nor a folder", Exit.NO_INPUT)


CONFIGURATIONS: list[tuple[str, Make, str]] = [
    ("NUL bytes", lambda p: p.write_bytes(b"threads = 1\n\0\0"), r"config\.toml: .*line 2"),
    ("not UTF-8", lambda p: p.write_bytes(b"# caf\xe9\n"), r"config\.toml: .*utf-8"),
    ("larger than any", lambda p: p.write_bytes(b"#" * 2_000_000), "larger than 1 MiB"),
    ("a pipe", os.mkfifo, r"config\.toml: no such file"),
    ("a number beyond all", lambda p: p.write_text("hop = 1e999"), "hop: a number of seconds above 0"),
    ("a window of zero", lambda p: p.write_text("hop = 0"), "hop: a number of seconds above 0"),
    ("a long hop", lambda p: p.write_text("hop = 1e9"), r"a hop of 1e\+09 s is not within 1 s"),
    ("a date", lambda p: p.write_text("threads = 2026-01-05"), "threads: a whole number from 1 to 64"),
    ("a table", lambda p: p.write_text("[capture]\nthreads = 1"), "capture: no such setting"),
    ("escape sequences", lambda p: p.write_text('"\\u001b[2J" = 1'), r"config\.toml: \[2J: no such setting"),
]


@pytest.mark.parametrize("case", CONFIGURATIONS, ids=[case[0] for case in CONFIGURATIONS])
def test_configurations(toy_bundle: Path, tmp_path: Path, case: tuple[str, Make, str]) -> None:
    """What is wrong is named, with the file or the key; exit code 78."""
    _, make, message = case
    make(tmp_path / "config.toml")
    wanted = {"replay": [str(write_audio(tmp_path / "a.wav", tone("low", 1.0)))], "publish": "none"}
    with pytest.raises(MonitorError, match=message) as error:
        daemon.run(
            resolve({**wanted, "bundle": str(toy_bundle)}, tmp_path / "config.toml", {}),
            [],
            threading.Event(),
        )
    assert error.value.exit_code == Exit.CONFIG


def test_an_empty_configuration_is_a_good_one(tmp_path: Path) -> None:
    """All defaults."""
    (tmp_path / "config.toml").touch()
    assert resolve({}, tmp_path / "config.toml", {}) == Settings()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p.mkdir(), "journal .* is a folder; name a file in it"),
        (lambda p: p.symlink_to("none/journal"), "journal .*No such file or directory"),
        (lambda p: p.write_bytes(b"a letter"), "is something else; choose another --journal"),
    ],
)
def test_journals(play_with: Callable[..., None], tmp_path: Path, make: Make, message: str) -> None:
    """Where nothing can be written, nothing is monitored."""
    make(tmp_path / "journal")
    with pytest.raises(MonitorError, match=message) as error:
        play_with(journal=tmp_path / "journal")
    assert error.value.exit_code == Exit.IO


class Bomb:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def onnx_with(node: onnx.NodeProto, opset: int = 18) -> bytes:
    """A graph of one node, unchecked, that looks like a model of the toy bundle."""
    inputs = helper.make_tensor_value_info("log_mel", TensorProto.FLOAT, ["batch", 128, 5])
    outputs = helper.make_tensor_value_info("posteriors", TensorProto.FLOAT, ["batch", 3])
    graph = helper.make_graph([node], "odd", [inputs], [outputs])
    opsets = [helper.make_opsetid("", opset)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())


def with_outside_data() -> bytes:
    """A graph whose weights are another file of the machine."""
    model = onnx.load_from_string(onnx_with(helper.make_node("Add", ["log_mel", "w"], ["posteriors"])))
    weights = model.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[3])
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="../../../../etc/passwd")
    return bytes(model.SerializeToString())


MODELS = {
    "empty": b"",
    "text": b"no model",
    "a cycle": onnx_with(helper.make_node("Relu", ["posteriors"], ["posteriors"])),
    "an unknown operator": onnx_with(helper.make_node("Telepathy", ["log_mel"], ["posteriors"])),
    "a version to come": onnx_with(helper.make_node("Relu", ["log_mel"], ["posteriors"]), 999),
    "data outside": with_outside_data(),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_models(
    play_with: Callable[..., None], tmp_path: Path, capfd: pytest.CaptureFixture[str], model: bytes
) -> None:
    """A bundle whose hashes are right may still hold anything: it is refused at load, with code 65."""
    bundle.write(tmp_path / "odd.bundle", toy_manifest(), {"tones.onnx": model})
    with pytest.raises(MonitorError, match="not a usable ONNX model") as error:
        play_with(bundle=tmp_path / "odd.bundle")
    assert error.value.exit_code == Exit.DATA
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("word", [b"log_mel", b"posteriors", b"batch", b"Softmax"])
def test_a_model_with_names_that_are_no_text(
    play_with: Callable[..., None], tmp_path: Path, capfd: pytest.CaptureFixture[str], word: bytes
) -> None:
    """Of its input, its output, a dimension, an operator: onnxruntime minds only some, and late."""
    (member,) = toy_manifest().members
    model = toy_model(member.log_mel, toy_manifest().frames(member)).replace(word, word[:-1] + b"\xff")
    bundle.write(tmp_path / "odd.bundle", toy_manifest(), {"tones.onnx": model})
    with pytest.raises(MonitorError, match=r"has names that are no text|not a usable ONNX model") as error:
        play_with(bundle=tmp_path / "odd.bundle")
    assert error.value.exit_code == Exit.DATA
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["tones.onnx", "svm.npz"])
def test_a_pickle_is_never_loaded(play_with: Callable[..., None], tmp_path: Path, name: str) -> None:
    """Whatever it is called."""
    path = tmp_path / "odd.bundle"
    bundle.write(path, toy_manifest(), {"tones.onnx": b"", "svm.npz": svm.to_bytes({})})
    (path / name).write_bytes(pickle.dumps(Bomb(tmp_path / "loaded")))
    document = json.loads((path / "bundle.json").read_text())
    document["files"][name] = hashlib.sha256((path / name).read_bytes()).hexdigest()
    (path / "bundle.json").write_text(json.dumps(document))
    with pytest.raises(MonitorError) as error:
        play_with(bundle=path)
    assert error.value.exit_code == Exit.DATA
    assert not (tmp_path / "loaded").exists()


def test_numbers_that_fill_no_memory() -> None:
    """An array that claims eight terabytes is not made room for."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
    )
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in ("a.bias.npy", "a.weights.npy"):
            archive.writestr(name, header.getvalue())
    with pytest.raises(ValueError, match="whole"):
        svm.from_bytes(data.getvalue())


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.write_text("text")])
def test_what_is_no_bundle(play_with: Callable[..., None], tmp_path: Path, make: Make) -> None:
    """A pipe is not waited for."""
    make(tmp_path / "odd.bundle")
    with pytest.raises(MonitorError, match="neither the folder of a bundle nor a whole zip") as error:
        play_with(bundle=tmp_path / "odd.bundle")
    assert error.value.exit_code == Exit.DATA


@pytest.mark.parametrize(
    "second", [zipfile.ZipInfo("TONES.ONNX"), zipfile.ZipInfo("model.pkl")], ids=lambda info: info.filename
)
def test_a_zip_with_more_than_its_manifest_says(
    play_with: Callable[..., None], tmp_path: Path, second: zipfile.ZipInfo
) -> None:
    """Also names that only some file systems tell apart."""
    path = tmp_path / "odd.zip"
    bundle.write(path, toy_manifest(), {"tones.onnx": b""})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(second, b"x")
    with pytest.raises(MonitorError, match=f"{second.filename} is not listed"):
        play_with(bundle=path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--channels", "0"], "--channels: a whole number from 1 to 64"),
        (["--channels", "nan"], "--channels: a whole number from 1 to 64"),
        (["--channel-map", "0,0"], "--channel-map: different channels"),
        (["--channel-map", "-1"], "expected one argument|--channel-map: different channels"),
        (["--speed", "nan"], "--speed: a factor above 0, or max"),
        (["--unknown-below", "2"], "--unknown-below: a number from 0 to 1"),
        (["--threads", "1e9"], "--threads: a whole number from 1 to 64"),
        (["--provider", "tpu"], "--provider: one of auto, cpu, cuda"),
        (["--name", "Küche"], "--name: names of 1 to 64"),
        (["--publish", "tcp://0.0.0.0:5556"], "0.0.0.0:5556 can be reached .* needs keys"),
        (["--replay", ""], "--replay: a text"),
        (["\x1b[2J"], r"invalid choice: '\\x1b\[2J'"),
        (["bundle"], "arguments are required: ACTION"),
        (["bundle", "burn"], "invalid choice: 'burn'"),
        (["subscribe", "--since", "1e400d"], "no age such as"),
        (["subscribe", "--type", "labels"], "invalid choice: 'labels'"),
    ],
)
def test_command_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """One line, exit code 2, nothing on stdout."""
    monkeypatch.setattr("monitor.cli.on_signals", lambda *_: None)  # this process keeps its own
    monkeypatch.setattr("monitor.actions.stop_on_signals", lambda: pytest.fail("it must not get so far"))
    try:
        code = cli.main(arguments)
    except SystemExit as exc:
        code = int(str(exc.code))
    output, errors = capsys.readouterr()
    assert (code, output, len(errors.splitlines())) == (2, "", 1)
    assert re.search(message, errors)


AUDIO_TESTS = "tests/monitor/audio/"
BUNDLE = "tests/monitor/inference/test_bundle.py"
ELSEWHERE = {
    "audio that is not finite": "tests/monitor/test_cli.py::test_unusable_samples_never_become_a_label",
    "mono": AUDIO_TESTS + "test_replay.py::test_mono_is_played_on_all_channels_only_when_asked",
    "other rates": (
        AUDIO_TESTS + "test_replay.py::test_another_rate_is_resampled_in_a_stream_as_in_one_piece"
    ),
    "cut files of other formats": AUDIO_TESTS + "test_headers.py::test_a_cut_file_is_played_and_told",
    "cut MP3": AUDIO_TESTS + "test_headers.py::test_a_cut_mp3_ends_with_an_error",
    "cut Ogg": AUDIO_TESTS + "test_headers.py::test_wherever_an_ogg_is_cut_it_is_told",
    "damaged FLAC": "tests/monitor/test_cli.py::test_audio_that_breaks_off_is_used_as_far_as_it_goes",
    "missing, a pipe, an empty folder": AUDIO_TESTS + "test_replay.py::test_missing_files_and_empty_folders",
    "hours of audio": AUDIO_TESTS
    + "test_replay.py::test_a_long_recording_needs_no_more_memory_than_a_short_one",
    "names with escapes": AUDIO_TESTS + "test_replay.py::test_names_are_harmless_for_a_terminal",
    "no such device": AUDIO_TESTS + "test_devices.py::test_an_unknown_device_is_named_with_those_that_exist",
    "no device at all": AUDIO_TESTS + "test_devices.py::test_no_devices_at_all",
    "equal devices": AUDIO_TESTS + "test_devices.py::test_two_equal_cards_are_told_apart_by_their_ports",
    "a number that moved": AUDIO_TESTS + "test_devices.py::test_a_bare_number_has_something_better",
    "busy or not permitted": AUDIO_TESTS + "test_devices.py::test_a_card_that_is_there_but_cannot_be_opened",
    "refused while it opens": AUDIO_TESTS + "test_capture.py::test_why_a_card_cannot_be_opened",
    "six channels": AUDIO_TESTS + "test_capture.py::test_six_channels_are_not_cut_to_four",
    "a card of another rate": AUDIO_TESTS + "test_capture.py::test_a_card_of_another_rate_is_resampled",
    "no PortAudio": AUDIO_TESTS + "test_capture.py::test_a_missing_portaudio_is_explained",
    "a card lost": AUDIO_TESTS + "test_soundcard.py::test_a_failed_capture_is_replaced",
    "a card removed, a server frozen": (
        "tests/test_drills.py::test_audio_comes_back_and_all_time_is_accounted_for"
    ),
    "a suspended machine": AUDIO_TESTS + "test_ledger.py::test_a_suspended_machine_is_a_gap_of_its_own",
    "a clock that drifts": AUDIO_TESTS + "test_ledger.py::test_a_clock_that_drifts_is_no_gap",
    "a server killed": "tests/monitor/test_live.py::test_a_restarted_sound_server_is_found_again",
    "bad microphones": AUDIO_TESTS + "test_health.py::test_onset_and_recovery",
    "all silent": "tests/monitor/test_core.py::test_digital_silence_is_no_label_and_no_fault",
    "a wrong configuration": "tests/monitor/test_config.py::test_a_wrong_file_is_refused_in_words",
    "no configuration": "tests/monitor/test_config.py::test_a_missing_file_or_a_folder_is_refused",
    "a wrong variable": "tests/monitor/test_config.py::test_a_wrong_variable_is_refused",
    "port in use, unknown option": (
        "tests/monitor/test_cli.py::test_bad_input_gets_one_line_and_its_exit_code"
    ),
    "another daemon's journal": "tests/monitor/stream/test_journal.py::test_a_second_daemon_is_refused",
    "no journal": "tests/monitor/stream/test_journal.py::test_a_file_of_something_else_is_left_alone",
    "a damaged journal": "tests/monitor/stream/test_journal.py::test_a_damaged_journal_is_moved_aside",
    "a full disk": "tests/monitor/stream/test_journal.py::test_a_full_disk_is_counted_and_outlived",
    "a bundle that is damaged": BUNDLE + "::test_a_damaged_bundle_is_refused_in_words",
    "a flipped bit": BUNDLE + "::test_no_flipped_bit_goes_unnoticed",
    "paths outside": BUNDLE + "::test_a_zip_cannot_name_a_path_outside",
    "a name twice": BUNDLE + "::test_a_zip_with_a_name_twice_is_refused",
    "a zip bomb": BUNDLE + "::test_a_zip_bomb_is_refused",
    "a bomb of arrays": "tests/monitor/inference/test_svm.py::test_a_file_of_something_else_is_refused",
    "half a zip": BUNDLE + "::test_a_truncated_zip_is_refused",
    "wrong arrays": "tests/monitor/inference/test_svm.py::test_a_file_of_something_else_is_refused",
    "wrong shapes": (
        "tests/monitor/inference/test_recognise.py::test_a_model_that_does_not_fit_is_refused_at_load"
    ),
    "no probabilities": "tests/monitor/inference/test_recognise.py::test_what_is_no_distribution_is_no_label",
    "a model that fails": "tests/monitor/test_core.py::test_a_failing_model_gives_a_gap",
    "a model that is slow": "tests/monitor/test_core.py::test_a_slow_bundle_skips_the_oldest_windows",
    "another way of packing": BUNDLE + "::test_a_zip_of_another_method_is_refused",
    "no such processor": "tests/monitor/inference/test_recognise.py::test_which_processor_runs_is_logged",
    "no keys, no name of a client": "tests/monitor/stream/test_keys.py::test_what_cannot_be_done",
    "a damaged key": "tests/monitor/stream/test_keys.py::test_a_damaged_file_is_named",
    "a key that others can read": "tests/monitor/stream/test_keys.py::test_what_others_can_read_is_refused",
    "strangers": "tests/monitor/stream/test_keyed_stream.py::test_a_client_that_is_not_listed",
    "floods": "tests/test_floods.py::test_a_listener_gets_everything_once",
    "requests": "tests/monitor/stream/test_publisher.py::test_a_bad_request_is_answered_and_harmless",
    "answers": "tests/monitor/stream/test_publisher.py::test_a_bad_answer_is_none",
    "a slow subscriber": "tests/monitor/stream/test_publisher.py::test_a_slow_subscriber_misses_nothing",
    "a disk full while it runs": "tests/monitor/test_full_disk.py::test_the_stream_goes_on",
    "anything at all": "tests/test_fuzz.py::test_bad_input_is_refused",
    "messages": "tests/monitor/stream/test_messages.py::test_what_is_no_message_is_refused",
    "text for a terminal": "tests/monitor/test_errors.py::test_control_is_taken_from_text",
}


@pytest.mark.parametrize("test", ELSEWHERE.values(), ids=ELSEWHERE)
def test_the_rest_is_tested_where_it_is_met(test: str) -> None:
    """The catalogue has no entry that nobody tests."""
    path, name = test.split("::")
    assert f"\ndef {name}(" in (ROOT / path).read_text()
