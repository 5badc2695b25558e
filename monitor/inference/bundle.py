"""The model bundle on disk: reader and writer of one format, version 1.

A bundle is a folder, or a zip of one, without subfolders:

    bundle.json     the manifest: what the models are, and the SHA-256 of every other file
    *.onnx          one graph per member, float32 log-mel in, class posteriors out
    MODEL_CARD.md   for people

It is data: no code, no pickle, no path that leads outside. `load` checks version, fields, names and hashes
and keeps the bytes in memory, so a file that is replaced later changes nothing in a running daemon.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import stat
import tempfile
import zipfile
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from monitor.errors import Exit, MonitorError, safe
from monitor.inference.logmel import LogMelSpec

FORMAT = "activity-monitor-bundle"
VERSION = 1
MANIFEST = "bundle.json"
MAX_BYTES = 1 << 30
"""Limit for all files of a bundle together, so that a zip bomb cannot fill the memory."""
MAX_LABELS = 1000
MAX_LABEL_LENGTH = 64
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


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
    channel_policy: Literal["mean"] = "mean"
    """`mean`: every channel is scored by itself, and the members' outputs are averaged over channels"""
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


@dataclass(frozen=True)
class Bundle:
    """A verified bundle in memory."""

    manifest: Manifest
    files: dict[str, bytes]
    """File name -> contents, the manifest left out"""
    digest: str
    """SHA-256 of the manifest, and through its hashes of everything"""

    @property
    def model_id(self) -> str:
        """Name and short digest, as published with every label."""
        return f"{self.manifest.name}@{self.digest[:12]}"


def load(path: Path) -> Bundle:
    """Read and verify a bundle.

    Raises:
        BundleError: exit code 66 if nothing is there, 77 if it may not be read, else 65 with the reason.
    """
    shown = safe(str(path))
    try:
        return _verify(_read_folder(path) if path.is_dir() else _read_zip(path))
    except FileNotFoundError as exc:
        raise BundleError(f"no bundle at {shown}", Exit.NO_INPUT) from exc
    except PermissionError as exc:
        raise BundleError(f"bundle {shown} may not be read", Exit.NO_PERMISSION) from exc
    except (OSError, BundleError) as exc:
        raise BundleError(f"bundle {shown}: {safe(str(exc), 1000)}") from exc


def write(path: Path, manifest: Manifest, files: dict[str, bytes]) -> Bundle:
    """Write a bundle and return it as `load` would: a zip if `path` ends in `.zip`, else a folder.

    The same inputs give the same bytes. What stood at `path` is replaced only once the new one is complete,
    and only if it was a bundle.

    Raises:
        BundleError: the parts do not fit together, or something else stands at `path`.
    """
    text = json.dumps(_to_json(manifest, files), indent=2, ensure_ascii=False) + "\n"
    contents = {MANIFEST: text.encode(), **files}
    bundle = _verify(contents)
    if not _replaceable(path):
        raise BundleError(f"{safe(str(path))} is there already and no bundle; choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".bundle-") as scratch:
        fresh = Path(scratch) / "new"
        _write_zip(fresh, contents) if path.suffix == ".zip" else _write_folder(fresh, contents)
        if path.exists():
            path.replace(Path(scratch) / "old")
        fresh.replace(path)
    return bundle


def _replaceable(path: Path) -> bool:
    if path.is_dir():
        return not any(path.iterdir()) or (path / MANIFEST).is_file()
    return not path.exists() or zipfile.is_zipfile(path)


def _read_folder(path: Path) -> dict[str, bytes]:
    if not (path / MANIFEST).exists():
        raise BundleError(f"no bundle: there is no {MANIFEST} in it")
    contents: dict[str, bytes] = {}
    budget = MAX_BYTES
    for entry in sorted(path.iterdir()):
        if entry.name.startswith("."):
            continue
        _check_name(entry.name)
        # O_NOFOLLOW and O_NONBLOCK: neither a link out of the bundle nor a pipe that never ends.
        try:
            descriptor = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as exc:
            if exc.errno == errno.ELOOP:
                raise BundleError(f"{entry.name} is a link; a bundle holds regular files only") from exc
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BundleError(f"{entry.name} is not a regular file")
        with os.fdopen(descriptor, "rb") as file:
            contents[entry.name] = _read_bounded(file, budget)
        budget -= len(contents[entry.name])
    return contents


def _read_zip(path: Path) -> dict[str, bytes]:
    if not (stat.S_ISREG(path.stat().st_mode) and zipfile.is_zipfile(path)):
        raise BundleError("neither the folder of a bundle nor a whole zip file")
    contents: dict[str, bytes] = {}
    budget = MAX_BYTES
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                _check_name(entry.filename)
                if entry.filename in contents:
                    raise BundleError(f"{entry.filename} is in the zip twice")
                with archive.open(entry) as file:
                    contents[entry.filename] = _read_bounded(file, budget)
                budget -= len(contents[entry.filename])
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as exc:
        raise BundleError(f"damaged zip file ({safe(str(exc))})") from exc
    return contents


def _read_bounded(file: IO[bytes], budget: int) -> bytes:
    # What is counted decides, not what a zip header declares.
    data = file.read(budget + 1)
    if len(data) > budget:
        raise BundleError(f"larger than {MAX_BYTES >> 20} MiB")
    return data


def _check_name(name: str) -> None:
    if not _FILE_NAME.fullmatch(name):
        raise BundleError(
            f"file name {safe(name)!r} is not allowed: letters, digits, '.', '_' and '-' only, no folders"
        )


def _write_folder(path: Path, contents: dict[str, bytes]) -> None:
    path.mkdir()
    for name, data in contents.items():
        (path / name).write_bytes(data)


def _write_zip(path: Path, contents: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(contents.items()):
            # The ZipInfo default date (1980) keeps the bytes independent of the time of writing.
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def _verify(contents: dict[str, bytes]) -> Bundle:
    if MANIFEST not in contents:
        raise BundleError(f"there is no {MANIFEST} in it")
    try:
        document = json.loads(contents[MANIFEST], object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as exc:
        raise BundleError(f"{MANIFEST} is not valid JSON ({safe(str(exc))})") from exc
    manifest, hashes = _from_json(document)
    files = {name: data for name, data in contents.items() if name != MANIFEST}
    for name in hashes.keys() | files.keys():
        if name not in files:
            raise BundleError(f"{safe(name)} is missing")
        if name not in hashes:
            raise BundleError(f"{name} is not listed in {MANIFEST}")
        if hashlib.sha256(files[name]).hexdigest() != hashes[name]:
            raise BundleError(f"{name} is damaged or was changed: its SHA-256 is not the one in {MANIFEST}")
    for member in manifest.members:
        if member.file not in files:
            raise BundleError(
                f"member {safe(member.name)} names the file {safe(member.file)}, which is not in it"
            )
    return Bundle(manifest, files, hashlib.sha256(contents[MANIFEST]).hexdigest())


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a key stands twice")
    return document


def _to_json(manifest: Manifest, files: dict[str, bytes]) -> dict[str, Any]:
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    return {"format": FORMAT, "version": VERSION, **asdict(manifest), "files": hashes}


def _from_json(document: Any) -> tuple[Manifest, dict[str, str]]:
    """Manifest and file hashes from parsed JSON; every field is checked."""
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


def _policy(name: str) -> Literal["mean"]:
    if name != "mean":
        raise BundleError(f"channel policy {safe(name)!r}; this program knows 'mean'")
    return "mean"


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
