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

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import Exit
from monitor.inference import bundle, svm
from monitor.inference.bundle import load, write
from monitor.inference.manifest import BundleError
from monitor.inference.svm import LinearSvm
from tests.toys import COLOURS_MEMBER, TONES_MEMBER, toy_machine, toy_manifest

FILES = {"tones.onnx": b"not really a model", "MODEL_CARD.md": b"# Toy\n"}
MACHINE = toy_machine(COLOURS_MEMBER.log_mel, COLOURS_MEMBER.picture.size)
TWO_KINDS = dataclasses.replace(toy_manifest(), members=(TONES_MEMBER, COLOURS_MEMBER))
TWO_KINDS_FILES = {**FILES, "colours.onnx": b"no model", "svm.npz": svm.to_bytes({"colours": MACHINE})}


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
    written = write(tmp_path / name, TWO_KINDS, TWO_KINDS_FILES)
    assert load(tmp_path / name) == written
    assert written.manifest == TWO_KINDS
    assert written.files == TWO_KINDS_FILES
    assert written.model_id == f"toy@{written.digest[:12]}"
    (machine,) = written.machines().values()
    assert (machine.weights == MACHINE.weights).all()


def test_derived_sizes() -> None:
    """Window and frames follow from the manifest; members may have different spectrograms."""
    manifest = dataclasses.replace(toy_manifest(), window_seconds=10.0)
    spec = dataclasses.replace(TONES_MEMBER.log_mel, hop_seconds=0.08)
    assert manifest.window == 160000
    assert manifest.frames(TONES_MEMBER) == 61
    assert manifest.frames(dataclasses.replace(TONES_MEMBER, log_mel=spec)) == 122


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
    (lambda p: (p / "bundle.json").write_text("[]"), "is not the manifest of"),
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
    (edit(lambda d: d.update(version=1)), "format version 1; this program reads version 2"),
    (edit(lambda d: d.pop("labels")), "labels is missing"),
    (edit(lambda d: d.update(labels=["a"])), "2 to 1000 different labels"),
    (edit(lambda d: d.update(labels=["a", "a"])), "2 to 1000 different labels"),
    (edit(lambda d: d.update(labels=["a", ""])), "label ''"),
    (edit(lambda d: d.update(labels=["a", "\x1b[2J"])), "label"),
    (edit(lambda d: d.update(labels=["a", 7])), r"labels\[1\] must be a string, not 7"),
    (edit(lambda d: d.update(labels="ab")), "labels must be a list"),
    (edit(lambda d: d.update(window_seconds=0)), r"window of 0\.0 s"),
    (edit(lambda d: d.update(window_seconds=float("nan"))), "window_seconds must be a number"),
    (edit(lambda d: d.update(window_seconds=True)), "window_seconds must be a number"),
    (edit(lambda d: d.update(window_seconds=0.2)), "shorter than one frame of member tones's spectrogram"),
    (edit(lambda d: d.update(window_seconds=10**400)), "window_seconds must be a number"),
    (edit(lambda d: d.update(sample_rate=10**9)), "sample rate of 1000000000 Hz"),
    (edit(lambda d: d.update(sample_rate=16000.5)), r"sample_rate must be a whole number, not 16000\.5"),
    (edit(lambda d: d.update(colour="blue")), "bundle.json: colour is unknown"),
    (edit(lambda d: d.update(training=[])), "training must be an object"),
    (
        edit(lambda d: d.update(self_test={"scores": [1.0]})),
        "the self-test has 1 scores, not one for each label",
    ),
    (edit(lambda d: d.update(members=[])), "it has no members"),
    (edit(lambda d: d["members"].append(d["members"][0])), "two members have the same name"),
    (edit(lambda d: d.update(members=["crnn"])), r"members\[0\] must be an object, not 'crnn'"),
    (edit(lambda d: d["members"][0].update(kind="pickle")), "of kind 'pickle'; this program runs 'crnn' or"),
    (edit(lambda d: d["members"][0].update(kind=["crnn"])), r"members\[0\] is of kind \['crnn'\]"),
    (edit(lambda d: d["members"][0].pop("kind")), r"members\[0\] is of kind None"),
    (edit(lambda d: d["members"][0].pop("threshold_db")), r"members\[0\]\.threshold_db is missing"),
    (edit(lambda d: d["members"][0].update(picture={})), r"members\[0\]\.picture is unknown"),
    (edit(lambda d: d["members"][0].update(name="../x")), r"member name '\.\./x' is not allowed"),
    (edit(lambda d: d["members"][0].update(channels="loudest")), "must be 'mean' or 'mono', not 'loudest'"),
    (
        edit(lambda d: d["members"][0]["log_mel"].update(sample_rate=8000)),
        "member tones takes 8000 Hz, its bundle 16000 Hz",
    ),
    (edit(lambda d: d["members"][0]["log_mel"].pop("pre_emphasis")), r"log_mel\.pre_emphasis is missing"),
    (edit(lambda d: d["members"][0]["log_mel"].update(colour="blue")), r"log_mel\.colour is unknown"),
    (
        edit(lambda d: d["members"][0]["log_mel"].update(mel="bark")),
        r"log_mel\.mel must be 'htk' or 'slaney'",
    ),
    (edit(lambda d: d["members"][0]["log_mel"].update(center=1)), r"log_mel\.center must be true or false"),
    (edit(lambda d: d["members"][0]["log_mel"].update(floor_db=1)), "log_mel: floor_db must be below 0 dB"),
    (edit(lambda d: d["members"][0]["log_mel"].update(hop_seconds=1e308)), "log_mel: cannot convert"),
    (
        edit(lambda d: d["members"][0]["log_mel"].update(n_mels=1 << 31)),
        "spectrogram is too large: 2147483648",
    ),
    (edit(lambda d: d.update(name="\ud800")), "not valid JSON .*surrogates not allowed"),
    (edit(lambda d: d["members"][0].update(file="../tones.onnx")), "which is not in it"),
    (edit(lambda d: d["members"][0].update(file="/etc/passwd")), "which is not in it"),
    (edit(lambda d: d["files"].update({"../x": "0"})), "x is missing"),
    (edit(lambda d: d["files"].update({"tones.onnx": 0})), r"files\.tones\.onnx must be a string"),
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop("picture"), r"members\[1\]\.picture is missing"),
        (lambda m: m.update(picture=None), r"members\[1\]\.picture must be an object, not None"),
        (lambda m: m["picture"].update(cmap="jet"), r"members\[1\]\.picture: cmap must be one of"),
        (lambda m: m["picture"].update(size=4096), r"members\[1\]\.picture: size must be"),
        (lambda m: m["picture"].update(size=True), r"picture\.size must be a whole number, not True"),
        (lambda m: m["picture"].update(axis="log"), r"picture\.axis must be 'mel' or 'linear', not 'log'"),
        (lambda m: m.update(temperature=0), r"members\[1\]: temperature must be positive, not 0\.0"),
        (lambda m: m.update(temperature="warm"), r"members\[1\]\.temperature must be a number"),
        (lambda m: m.update(threshold_db=-60), r"members\[1\]\.threshold_db is unknown"),
        (lambda m: m.update(kind="crnn"), r"members\[1\]\.threshold_db is missing"),
        (lambda m: m.update(name="colors"), r"svm\.npz has machines of colours; wanted: colors"),
    ],
)
def test_a_bad_deep_spectrum_member_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    """The second kind of member has its own fields, each of which is checked."""
    write(tmp_path / "a.bundle", TWO_KINDS, TWO_KINDS_FILES)
    edit(lambda d: change(d["members"][1]))(tmp_path / "a.bundle")
    with pytest.raises(BundleError, match=message):
        load(tmp_path / "a.bundle")


@pytest.mark.parametrize(
    ("machines", "message"),
    [
        (None, r"svm\.npz is missing; machines of colours are wanted"),
        (b"", r"svm\.npz: it is no whole \.npz file"),
        (svm.to_bytes({}), r"svm\.npz has machines of none; wanted: colours"),
        (
            svm.to_bytes({"colours": MACHINE, "x": MACHINE}),
            r"svm\.npz has machines of colours, x; wanted: colours",
        ),
        (svm.to_bytes({"colours": LinearSvm(np.ones((2, 96)), np.ones(2))}), "tells 2 classes apart, not 3"),
    ],
)
def test_machines_that_do_not_fit_are_not_written(
    tmp_path: Path, machines: bytes | None, message: str
) -> None:
    """Every deep-spectrum member has its machine, for as many classes as there are labels."""
    files = {name: data for name, data in TWO_KINDS_FILES.items() if name != "svm.npz"}
    with pytest.raises(BundleError, match=message):
        write(tmp_path / "a.bundle", TWO_KINDS, files if machines is None else {**files, "svm.npz": machines})
    assert not (tmp_path / "a.bundle").exists()


def test_a_machine_without_a_member_is_refused(tmp_path: Path) -> None:
    """A bundle holds nothing that is of no use."""
    with pytest.raises(BundleError, match=r"svm\.npz has machines of colours; wanted: none"):
        write(tmp_path / "a.bundle", toy_manifest(), {**FILES, "svm.npz": TWO_KINDS_FILES["svm.npz"]})


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


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_another_method_is_refused(tmp_path: Path, method: int) -> None:
    """The header of such a file could ask for gigabytes, and damage to it shows as yet other exceptions."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("bundle.json", b" " * 1000)
    with pytest.raises(BundleError, match=r"bundle\.json is packed by a method other than deflate"):
        load(path)


@pytest.mark.parametrize("name", ["a.bundle", "a.zip"])
def test_a_small_computer_can_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """No memory is reserved for the largest bundle that would be allowed."""
    write(tmp_path / name, toy_manifest(), FILES)
    monkeypatch.setattr(bundle, "MAX_BYTES", 1 << 60)
    assert load(tmp_path / name).files == FILES


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
