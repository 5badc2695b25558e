"""A data set that is learnt in seconds, and a recipe for it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from trainer import datasets, recipes
from trainer.train_crnn import train
from trainer.training import Settings

RATE = 8000
LABELS = ("high", "hiss", "low")
RECIPE = """
window_seconds = 1.0
epochs = 10
batch = 8
learning_rate = 0.01
decay = 0.002
betas = [0.9, 0.999]
seed = 1

[log_mel]
sample_rate = 8000
n_mels = 16
window_seconds = 0.064
hop_seconds = 0.064

[model]
threshold_db = -60.0
kernels = [3, 2]
filters = [4, 8]
pools = [[4, 2], [4, 2]]
gru_units = 8
"""


def sound(label: str, seconds: float, seed: int, channels: int = 1) -> npt.NDArray[np.float64]:
    """A high tone, a low one or noise: `[samples, channels]`."""
    rng = np.random.default_rng(seed)
    hiss = rng.standard_normal((round(seconds * RATE), channels))
    if label == "hiss":
        return 0.1 * hiss
    pitch = {"low": 200.0, "high": 2000.0}[label] * rng.uniform(0.8, 1.2)
    tone = np.sin(2 * np.pi * pitch * np.arange(len(hiss)) / RATE)
    return 0.1 * tone[:, None] + 0.001 * hiss


def write_data(folder: Path, clips: int = 8, channels: int = 1) -> Path:
    """`<class>/<clip>.wav`, 1 s each; returns the folder."""
    for label in LABELS:
        (folder / label).mkdir(parents=True)
        for index in range(clips):
            soundfile.write(
                folder / label / f"{label}{index}.wav",
                sound(label, 1.0, index, channels),
                RATE,
                subtype="FLOAT",
            )
    return folder


def write_folds(folder: Path, clips: int, folds: int) -> Path:
    """`folds.csv` for what `write_data` wrote: in turn the evaluation partition and the folds from 1 on."""
    with (folder / "folds.csv").open("w", newline="") as file:
        rows = [(f"{label}/{label}{index}.wav", index % folds) for label in LABELS for index in range(clips)]
        csv.writer(file).writerows([("file", "fold"), *rows])
    return folder


def write_recipe(folder: Path, text: str = RECIPE) -> str:
    """A recipe file; returns its path as the command line takes it."""
    path = folder / "toy.toml"
    path.write_text(text)
    return str(path)


def settings(folder: Path) -> Settings:
    """One thread, and a cache of features in this folder."""
    return Settings(threads=1, device="cpu", cache=folder / "cache")


def write_run(folder: Path) -> Path:
    """A finished run over two folds, with its data beside it; returns the run directory."""
    data = datasets.read(write_data(folder / "tones"))
    train(data, recipes.load(write_recipe(folder)), folder / "run", [1, 2], settings(folder))
    return folder / "run"
