"""The paper's CRNN experiments as data: every row of its tables, with its numbers.

The numbers are those of the paper's running text. Cells that stand only in its tables are None: shown as "not
in text", never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any


@dataclass(frozen=True)
class System:
    """A row of a table."""

    name: str
    """Also of its run directories"""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Of the experiment's recipe, keys as for `recipes.with_changes`"""
    development: float | str | None = None
    """The paper's number; None: its text gives none"""
    evaluation: float | str | None = None


@dataclass(frozen=True)
class Experiment:
    """A table."""

    title: str
    recipe: str
    data: tuple[str, ...]
    """Data sets that it can be run on; the paper's numbers hold for the first"""
    systems: tuple[System, ...]
    paper: bool = True
    """The paper has such a table; the columns of its numbers are shown"""
    against_first: bool = False
    """Show how much each system differs from the first"""


_DCASE2018, _DCASE2017, _ESC50 = ("DCASE 2018 Task 5",), ("TUT Acoustic Scenes 2017",), ("ESC-50", "ESC-10")

# Section 4 of the paper. (threshold, learning rate, batch) -> development, evaluation.
_TABLE1_NUMBERS: dict[tuple[float, float, int], tuple[float | str | None, float | str | None]] = {
    (-60.0, 0.01, 64): (0.788, "below 79.3"),
    (-45.0, 0.01, 64): ("below 78.8", 0.793),
    (-30.0, 0.01, 64): ("below 78.8", "below 79.3"),
}
_TABLE1 = tuple(
    System(
        f"{threshold:g}dB-lr{rate:g}-batch{batch}",
        {"model.threshold_db": threshold, "learning_rate": rate, "batch": batch},
        *_TABLE1_NUMBERS.get((threshold, rate, batch), (None, None)),
    )
    for threshold, rate, batch in product((-30.0, -45.0, -60.0), (0.01, 0.001), (64, 128))
)

EXPERIMENTS = {
    "table1": Experiment("Table 1: CRNNs on DCASE 2018 Task 5", "dcase2018", _DCASE2018, _TABLE1),
    "dcase2017": Experiment(
        "The CRNN of Table 3 on DCASE 2017 Task 1",
        "dcase2017",
        _DCASE2017,
        (System("crnn", evaluation=0.592),),
    ),
    "esc50": Experiment(
        "The CRNN of Table 3 on ESC-50", "esc50", _ESC50, (System("crnn", evaluation=0.688),)
    ),
    "esc50-plus": Experiment(
        "Beyond the paper: recipe esc50-plus", "esc50-plus", _ESC50, (System("plus"),), paper=False
    ),
    "choices": Experiment(
        "What the paper leaves open: recipe esc50, each choice varied alone",
        "esc50",
        _ESC50,
        (
            System("recipe"),
            System("16 kHz", {"log_mel.sample_rate": 16000}),
            System("no pre-emphasis", {"log_mel.pre_emphasis": 0.0}),
            System("Slaney mel", {"log_mel.mel": "slaney"}),
            System("scale of the threshold", {"model.scale": "threshold"}),
            System("PyTorch initial weights", {"model.initial": "torch"}),
            System("batch 16", {"batch": 16}),
            System("3 GRU steps", {"model.pools": [[2, 2], [2, 2], [4, 2], [8, 1]]}),
        ),
        paper=False,
        against_first=True,
    ),
}
