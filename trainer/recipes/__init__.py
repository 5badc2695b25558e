"""Recipes: every number of a training run, as TOML beside this file or of your own."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from monitor.errors import Exit, MonitorError, safe
from monitor.inference.logmel import LogMelSpec
from trainer.augment import AugmentConfig
from trainer.features import Channels, FrontEnd
from trainer.models.crnn import CrnnConfig

FOLDER = Path(__file__).parent
WARM_UP = 0.05
"""Share of the updates in which the rate of the cosine schedule rises: Adam's first steps are blind"""


@dataclass(frozen=True)
class Recipe:
    """One training recipe; `labels` of the model come from the data."""

    name: str
    window_seconds: float
    """Length of a clip's window"""
    log_mel: LogMelSpec
    model: Mapping[str, Any]
    """Fields of CrnnConfig but `labels` and `n_mels`"""
    epochs: int
    batch: int
    """Examples per update"""
    learning_rate: float
    decay: float
    """The rate of update t is learning_rate / (1 + decay * t), as `decay` of Keras' Adam"""
    betas: tuple[float, float]
    """Of Adam"""
    seed: int
    channels: Channels = "each"
    """Of an array's recordings: see `trainer.features.FrontEnd`"""
    schedule: Literal["inverse", "cosine"] = "inverse"
    """How the rate falls: by `decay`, or along half a cosine to 0 after a short rise"""
    weight_decay: float = 0.0
    """Of AdamW: share of every weight that an update takes away, times the rate"""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """What is changed at random in every training batch"""

    def __post_init__(self) -> None:
        if not all(isinstance(number, int) for number in (self.epochs, self.batch, self.seed)):
            raise ValueError("epochs, batch and seed must be whole numbers")
        if self.channels not in ("each", "mono"):
            raise ValueError(f"channels must be 'each' or 'mono', not {self.channels!r}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be in [0, 1), not {self.betas}")
        if min(self.window_seconds, self.epochs, self.batch, self.learning_rate) <= 0 or self.decay < 0:
            raise ValueError("window, epochs, batch and learning_rate must be positive, decay not negative")
        if self.schedule not in ("inverse", "cosine"):
            raise ValueError(f"schedule must be 'inverse' or 'cosine', not {self.schedule!r}")
        if self.schedule == "cosine" and self.decay:
            raise ValueError("decay belongs to the schedule 'inverse'; with 'cosine' it must be 0")
        if not 0 <= self.weight_decay < 1:
            raise ValueError(f"weight_decay must be in [0, 1), not {self.weight_decay}")
        config = self.crnn(labels=2)
        if config.steps(self.log_mel.frames(self.window)) < 1:
            raise ValueError(f"the pooling leaves nothing of the frames of {self.window_seconds} s")
        if config.threshold_db < self.log_mel.floor_db:
            raise ValueError(
                f"threshold_db {config.threshold_db} is below the spectrogram's {self.log_mel.floor_db}"
            )

    @property
    def window(self) -> int:
        """Window length in samples."""
        return round(self.window_seconds * self.log_mel.sample_rate)

    @property
    def front_end(self) -> FrontEnd:
        """What turns a clip into examples."""
        return FrontEnd(self.log_mel, self.window_seconds, self.channels)

    def rate(self, update: int, updates: int) -> float:
        """The learning rate of an update, 0 to `updates` - 1."""
        if self.schedule == "inverse":
            return self.learning_rate * (1.0 / (1.0 + self.decay * update))
        rise = (update + 1) / (WARM_UP * updates)
        return self.learning_rate * min(1.0, rise) * 0.5 * (1.0 + math.cos(math.pi * update / updates))

    def crnn(self, labels: int) -> CrnnConfig:
        """The model for so many classes."""
        pools = tuple((frequency, time) for frequency, time in self.model["pools"])
        sizes = {key: tuple(self.model[key]) for key in ("kernels", "filters")}
        return CrnnConfig(labels, self.log_mel.n_mels, **{**self.model, **sizes, "pools": pools})

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        return asdict(self)


def with_changes(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """A recipe with some values changed, such as `{"seed": 2, "model.threshold_db": -45.0}`.

    Raises:
        MonitorError: an unknown key, or a value that makes no sense.
    """
    document = recipe.to_json()
    for key, value in changes.items():
        *tables, last = key.split(".")
        table = document
        for name in tables:
            table = table[name]
        table[last] = value
    return from_json(document)


def names() -> list[str]:
    """The recipes that come with the program."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Recipe:
    """A recipe by its name, or from a file that ends in `.toml`.

    Raises:
        MonitorError: unknown recipe or key (with the nearest known one), or a value that makes no sense.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not name.endswith(".toml") and name not in names():
        raise MonitorError(f"there is no recipe {safe(name)!r}; {_hint(name, names())}", Exit.CONFIG)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise MonitorError(f"recipe {safe(name)}: {exc.strerror}", Exit.NO_INPUT) from exc
    except ValueError as exc:
        raise MonitorError(f"recipe {safe(name)} is not valid TOML: {safe(str(exc))}", Exit.CONFIG) from exc
    return from_json({"name": path.stem, **document})


def from_json(document: dict[str, Any]) -> Recipe:
    """A recipe from parsed TOML or JSON.

    Raises:
        MonitorError: an unknown or missing key, or a value that makes no sense.
    """
    what = f"recipe {safe(str(document.get('name')))}"
    _check_keys(document, Recipe, what, given=())
    _check_keys(document["log_mel"], LogMelSpec, f"{what}, [log_mel]", given=())
    _check_keys(document["model"], CrnnConfig, f"{what}, [model]", given=("labels", "n_mels"))
    augment = document.get("augment", {})
    _check_keys(augment, AugmentConfig, f"{what}, [augment]", given=())
    try:
        first, second = document["betas"]
        return Recipe(
            **{
                **document,
                "log_mel": LogMelSpec(**document["log_mel"]),
                "betas": (first, second),
                "augment": AugmentConfig(**augment),
            }
        )
    except (TypeError, ValueError) as exc:
        raise MonitorError(f"{what}: {safe(str(exc))}", Exit.CONFIG) from exc


def _check_keys(document: Any, kind: type, what: str, given: tuple[str, ...]) -> None:
    if not isinstance(document, dict):
        raise MonitorError(f"{what} must be a table", Exit.CONFIG)
    known = [entry.name for entry in fields(kind) if entry.name not in given]
    for key in document:
        if key not in known:
            raise MonitorError(f"{what} has an unknown key {safe(key)!r}; {_hint(key, known)}", Exit.CONFIG)
    needed = {entry.name for entry in fields(kind) if entry.default is entry.default_factory}
    missing = sorted(needed.intersection(known) - document.keys())
    if missing:
        raise MonitorError(f"{what} has no {', '.join(missing)}", Exit.CONFIG)


def _hint(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
