"""What a bundle says of itself: `bundle.json`, version 1, its reader and its writer."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast, get_args

from monitor.errors import MonitorError, safe
from monitor.inference.logmel import LogMelSpec

FORMAT = "activity-monitor-bundle"
VERSION = 1
MANIFEST = "bundle.json"
MAX_LABELS = 1000
MAX_LABEL_LENGTH = 64


ChannelPolicy = Literal["mean", "mono"]


class BundleError(MonitorError):
    """The bundle is damaged, changed, of another version, or does not fit together."""


@dataclass(frozen=True)
class Member:
    """One model of the ensemble."""

    name: str
    """Unique in the bundle, such as `crnn-60`"""
    kind: str
    """`crnn`: log-mel float32 [batch, n_mels, frames] in dB -> posteriors float32 [batch, labels]"""
    file: str
    """ONNX file inside the bundle"""
    threshold_db: float
    """Amplitude threshold in dB below the maximum; the graph itself clips there"""


@dataclass(frozen=True)
class Manifest:
    """What `bundle.json` says."""

    name: str
    created: str
    """UTC, ISO 8601"""
    labels: tuple[str, ...]
    """Class names in the order of the models' outputs"""
    window_seconds: float
    log_mel: LogMelSpec
    """Its `sample_rate` is the bundle's"""
    members: tuple[Member, ...]
    channel_policy: ChannelPolicy = "mean"
    """`mean`: every channel is scored by itself, and the members' outputs are averaged over channels; `mono`:
    the channels are averaged and scored once, as the models were trained"""
    training: dict[str, Any] = field(default_factory=dict)
    """Data set, licence, recipe"""
    scores: dict[str, Any] = field(default_factory=dict)
    """Cross-validated scores"""
    notice: str = ""
    """One line that a user must see at start, such as what the bundle must not be used for"""

    @property
    def sample_rate(self) -> int:
        """Hertz."""
        return self.log_mel.sample_rate

    @property
    def window(self) -> int:
        """Window length in samples."""
        return round(self.window_seconds * self.sample_rate)

    @property
    def frames(self) -> int:
        """Log-mel frames in a window."""
        return self.log_mel.frames(self.window)


def manifest_bytes(manifest: Manifest, hashes: dict[str, str]) -> bytes:
    """`bundle.json` for a manifest and the SHA-256 of every other file."""
    document = {"format": FORMAT, "version": VERSION, **asdict(manifest), "files": hashes}
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def read_manifest(data: bytes) -> tuple[Manifest, dict[str, str]]:
    """Manifest, and SHA-256 of every other file by its name, from the bytes of `bundle.json`.

    Raises:
        BundleError: not JSON, of another version, a field missing, ill-typed or out of range.
    """
    try:
        document = json.loads(data, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as exc:
        raise BundleError(f"{MANIFEST} is not valid JSON ({safe(str(exc))})") from exc
    document = _typed(document, dict, MANIFEST)
    if document.get("format") != FORMAT:
        raise BundleError(f"{MANIFEST} is not the manifest of an activity-monitor bundle")
    if document.get("version") != VERSION:
        version = safe(str(document.get("version")))
        raise BundleError(f"format version {version}; this program reads version {VERSION}")
    hashes = _strings(_need(document, "files", dict), "files")
    try:
        manifest = Manifest(
            name=_need(document, "name", str),
            created=_need(document, "created", str),
            labels=tuple(_labels(_need(document, "labels", list))),
            window_seconds=_number(document, "window_seconds"),
            log_mel=LogMelSpec(**_need(document, "log_mel", dict)),
            members=tuple(_member(entry) for entry in _need(document, "members", list)),
            channel_policy=_policy(_need(document, "channel_policy", str)),
            training=_need(document, "training", dict),
            scores=_need(document, "scores", dict),
            notice=_need(document, "notice", str),
        )
    except (TypeError, ValueError, OverflowError) as exc:
        raise BundleError(f"{MANIFEST}: log_mel: {safe(str(exc))}") from exc
    _check(manifest)
    return manifest, hashes


def _check(manifest: Manifest) -> None:
    if not 0.1 <= manifest.window_seconds <= 600:
        raise BundleError(f"window of {manifest.window_seconds} s; 0.1 to 600 s is possible")
    if not 4000 <= manifest.sample_rate <= 192_000:
        raise BundleError(f"sample rate of {manifest.sample_rate} Hz; 4 to 192 kHz is possible")
    if manifest.frames < 1:
        raise BundleError("the window is shorter than one frame of the spectrogram")
    if not manifest.members:
        raise BundleError("it has no members")
    names = [member.name for member in manifest.members]
    if len(set(names)) < len(names):
        raise BundleError("two members have the same name")


def _labels(labels: list[Any]) -> list[str]:
    for label in labels:
        if not isinstance(label, str) or not label or label != safe(label, MAX_LABEL_LENGTH):
            raise BundleError(
                f"label {safe(repr(label), 80)}: 1 to {MAX_LABEL_LENGTH} printable characters wanted"
            )
    if not 2 <= len(labels) <= MAX_LABELS or len(set(labels)) < len(labels):
        raise BundleError(f"2 to {MAX_LABELS} different labels wanted")
    return labels


def _policy(name: str) -> ChannelPolicy:
    for policy in get_args(ChannelPolicy):
        if name == policy:
            return cast("ChannelPolicy", policy)
    raise BundleError(f"channel policy {safe(name)!r}; this program knows 'mean' and 'mono'")


def _member(entry: Any) -> Member:
    entry = _typed(entry, dict, "a member")
    member = Member(
        name=_need(entry, "name", str),
        kind=_need(entry, "kind", str),
        file=_need(entry, "file", str),
        threshold_db=_number(entry, "threshold_db"),
    )
    if member.kind != "crnn":
        raise BundleError(
            f"member {safe(member.name)} is of kind {safe(member.kind)!r}; this program runs crnn"
        )
    return member


def _need(document: dict[str, Any], key: str, kind: type) -> Any:
    if key not in document:
        raise BundleError(f"{MANIFEST} has no {key!r}")
    return _typed(document[key], kind, key)


def _typed(value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        raise BundleError(f"{what} must be {_JSON_NAMES[kind]}, not {safe(repr(value), 60)}")
    return value


_JSON_NAMES: dict[type, str] = {dict: "an object", list: "a list", str: "a string"}


def _number(document: dict[str, Any], key: str) -> float:
    value = document.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BundleError(f"{key} must be a number, not {safe(repr(value), 60)}")
    return float(value)


def _strings(document: dict[str, Any], what: str) -> dict[str, str]:
    if not all(isinstance(value, str) for value in document.values()):
        raise BundleError(f"{what} must hold strings")
    return document


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a key stands twice")
    return document
