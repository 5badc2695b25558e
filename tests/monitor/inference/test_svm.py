from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from monitor.inference.svm import LinearSvm, folded, from_bytes, to_bytes

MACHINES = {
    "b.weights": LinearSvm(np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.array([0.1, -0.2])),
    "a": LinearSvm(np.full((3, 2), 1e-300), np.ones(3)),
}


@pytest.mark.parametrize("labels", [2, 3, 9])
def test_decides_as_scikit_learn_does(labels: int) -> None:
    """Decision values of raw features are those of scikit-learn's scaler and machine within 1e-9."""
    rng = np.random.default_rng(labels)
    truth = rng.integers(0, labels, 200)
    # Embeddings after a ReLU: many zeros, one feature that never moves, scales from 1e-3 to 1e3.
    features = np.maximum(0, rng.standard_normal((200, 40)) + 0.3 * truth[:, None])
    features *= 10.0 ** rng.uniform(-3, 3, 40)
    features[:, 7] = 0.0
    pipeline = make_pipeline(StandardScaler(), LinearSVC(C=0.1, random_state=0)).fit(features, truth)
    scaler, machine = pipeline[0], pipeline[1]
    ours = folded(machine.coef_, machine.intercept_, scaler.mean_, scaler.scale_)
    wanted = pipeline.decision_function(features)
    if labels == 2:
        wanted = np.stack([-wanted, wanted], axis=1)
    np.testing.assert_allclose(ours.decide(features), wanted, rtol=1e-9, atol=1e-9)
    assert (ours.decide(features).argmax(axis=1) == pipeline.predict(features)).all()


def test_any_shape_and_float32() -> None:
    """Channels may come before the features; float32 is computed in float64."""
    machine = LinearSvm(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([0.0, 0.0, -1.0]))
    decided = machine.decide(np.array([[[0.1, 0.2], [3.0, 4.0]]], dtype=np.float32))
    assert decided.dtype == np.float64
    assert decided.shape == (1, 2, 3)
    np.testing.assert_allclose(decided[0, 1], [3.0, 4.0, 6.0])


@pytest.mark.parametrize(
    ("weights", "bias"),
    [
        (np.ones((2, 3)), np.ones(3)),
        (np.ones(3), np.ones(3)),
        (np.ones((0, 3)), np.ones(0)),
        (np.full((2, 3), np.nan), np.ones(2)),
        (np.ones((2, 3)), np.array([0.0, np.inf])),
    ],
)
def test_impossible_machines(weights: np.ndarray, bias: np.ndarray) -> None:
    """Matrices that do not fit or are not finite are refused."""
    with pytest.raises(ValueError, match=r"do not fit together|must be finite"):
        LinearSvm(weights, bias)


def test_wrong_number_of_features() -> None:
    """Features of another backbone are refused."""
    with pytest.raises(ValueError, match="need 3 features, got 4"):
        LinearSvm(np.ones((2, 3)), np.ones(2)).decide(np.ones((5, 4)))


def test_what_is_written_is_read() -> None:
    """Several machines in one file, each bit the same, whatever their names and order."""
    found = from_bytes(to_bytes(MACHINES))
    assert found.keys() == MACHINES.keys()
    for name, machine in MACHINES.items():
        np.testing.assert_array_equal(found[name].weights, machine.weights)
        np.testing.assert_array_equal(found[name].bias, machine.bias)
    assert from_bytes(to_bytes({})) == {}


def test_the_same_machines_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes depend neither on the order nor on the clock, and NumPy reads them."""
    data = to_bytes(MACHINES)
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setattr("time.localtime", lambda *_: (2033, 5, 18, 3, 33, 20, 2, 138, 0))
    assert to_bytes(dict(reversed(MACHINES.items()))) == data
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        assert sorted(file) == ["a.bias", "a.weights", "b.weights.bias", "b.weights.weights"]


def npz(**arrays: object) -> bytes:
    """A file of NumPy's own writer."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def compressed() -> bytes:
    """As a zip bomb would be."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{"a.weights": np.zeros((1000, 1000)), "a.bias": np.zeros(1000)})
    return buffer.getvalue()


def nested() -> bytes:
    """A file with an array that lies within another one: each further one would be as large again."""
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.bias.npy", npy(np.zeros(1000)))
        hidden = archive.infolist()[0]
        content = inner.getvalue()
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("a.weights.npy", npy(np.frombuffer(content[: len(content) // 8 * 8])))
        hidden.header_offset = outer.getvalue().index(content[:30])
        archive.filelist.append(hidden)
    return outer.getvalue()


def npy(array: object) -> bytes:
    """As NumPy writes it."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def with_text() -> bytes:
    """A file with something that is no array."""
    buffer = io.BytesIO(to_bytes(MACHINES))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("readme.txt", "no array")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no whole .npz file"),
        (b"text", "no whole .npz file"),
        (to_bytes(MACHINES)[:-30], "no whole .npz file"),
        (to_bytes(MACHINES)[30:], "no whole .npz file"),
        (with_text(), "no whole .npz file"),
        (compressed(), "is compressed"),
        (nested(), "claim to be larger than the file"),
        (npz(**{"a.weights": np.array([[{}]]), "a.bias": np.ones(1)}), "allow_pickle=False"),
        (npz(**{"a.weights": np.ones((2, 3), "f4"), "a.bias": np.ones(2)}), "is float32 instead of float64"),
        (npz(**{"a.weights": np.ones((2, 3)), "a.bias": np.ones(2, int)}), "is int64 instead of float64"),
        (npz(**{"a.weights": np.ones((2, 3))}), "NAME.weights and NAME.bias and nothing else"),
        (npz(weights=np.ones((2, 3)), bias=np.ones(2)), "NAME.weights and NAME.bias and nothing else"),
        (npz(**{"a.weights": np.ones((2, 3)), "a.bias": np.ones(3)}), "do not fit together"),
        (npz(**{"a.weights": np.full((2, 3), np.inf), "a.bias": np.ones(2)}), "must be finite"),
    ],
)
def test_a_file_of_something_else_is_refused(data: bytes, message: str) -> None:
    """Damaged files, code, other types and other arrays are told apart from machines."""
    with pytest.raises(ValueError, match=message):
        from_bytes(data)


@given(position=st.integers(0, 10**6), value=st.integers(0, 255))
def test_damage_is_an_error_or_nothing(position: int, value: int) -> None:
    """A byte that was changed raises ValueError and nothing else, or changes no number."""
    data = bytearray(to_bytes(MACHINES))
    data[position % len(data)] = value
    try:
        found = from_bytes(bytes(data))
    except ValueError:
        return
    for machine in found.values():
        assert any(np.array_equal(machine.weights, known.weights) for known in MACHINES.values())
