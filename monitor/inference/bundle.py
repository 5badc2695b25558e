"""The model bundle on disk: reader and writer of one format, version 2.

A bundle is a folder, or a zip of one, without subfolders:

    bundle.json     the manifest: what the models are, and the SHA-256 of every other file
    *.onnx          the graph of each member: spectrogram -> posteriors, or picture or sound -> embedding
    svm.npz         the linear SVMs: of the members that have one, by their names, and of the stack
    MODEL_CARD.md   for people

It is data: no code, no pickle, no path that leads outside. `load` checks version, fields, names and hashes
and keeps the bytes in memory, so a file that is replaced later changes nothing in a running daemon.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from monitor.errors import Exit, safe
from monitor.inference import svm
from monitor.inference.manifest import (
    MANIFEST,
    NAME,
    STACK,
    BundleError,
    CrnnMember,
    Manifest,
    manifest_bytes,
    read_manifest,
)
from monitor.inference.svm import LinearSvm

MAX_BYTES = 4 << 30
"""Limit for all files of a bundle together, so that a zip bomb cannot fill the memory. VGG16 and VGG19 have
0.5 GiB each."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Of packing in a zip: others may reserve gigabytes because a header says so"""
MACHINES = "svm.npz"


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

    def machines(self) -> dict[str, LinearSvm]:
        """The linear SVMs of its members that are no CRNN, by the members' names, and of its stack.

        Raises:
            BundleError: one is missing, damaged, of no use, or not made for these labels or members.
        """
        members, stack = self.manifest.members, self.manifest.stack
        wanted = [member.name for member in members if not isinstance(member, CrnnMember)]
        wanted += [STACK] if stack else []
        if MACHINES not in self.files:
            if wanted:
                raise BundleError(f"{MACHINES} is missing; machines of {', '.join(wanted)} are wanted")
            return {}
        try:
            machines = svm.from_bytes(self.files[MACHINES])
        except ValueError as exc:
            raise BundleError(f"{MACHINES}: {safe(str(exc), 200)}") from exc
        if machines.keys() != set(wanted):
            found = safe(", ".join(machines)) or "none"
            raise BundleError(f"{MACHINES} has machines of {found}; wanted: {', '.join(wanted) or 'none'}")
        labels = len(self.manifest.labels)
        for name, machine in machines.items():
            if len(machine.bias) != labels:
                raise BundleError(f"{MACHINES}: {name} tells {len(machine.bias)} classes apart, not {labels}")
        if stack and machines[STACK].weights.shape[1] != len(members) * labels:
            raise BundleError(
                f"{MACHINES}: {STACK} takes {machines[STACK].weights.shape[1]} numbers, "
                f"not {labels} of each of {len(members)} members"
            )
        return machines


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


def assemble(manifest: Manifest, files: dict[str, bytes]) -> Bundle:
    """A bundle as `load` would return it once it is written.

    Raises:
        BundleError: the parts do not fit together.
    """
    return _assemble(manifest, files)[0]


def write(path: Path, manifest: Manifest, files: dict[str, bytes]) -> Bundle:
    """Write a bundle and return it as `load` would: a zip if `path` ends in `.zip`, else a folder.

    The same inputs give the same bytes. What stood at `path` is replaced only once the new one is complete,
    and only if it was a bundle.

    Raises:
        BundleError: the parts do not fit together, or something else stands at `path`.
    """
    bundle, contents = _assemble(manifest, files)
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


def _assemble(manifest: Manifest, files: dict[str, bytes]) -> tuple[Bundle, dict[str, bytes]]:
    """The bundle, and the contents of all its files."""
    hashes = {name: _sha256(data) for name, data in sorted(files.items())}
    contents = {MANIFEST: manifest_bytes(manifest, hashes), **files}
    return _verify(contents), contents


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
            contents[entry.name] = _read_bounded(file, os.fstat(descriptor).st_size, budget)
        budget -= len(contents[entry.name])
    return contents


def _read_zip(path: Path) -> dict[str, bytes]:
    if not (stat.S_ISREG(path.stat().st_mode) and zipfile.is_zipfile(path)):
        raise BundleError("neither the folder of a bundle nor a whole zip file")
    try:
        with zipfile.ZipFile(path) as archive:
            return _unpacked(archive)
    except (OSError, BundleError):
        raise
    except Exception as exc:  # zipfile raises whatever the damage leads it to
        raise BundleError(f"damaged zip file ({safe(str(exc))})") from exc


def _unpacked(archive: zipfile.ZipFile) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    budget = MAX_BYTES
    for entry in archive.infolist():
        _check_name(entry.filename)
        if entry.filename in contents:
            raise BundleError(f"{entry.filename} is in the zip twice")
        if entry.compress_type not in METHODS:
            raise BundleError(f"{entry.filename} is packed by a method other than deflate")
        with archive.open(entry) as file:
            contents[entry.filename] = _read_bounded(file, entry.file_size, budget)
        budget -= len(contents[entry.filename])
    return contents


def _read_bounded(file: IO[bytes], size: int, budget: int) -> bytes:
    # What is counted decides, not the size that a zip header declares. But no more than that is asked for: a
    # read reserves memory for all that it may give, and a small computer has less than the budget.
    data = file.read(min(size, budget) + 1)
    if len(data) > budget:
        raise BundleError(f"larger than {MAX_BYTES >> 20} MiB")
    return data


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
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
    manifest, hashes = read_manifest(contents[MANIFEST])
    files = {name: data for name, data in contents.items() if name != MANIFEST}
    for name in hashes.keys() | files.keys():
        if name not in files:
            raise BundleError(f"{safe(name)} is missing")
        if name not in hashes:
            raise BundleError(f"{name} is not listed in {MANIFEST}")
        if _sha256(files[name]) != hashes[name]:
            raise BundleError(f"{name} is damaged or was changed: its SHA-256 is not the one in {MANIFEST}")
    for member in manifest.members:
        if member.file not in files:
            raise BundleError(f"member {member.name} names the file {safe(member.file)}, which is not in it")
    bundle = Bundle(manifest, files, _sha256(contents[MANIFEST]))
    bundle.machines()  # for its errors
    return bundle


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
