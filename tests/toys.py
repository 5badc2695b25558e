"""A model that can be understood, signals whose recognition by it is known, and messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import soundfile
from onnx import TensorProto, helper, numpy_helper

from monitor.inference import bundle
from monitor.inference.logmel import LogMelSpec, mel_bands
from monitor.inference.manifest import CrnnMember, DeepSpectrumMember, Manifest
from monitor.inference.picture import PictureSpec
from monitor.inference.svm import LinearSvm
from monitor.stream.messages import (
    AudioTag,
    ChannelHealth,
    ChannelUse,
    EventMessage,
    GapMessage,
    HealthMessage,
    LabelMessage,
    MemberVote,
)

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
RATE = 16000
TONES = {"low": 300.0, "middle": 1200.0, "high": 4000.0}


def tone(label: str, seconds: float, channels: int = 4, rate: int = RATE) -> npt.NDArray[np.float32]:
    """A tone that the toy bundle recognises as `label`: `[channels, samples]`, with a little noise."""
    rng = np.random.default_rng(round(TONES[label]))
    time = np.arange(round(seconds * rate)) / rate
    clean = 0.1 * np.sin(2 * np.pi * TONES[label] * time)
    return (clean + 0.001 * rng.standard_normal((channels, len(time)))).astype(np.float32)


def toy_model(spec: LogMelSpec, frames: int, *, gain: float = 0.5) -> bytes:
    """ONNX: the class is the tone whose mel band is loudest on average over time."""
    weights = np.zeros((spec.n_mels, len(TONES)), dtype=np.float32)
    weights[_bands_of_tones(spec), range(len(TONES))] = gain
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["log_mel", "time"], ["mean"], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["posteriors"], axis=-1),
        ],
        "toy",
        [helper.make_tensor_value_info("log_mel", TensorProto.FLOAT, ["batch", spec.n_mels, frames])],
        [helper.make_tensor_value_info("posteriors", TensorProto.FLOAT, ["batch", len(TONES)])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([2]), "time")],
    )
    return _serialised(graph)


def toy_backbone(size: int) -> bytes:
    """ONNX: the embedding of a picture is the mean colour of each row, red first: 3 * size numbers."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["picture"], ["colours"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["colours", "time"], ["mean"], keepdims=0),
            helper.make_node("Flatten", ["mean"], ["embedding"]),
        ],
        "toy",
        [helper.make_tensor_value_info("picture", TensorProto.UINT8, ["batch", 3, size, size])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 3 * size])],
        [numpy_helper.from_array(np.array([3]), "time")],
    )
    return _serialised(graph)


def toy_machine(spec: LogMelSpec, size: int) -> LinearSvm:
    """For embeddings of `toy_backbone`: the class is the tone whose row is greenest, as viridis paints it."""
    weights = np.zeros((len(TONES), 3 * size))
    rows = [size - 1 - band * size // spec.n_mels for band in _bands_of_tones(spec)]
    weights[range(len(TONES)), size + np.array(rows)] = 0.01
    return LinearSvm(weights, np.array([0.1, 0.0, -0.1]))


def _bands_of_tones(spec: LogMelSpec) -> list[int]:
    bins = [round(frequency * spec.window / spec.sample_rate) for frequency in TONES.values()]
    return [int(mel_bands(spec)[:, [number]].toarray().argmax()) for number in bins]


def _serialised(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


TONES_MEMBER = CrnnMember("tones", "tones.onnx", LogMelSpec(RATE), "mean", -80.0)
"""What `toy_model` is"""
COLOURS_MEMBER = DeepSpectrumMember(
    name="colours",
    file="colours.onnx",
    log_mel=LogMelSpec(RATE, n_mels=64, mel="slaney"),
    channels="mean",
    picture=PictureSpec(size=32, axis="linear"),
    temperature=0.5,
)
"""What `toy_backbone` and `toy_machine` are"""


def toy_manifest(window_seconds: float = 1.0) -> Manifest:
    """Labels low, middle and high; windows of a second, so that tests are quick."""
    return Manifest(
        name="toy",
        created="2026-01-01T00:00:00Z",
        labels=tuple(TONES),
        sample_rate=RATE,
        window_seconds=window_seconds,
        members=(TONES_MEMBER,),
    )


def write_toy_bundle(path: Path) -> Path:
    """Write the bundle that tells three tones apart, and return its path."""
    manifest = toy_manifest()
    (member,) = manifest.members
    bundle.write(path, manifest, {member.file: toy_model(member.log_mel, manifest.frames(member))})
    return path


def write_audio(
    path: Path, samples: npt.NDArray[np.float32], rate: int = RATE, subtype: str = "PCM_16"
) -> Path:
    """Write `[channels, n]` and return the path."""
    soundfile.write(path, samples.T, rate, subtype=subtype)
    return path


MOMENT = datetime(2026, 1, 5, 18, 20, 10, tzinfo=UTC)


def common(
    seq: int,
    array: str = "kitchen",
    boot_id: str = "boot",
    node: str = "attic",
    published: datetime = MOMENT + timedelta(seconds=10.5),
) -> dict[str, Any]:
    """The fields that every message has."""
    return {
        "id": f"id-{seq}",
        "boot_id": boot_id,
        "seq": seq,
        "node": node,
        "array": array,
        "published": published,
    }


def label_message(
    seq: int, *, file: str | None = None, tags: list[AudioTag] | None = None, **fields: Any
) -> LabelMessage:
    """A label with one dead microphone."""
    return LabelMessage(
        **common(seq, **fields),
        start=MOMENT,
        end=MOMENT + timedelta(seconds=10),
        label="cooking",
        confidence=0.75,
        scores={"cooking": 0.75, "café": 0.25},
        stable="cooking",
        since=MOMENT.replace(minute=0, second=0),
        level_dbfs=-38.2,
        valid_fraction=1.0,
        channels=ChannelUse([0, 1, 3], {"2": "dead"}),
        members={"crnn-60": MemberVote("cooking", 0.75)},
        latency_ms=412.0,
        model="toy@0123456789ab",
        file=file,
        tags=tags,
    )


def event_message(seq: int, *, ended: bool = False, **fields: Any) -> EventMessage:
    """Cooking since six o'clock, still or until now."""
    start = MOMENT.replace(minute=0, second=0)
    return EventMessage(
        **common(seq, **fields),
        event_type="ended" if ended else "started",
        activity="cooking",
        start=start,
        end=MOMENT if ended else None,
        duration_s=1210.0 if ended else None,
    )


def gap_message(seq: int, **fields: Any) -> GapMessage:
    """A gap of 2.5 s."""
    end = MOMENT + timedelta(seconds=2.5)
    return GapMessage(
        **common(seq, **fields), start=MOMENT, end=end, reason="device_lost", lost_samples=40000
    )


def health_message(seq: int, **fields: Any) -> HealthMessage:
    """An array that listens, with a microphone that does not."""
    return HealthMessage(
        **common(seq, **fields),
        state="degraded",
        channels=[ChannelHealth(-38.2, None), ChannelHealth(-120.0, "dead")],
        windows=8640,
        gaps=2,
        queue=0,
        uptime_s=86400.0,
        cpu_percent=1.5,
        rss_mb=150.0,
        durable=True,
    )
