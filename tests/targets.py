"""What reads bytes from outside, each as a function to be tried with anything (`fuzz.py`).

Each takes the input or refuses it with a MonitorError; whatever else it raises is a mistake of ours.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import soundfile
from hypothesis import strategies as st

from monitor.audio.replay import Replay
from monitor.audio.sources import Block
from monitor.inference import bundle, svm
from monitor.inference.logmel import mel_bands
from monitor.inference.manifest import manifest_bytes, read_manifest
from monitor.inference.recognise import Recogniser
from monitor.stream.journal import Journal
from monitor.stream.journal_reader import JournalReader
from monitor.stream.messages import from_bytes, to_bytes, topic
from monitor.stream.publisher import Publisher
from monitor.views.render import render
from monitor.views.state import State
from tests import mutations
from tests.toys import (
    COLOURS_MEMBER,
    MOMENT,
    RATE,
    TONES_MEMBER,
    gap_message,
    health_message,
    label_message,
    tone,
    toy_backbone,
    toy_machine,
    toy_manifest,
    toy_model,
)

Try = Callable[[bytes], None]
MESSAGES = (label_message(1), label_message(2, file="day.wav"), gap_message(3), health_message(4))
MANIFEST_OF_BOTH = dataclasses.replace(toy_manifest(), members=(TONES_MEMBER, COLOURS_MEMBER))
MACHINES = svm.to_bytes({"colours": toy_machine(COLOURS_MEMBER.log_mel, COLOURS_MEMBER.picture.size)})
FILES = {
    TONES_MEMBER.file: toy_model(TONES_MEMBER.log_mel, toy_manifest().frames(TONES_MEMBER)),
    COLOURS_MEMBER.file: toy_backbone(COLOURS_MEMBER.picture.size),
    bundle.MACHINES: MACHINES,
}
NOISE = np.random.default_rng(1).uniform(-0.1, 0.1, (4, RATE)).astype(np.float32)


@dataclass(frozen=True)
class Target:
    """A reader, and what it is tried with."""

    name: str
    inputs: st.SearchStrategy[bytes]
    open: Callable[[Path], Try]
    """Takes an empty folder"""


def _audio(folder: Path) -> Try:
    """Blocks follow on each other, of as many channels as are wanted."""
    path = folder / "a.wav"

    def play(data: bytes) -> None:
        path.write_bytes(data)
        end = 0
        for record in Replay(path, RATE, 4, mono_to_all=True, speed=math.inf).records():
            assert record.start == end
            end = record.end
            assert not isinstance(record, Block) or record.samples.shape == (4, end - record.start)

    return play


def _recordings() -> list[bytes]:
    """A twentieth of a second in every format that has a header of its own."""
    kinds = [(form, "PCM_16") for form in ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC")]
    kinds += [("WAV", "FLOAT"), ("WAV", "IMA_ADPCM"), ("OGG", "VORBIS"), ("OGG", "OPUS")]
    written = []
    for form, subtype in kinds:
        file = io.BytesIO()
        channels = 1 if subtype == "IMA_ADPCM" else 4
        soundfile.write(file, tone("low", 0.05, channels).T, RATE, format=form, subtype=subtype)
        written.append(file.getvalue())
    return written


def _zip(folder: Path) -> Try:
    """A bundle is what was written, or refused."""
    path = folder / "a.zip"
    whole = bundle.assemble(MANIFEST_OF_BOTH, FILES)

    def load(data: bytes) -> None:
        path.write_bytes(data)
        assert bundle.load(path) == whole

    return load


def _zips() -> list[bytes]:
    _, contents = bundle._assemble(MANIFEST_OF_BOTH, FILES)
    written = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, data in contents.items():
                archive.writestr(zipfile.ZipInfo(name), data, method)
        written.append(file.getvalue())
    return written


def _manifest(_: Path) -> Try:
    """A manifest can be written again, its bundle named in a label, and what it wants be computed."""

    def read(data: bytes) -> None:
        manifest, hashes = read_manifest(data)
        assert read_manifest(manifest_bytes(manifest, hashes)) == (manifest, hashes)
        to_bytes(label_message(1, array=manifest.name))
        for member in manifest.members:
            assert manifest.frames(member) > 0
            assert mel_bands(member.log_mel).shape[0] == member.log_mel.n_mels

    return read


def _machines(_: Path) -> Try:
    """Machines decide, whatever their numbers."""

    def read(data: bytes) -> None:
        machines = bundle.assemble(MANIFEST_OF_BOTH, {**FILES, bundle.MACHINES: data}).machines()
        for machine in machines.values():
            with np.errstate(all="ignore"):
                machine.decide(np.ones((1, machine.weights.shape[1])))

    return read


def _model(_: Path) -> Try:
    """What loads gives probabilities, or says that it cannot."""

    def run(data: bytes) -> None:
        recogniser = Recogniser(bundle.assemble(toy_manifest(), {TONES_MEMBER.file: data}), provider="cpu")
        scores = recogniser.recognise(NOISE).scores
        assert abs(scores.sum() - 1) < 1e-6

    return run


def _message(_: Path) -> Try:
    """A message can be written again and shown."""

    def read(data: bytes) -> None:
        message = from_bytes(data)
        assert from_bytes(to_bytes(message)) == message
        assert topic(message)
        state = State()
        state.update(message)
        render(state, datetime.now(UTC), 80, 24)

    return read


def _request(folder: Path) -> Try:
    """A request is answered, if only with an error, and the next one is served."""
    journal = Journal(folder / "journal.sqlite", durable=False)
    for message in MESSAGES:
        journal.append(message)
    publisher = Publisher(JournalReader(journal.path), f"ipc://{folder}/stream", 0)

    def ask(data: bytes) -> None:
        publisher._answer([b"nobody", data])

    return ask


REQUESTS = [{"after_seq": 2, "types": ["label"], "limit": 10}, {"since": MOMENT.isoformat()}]


def targets() -> dict[str, Target]:
    """By their names."""
    manifests = [json.loads(manifest_bytes(MANIFEST_OF_BOTH, dict.fromkeys(FILES, "00")))]
    found = [
        Target("audio", mutations.changed(_recordings()) | mutations.recordings, _audio),
        Target("bundle.zip", mutations.changed(_zips()), _zip),
        Target("bundle.json", mutations.texts(manifests), _manifest),
        Target("svm.npz", mutations.changed([MACHINES, svm.to_bytes({})]), _machines),
        Target("model.onnx", mutations.changed([FILES[TONES_MEMBER.file]]), _model),
        Target("message", mutations.texts([json.loads(to_bytes(m)) for m in MESSAGES]), _message),
        Target("request", mutations.texts(REQUESTS), _request),
    ]
    return {target.name: target for target in found}
