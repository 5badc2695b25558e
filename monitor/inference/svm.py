"""Linear support vector machines as plain matrices: no scikit-learn, no pickle, nothing to run.

Standardisation is folded into the matrices: w . (x - mean) / deviation + b = (w / deviation) . x + b'.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LinearSvm:
    """One linear machine per class, one against the rest.

    Raises:
        ValueError: shapes that do not fit, or numbers that are not finite.
    """

    weights: Matrix
    """`[labels, features]`"""
    bias: Matrix
    """`[labels]`"""

    def __post_init__(self) -> None:
        if self.weights.ndim != 2 or self.bias.shape != self.weights.shape[:1] or not self.weights.size:
            raise ValueError(f"weights {self.weights.shape} and bias {self.bias.shape} do not fit together")
        if not (np.isfinite(self.weights).all() and np.isfinite(self.bias).all()):
            raise ValueError("weights and bias must be finite numbers")

    def decide(self, features: npt.NDArray[np.floating]) -> Matrix:
        """Decision values.

        Args:
            features: real `[..., features]`, as they come from the backbone: not standardised.

        Returns:
            Signed distances `[..., labels]`, in float64; the largest is the class.

        Raises:
            ValueError: another number of features.
        """
        if features.shape[-1] != self.weights.shape[1]:
            raise ValueError(f"need {self.weights.shape[1]} features, got {features.shape[-1]}")
        decided: Matrix = features.astype(np.float64) @ self.weights.T + self.bias
        return decided


def probabilities(decisions: npt.NDArray[np.floating], temperature: float) -> Matrix:
    """Softmax(decision values / temperature), in float64.

    Args:
        decisions: finite `[..., labels]`.
        temperature: positive.
    """
    exact = decisions.astype(np.float64)
    # Less the largest: exp() of a large number would overflow.
    powers = np.exp((exact - exact.max(axis=-1, keepdims=True)) / temperature)
    likely: Matrix = powers / powers.sum(axis=-1, keepdims=True)
    return likely


def folded(weights: Matrix, bias: Matrix, mean: Matrix, deviation: Matrix) -> LinearSvm:
    """A machine for raw features from one that was trained on standardised ones.

    Args:
        weights: `[labels, features]`; a single row for two classes is the machine of the second.
        bias: `[labels]`, or `[1]`.
        mean: `[features]`, taken from every feature first.
        deviation: `[features]`, what is left is divided by it; positive.
    """
    if len(weights) == 1:
        weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
    scaled = weights / deviation
    return LinearSvm(scaled, bias - scaled @ mean)


def to_bytes(machines: Mapping[str, LinearSvm]) -> bytes:
    """An `.npz` file with the float64 arrays `NAME.weights` and `NAME.bias` of each machine.

    The same machines give the same bytes.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, machine in sorted(machines.items()):
            for part, array in (("weights", machine.weights), ("bias", machine.bias)):
                # Not np.savez: ZipInfo's own date (1980) keeps the bytes independent of the time of writing.
                with archive.open(zipfile.ZipInfo(f"{name}.{part}.npy"), "w") as file:
                    np.lib.format.write_array(file, array.astype("<f8", order="C"), allow_pickle=False)
    return buffer.getvalue()


def from_bytes(data: bytes) -> dict[str, LinearSvm]:
    """The machines of a file that `to_bytes` made, by name.

    Raises:
        ValueError: it is damaged, or holds something else.
    """
    arrays = _arrays(data)
    names = sorted({name.rpartition(".")[0] for name in arrays})
    if arrays.keys() != {f"{name}.{part}" for name in names for part in ("weights", "bias")}:
        raise ValueError("it must hold the arrays NAME.weights and NAME.bias and nothing else")
    return {name: LinearSvm(arrays[f"{name}.weights"], arrays[f"{name}.bias"]) for name in names}


def _arrays(data: bytes) -> dict[str, Matrix]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_sizes(entries, len(data))
            return {entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in entries}
    except Exception as exc:  # zipfile and NumPy raise whatever the damage leads them to
        raise ValueError(f"it is no whole .npz file of such arrays: {exc}") from exc


def _check_sizes(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Compressed, or one within another, arrays could be a thousand times larger than the file's `size`."""
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{entry.filename} is compressed")
    if sum(entry.file_size for entry in entries) > size:
        raise ValueError("its arrays claim to be larger than the file")


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Matrix:
    with archive.open(entry) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
    if array.dtype != np.float64:
        raise ValueError(f"{entry.filename} is {array.dtype} instead of float64")
    return array
