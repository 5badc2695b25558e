"""The bundle on disk: what is written is read, and nothing else is accepted."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import Exit
from monitor.inference import bundle
from monitor.inference.bundle import load, write
from monitor.inference.manifest import BundleError
from tests.toys import toy_manifest

FILES = {"tones.onnx": b"not really a model", "MODEL_CARD.md": b"# Toy\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle with a file that stands for a model; the model itself is not run here."""
    write(tmp_path / "toy.bundle", toy_manifest(), FILES)
    return tmp_path / "toy.bundle"


def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """A change to the manifest."""

    def apply(path: Path) -> None:
        document = json.loads((path / "bundle.json").read_text())
        change(document)
        (path / "bundle.json").write_text(json.dumps(document))

    return apply


@pytest.mark.parametrize("name", ["toy.bundle", "toy.zip"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    """Folder and zip hold the same manifest and files, and give the same digest."""
    written = write(tmp_path / name, toy_manifest(), FILES)
    assert load(tmp_path / name) == written
    assert written.manifest == toy_manifest()
    assert written.files == FILES
    assert written.model_id == f"toy@{written.digest[:12]}"


def test_derived_sizes() -> None:
    """Window, rate and frames follow from the manifest."""
    manifest = dataclasses.replace(toy_manifest(), window_seconds=10.0)
    assert (manifest.sample_rate, manifest.window, manifest.frames) == (16000, 160000, 61)


@pytest.mark.parametrize("name", ["a.bundle", "a.zip"])
def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    """Two exports of one run can be compared byte by byte."""
    contents = []
    for attempt in ("one", "two"):
        path = tmp_path / attempt / name
        write(path, toy_manifest(), FILES)
        contents.append(path.read_bytes() if path.is_file() else (path / "bundle.json").read_bytes())
    assert contents[0] == contents[1]


def test_a_bundle_replaces_a_bundle_but_nothing_else(folder: Path) -> None:
    """An older bundle is replaced whole; a folder with other things in it is left alone."""
    renamed = dataclasses.replace(toy_manifest(), name="newer")
    write(folder, renamed, {"tones.onnx": b"other"})
    assert sorted(path.name for path in folder.iterdir()) == ["bundle.json", "tones.onnx"]
    other = folder.parent / "music"
    other.mkdir()
    (other / "song.wav").touch()
    for path in (other, other / "song.wav"):
        with pytest.raises(BundleError, match="is there already and no bundle"):
            write(path, renamed, FILES)
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def link_model(path: Path) -> None:
    """The model becomes a link to a file outside."""
    outside = path.parent / "outside.onnx"
    (path / "tones.onnx").rename(outside)
    (path / "tones.onnx").symlink_to(outside)


def pipe_model(path: Path) -> None:
    """The model becomes a pipe, which would never end."""
    (path / "tones.onnx").unlink()
    os.mkfifo(path / "tones.onnx")


DAMAGE: list[tuple[Callable[[Path], Any], str]] = [
    (lambda p: (p / "bundle.json").unlink(), "there is no bundle.json"),
    (lambda p: (p / "bundle.json").write_text("{"), "not valid JSON"),
    (lambda p: (p / "bundle.json").write_text('{"name": 1, "name": 2}'), "a key stands twice"),
    (lambda p: (p / "bundle.json").write_text("[" * 100_000), "not valid JSON"),
    (lambda p: (p / "bundle.json").write_text("[]"), "must be an object"),
    (lambda p: (p / "tones.onnx").unlink(), r"tones\.onnx is missing"),
    (
        lambda p: (p / "tones.onnx").write_bytes(b"not really a modem"),
        r"tones\.onnx is damaged or was changed",
    ),
    (lambda p: (p / "tones.onnx").write_bytes(b"not"), r"tones\.onnx is damaged or was changed"),
    (lambda p: (p / "extra.onnx").write_bytes(b"x"), r"extra\.onnx is not listed"),
    (lambda p: (p / "folder").mkdir(), "not a regular file"),
    (link_model, r"tones\.onnx is a link"),
    (pipe_model, r"tones\.onnx is not a regular file"),
    (edit(lambda d: d.update(format="zip")), "not the manifest of an activity-monitor bundle"),
    (edit(lambda d: d.update(version=2)), "format version 2; this program reads version 1"),
    (edit(lambda d: d.pop("labels")), "has no 'labels'"),
    (edit(lambda d: d.update(labels=["a"])), "2 to 1000 different labels"),
    (edit(lambda d: d.update(labels=["a", "a"])), "2 to 1000 different labels"),
    (edit(lambda d: d.update(labels=["a", ""])), "label ''"),
    (edit(lambda d: d.update(labels=["a", "\x1b[2J"])), "label"),
    (edit(lambda d: d.update(labels=["a", 7])), "label 7"),
    (edit(lambda d: d.update(labels="ab")), "labels must be a list"),
    (edit(lambda d: d.update(window_seconds=0)), r"window of 0\.0 s"),
    (edit(lambda d: d.update(window_seconds=float("nan"))), "window_seconds must be a number"),
    (edit(lambda d: d.update(window_seconds=True)), "window_seconds must be a number"),
    (edit(lambda d: d.update(window_seconds=0.2)), "shorter than one frame"),
    (edit(lambda d: d["log_mel"].update(sample_rate=10**9)), "sample rate of 1000000000 Hz"),
    (edit(lambda d: d["log_mel"].update(colour="blue")), "log_mel: .*colour"),
    (edit(lambda d: d["log_mel"].update(mel="bark")), "log_mel: mel must be"),
    (edit(lambda d: d.update(channel_policy="loudest")), "channel policy 'loudest'"),
    (edit(lambda d: d.update(members=[])), "it has no members"),
    (edit(lambda d: d["members"].append(d["members"][0])), "two members have the same name"),
    (edit(lambda d: d["members"][0].update(kind="pickle")), "of kind 'pickle'"),
    (edit(lambda d: d["members"][0].update(file="../tones.onnx")), "which is not in it"),
    (edit(lambda d: d["members"][0].update(file="/etc/passwd")), "which is not in it"),
    (edit(lambda d: d["files"].update({"../x": "0"})), "x is missing"),
    (edit(lambda d: d["files"].update({"tones.onnx": 0})), "files must hold strings"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGE, ids=[message for _, message in DAMAGE])
def test_a_damaged_bundle_is_refused_in_words(
    folder: Path, damage: Callable[[Path], object], message: str
) -> None:
    """Every kind of damage has its own reason, with exit code 65 and the bundle's name."""
    damage(folder)
    with pytest.raises(BundleError, match=message) as error:
        load(folder)
    assert error.value.exit_code == Exit.DATA
    assert "toy.bundle" in str(error.value)


@given(position=st.integers(0, 10**6), bit=st.integers(0, 7))
@settings(max_examples=200)
def test_no_flipped_bit_goes_unnoticed(
    tmp_path_factory: pytest.TempPathFactory, position: int, bit: int
) -> None:
    """A bit flipped in a model is always noticed; in the manifest it is, or it changes the digest."""
    path = tmp_path_factory.getbasetemp() / "flip.bundle"
    original = write(path, toy_manifest(), FILES)
    for name in ("tones.onnx", "bundle.json"):
        data = bytearray((path / name).read_bytes())
        data[position % len(data)] ^= 1 << bit
        (path / name).write_bytes(data)
        try:
            changed = load(path)
        except BundleError:
            pass
        else:
            assert name == "bundle.json"
            assert changed.digest != original.digest
        write(path, toy_manifest(), FILES)


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "sub/evil", "a\\b", ".hidden", "evil\n", ""])
def test_a_zip_cannot_name_a_path_outside(tmp_path: Path, name: str) -> None:
    """File names in a zip are plain names; nothing is ever written on loading."""
    path = tmp_path / "a.zip"
    write(path, toy_manifest(), FILES)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
    with pytest.raises(BundleError, match=r"file name .* is not allowed"):
        load(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip"]


def test_a_zip_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    """Which of two equal names would win must not matter."""
    path = tmp_path / "a.zip"
    write(path, toy_manifest(), FILES)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("tones.onnx", b"x")
    with pytest.raises(BundleError, match="in the zip twice"):
        load(path)


def test_a_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is unpacked counts, not what the zip's directory declares."""
    monkeypatch.setattr(bundle, "MAX_BYTES", 1 << 20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle.json", b" " * (1 << 24))
    with pytest.raises(BundleError, match="larger than 1 MiB"):
        load(path)


@pytest.mark.parametrize("keep", [0, 10, 200, -1])
def test_a_truncated_zip_is_refused(tmp_path: Path, keep: int) -> None:
    """A download that broke off is no bundle."""
    path = tmp_path / "a.zip"
    write(path, toy_manifest(), FILES)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BundleError, match="nor a whole zip file"):
        load(path)


def test_nothing_there_and_not_allowed(folder: Path) -> None:
    """A missing bundle is exit code 66; a file that is no zip is 65."""
    with pytest.raises(BundleError, match="no bundle at") as error:
        load(folder.parent / "missing")
    assert error.value.exit_code == Exit.NO_INPUT
    with pytest.raises(BundleError, match="neither the folder of a bundle nor a whole zip file"):
        load(folder / "MODEL_CARD.md")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_bundle_that_may_not_be_read(folder: Path) -> None:
    """Exit code 77."""
    (folder / "tones.onnx").chmod(stat.S_IWUSR)
    with pytest.raises(BundleError, match="may not be read") as error:
        load(folder)
    assert error.value.exit_code == Exit.NO_PERMISSION
    shutil.rmtree(folder)
