"""What a bundle says of itself: `bundle.json`, version 2, its reader and its writer."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from monitor.errors import MonitorError, safe
from monitor.inference.fields import record, value
from monitor.inference.logmel import LogMelSpec
from monitor.inference.picture import PictureSpec

FORMAT = "activity-monitor-bundle"
VERSION = 2
MANIFEST = "bundle.json"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
"""Of files and members"""
MAX_LABELS = 1000
MAX_LABEL_LENGTH = 64
MAX_SPECTROGRAM = 1 << 24
"""Bands times frames, and bands times samples of a frame: a spectrogram must not fill the memory"""
STACK = "stack"
"""Name of the stack's machine in `svm.npz`, and therefore of no member"""

ChannelPolicy = Literal["mean", "mono"]
"""As the member was trained. `mean`: every channel is scored by itself, and the scores are averaged; `mono`:
the channels are averaged and scored once."""


class BundleError(MonitorError):
    """The bundle is damaged, changed, of another version, or does not fit together."""


@dataclass(frozen=True)
class CrnnMember:
    """A model that goes from the spectrogram to the classes by itself."""

    name: str
    """Unique in the bundle, such as `crnn-60`"""
    file: str
    """ONNX: log-mel float32 [batch, n_mels, frames] in dB -> posteriors float32 [batch, labels]"""
    log_mel: LogMelSpec
    channels: ChannelPolicy
    threshold_db: float
    """Amplitude threshold in dB below the maximum; the graph itself clips there"""
    kind: Literal["crnn"] = "crnn"


@dataclass(frozen=True)
class DeepSpectrumMember:
    """An image network that looks at pictures of the spectrogram, and a linear SVM on what it sees.

    The machine stands in the bundle's `svm.npz` under the member's name.

    Raises:
        ValueError: the temperature is not positive.
    """

    name: str
    """Unique in the bundle, such as `resnet50-imagenet-viridis`"""
    file: str
    """ONNX: picture uint8 [batch, 3, size, size], RGB -> embedding float32 [batch, n]"""
    log_mel: LogMelSpec
    channels: ChannelPolicy
    picture: PictureSpec
    temperature: float
    """Probabilities are softmax(decision values / temperature)"""
    kind: Literal["deep-spectrum"] = "deep-spectrum"

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)


@dataclass(frozen=True)
class _HearingMember:
    """A network for sound, front end included, and a linear SVM on what it hears.

    The machine stands in the bundle's `svm.npz` under the member's name.

    Raises:
        ValueError: the temperature is not positive.
    """

    name: str
    """Unique in the bundle, such as `openl3-audioset`"""
    file: str
    """ONNX: samples float32 [batch, n] of a window at `sample_rate` -> embedding float32 [batch, features]"""
    sample_rate: int
    """Hertz; windows are resampled to it"""
    channels: ChannelPolicy
    temperature: float
    """Probabilities are softmax(decision values / temperature)"""

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)


@dataclass(frozen=True)
class Openl3Member(_HearingMember):
    """openl3's network."""

    kind: Literal["openl3"] = "openl3"


@dataclass(frozen=True)
class PannMember(_HearingMember):
    """A PANN. If there are tags, its graph also gives their probabilities, float32 [batch, tags].

    Raises:
        ValueError: the temperature is not positive, or the number of tags negative.
    """

    tags: int
    """How many of AudioSet's classes it also tells; 0 if its weights have not learnt them"""
    kind: Literal["pann"] = "pann"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tags < 0:
            raise ValueError(f"tags must be 0 or more, not {self.tags}")


SpectrogramMember = CrnnMember | DeepSpectrumMember
SoundMember = Openl3Member | PannMember
Member = CrnnMember | DeepSpectrumMember | Openl3Member | PannMember


@dataclass(frozen=True)
class Stack:
    """A linear SVM on top: it takes what all members say, side by side.

    That is a CRNN's posteriors and the decision values of the others, the mean over channels of each.
    The machine stands in the bundle's `svm.npz` under the name `stack`.

    Raises:
        ValueError: the temperature is not positive.
    """

    members: tuple[str, ...]
    """Every member's name, in the order of the machine's features"""
    temperature: float
    """Probabilities are softmax(decision values / temperature)"""

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)


@dataclass(frozen=True)
class SelfTest:
    """What the bundle says about the signal of `monitor.inference.selftest`, where it was made."""

    scores: tuple[float, ...]
    """A probability for each label"""


@dataclass(frozen=True)
class Manifest:
    """What `bundle.json` says."""

    name: str
    created: str
    """UTC, ISO 8601"""
    labels: tuple[str, ...]
    """Class names in the order of the models' outputs"""
    sample_rate: int
    """Hertz, of every member"""
    window_seconds: float
    members: tuple[Member, ...]
    stack: Stack | None = None
    """None: the scores are the mean of the members' probabilities"""
    training: dict[str, Any] = field(default_factory=dict)
    """Data set, licence, recipe"""
    scores: dict[str, Any] = field(default_factory=dict)
    """Cross-validated scores"""
    notice: str = ""
    """One line that a user must see at start, such as what the bundle must not be used for"""
    self_test: SelfTest | None = None
    """None: not made by export"""

    @property
    def window(self) -> int:
        """Window length in samples."""
        return round(self.window_seconds * self.sample_rate)

    def frames(self, member: SpectrogramMember) -> int:
        """Log-mel frames of a member in a window."""
        return member.log_mel.frames(self.window)


def manifest_bytes(manifest: Manifest, hashes: dict[str, str]) -> bytes:
    """`bundle.json` for a manifest and the SHA-256 of every other file."""
    document = {"format": FORMAT, "version": VERSION, **asdict(manifest), "files": hashes}
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def read_manifest(data: bytes) -> tuple[Manifest, dict[str, str]]:
    """Manifest, and SHA-256 of every other file by its name, from the bytes of `bundle.json`.

    Raises:
        BundleError: not JSON, of another version, a field missing, unknown, ill-typed or out of range.
    """
    try:
        document = json.loads(data, object_pairs_hook=_no_duplicates)
        json.dumps(document, ensure_ascii=False).encode()  # an escape may stand for half a character
    except (ValueError, RecursionError) as exc:
        raise BundleError(f"{MANIFEST} is not valid JSON ({safe(str(exc))})") from exc
    if not isinstance(document, dict) or document.pop("format", None) != FORMAT:
        raise BundleError(f"{MANIFEST} is not the manifest of an activity-monitor bundle")
    version = document.pop("version", None)
    if version != VERSION:
        raise BundleError(f"format version {safe(str(version))}; this program reads version {VERSION}")
    try:
        hashes = value(dict, document.pop("files", None), "files")
        for name in hashes:
            value(str, hashes[name], f"files.{safe(name)}")
        manifest = record(Manifest, document)
    except ValueError as exc:
        raise BundleError(f"{MANIFEST}: {exc}") from exc
    _check(manifest)
    return manifest, hashes


def _check_temperature(temperature: float) -> None:
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be positive, not {temperature}")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a key stands twice")
    return document


def _check(manifest: Manifest) -> None:
    _check_labels(manifest.labels)
    if not 0.1 <= manifest.window_seconds <= 600:
        raise BundleError(f"window of {manifest.window_seconds} s; 0.1 to 600 s is possible")
    _check_rate(manifest.sample_rate)
    if not manifest.members:
        raise BundleError("it has no members")
    if manifest.self_test and len(manifest.self_test.scores) != len(manifest.labels):
        raise BundleError(
            f"the self-test has {len(manifest.self_test.scores)} scores, not one for each label"
        )
    names = sorted(member.name for member in manifest.members)
    if len(set(names)) < len(names):
        raise BundleError("two members have the same name")
    for member in manifest.members:
        _check_member(member, manifest)
    if manifest.stack and sorted(manifest.stack.members) != names:
        stacked = safe(", ".join(manifest.stack.members)) or "none"
        raise BundleError(f"the stack takes members {stacked}; the bundle has {', '.join(names)}")


def _check_rate(rate: int, whose: str = "") -> None:
    if not 4000 <= rate <= 192_000:
        raise BundleError(f"{whose}sample rate of {rate} Hz; 4 to 192 kHz is possible")


def _check_labels(labels: tuple[str, ...]) -> None:
    for label in labels:
        if not label or label != safe(label, MAX_LABEL_LENGTH):
            raise BundleError(
                f"label {safe(repr(label), 80)}: 1 to {MAX_LABEL_LENGTH} printable characters wanted"
            )
    if not 2 <= len(labels) <= MAX_LABELS or len(set(labels)) < len(labels):
        raise BundleError(f"2 to {MAX_LABELS} different labels wanted")


def _check_member(member: Member, manifest: Manifest) -> None:
    if not NAME.fullmatch(member.name):
        raise BundleError(
            f"member name {safe(member.name)!r} is not allowed: letters, digits, '.', '_' and '-' only"
        )
    if member.name == STACK:
        raise BundleError(f"no member can be called {STACK!r}: that is the name of what is on top of them")
    if isinstance(member, SoundMember):
        _check_rate(member.sample_rate, f"member {member.name} takes a ")
        return
    rate = member.log_mel.sample_rate
    if rate != manifest.sample_rate:
        raise BundleError(f"member {member.name} takes {rate} Hz, its bundle {manifest.sample_rate} Hz")
    spec, frames = member.log_mel, manifest.frames(member)
    if spec.n_mels * max(frames, spec.window) > MAX_SPECTROGRAM:
        raise BundleError(
            f"member {member.name}'s spectrogram is too large: {spec.n_mels} bands of {frames} frames "
            f"of {spec.window} samples"
        )
    if frames < 1:
        raise BundleError(f"the window is shorter than one frame of member {member.name}'s spectrogram")
