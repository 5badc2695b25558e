"""The recipe of a late fusion by stacking (section 3.3 of the paper)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class Member:
    """A run that takes part."""

    run: str
    """Its directory"""
    digest: str
    """SHA-256 of its predictions, so that a fusion of other ones is told from this one"""


@dataclass(frozen=True)
class FusionRecipe:
    """Which runs are fused; the C of the machines on top is chosen by `trainer.fusion`."""

    SCORES: ClassVar = "d"
    """Before the labels in the header of its predictions: decision values"""

    name: str
    members: tuple[Member, ...]

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return f"{self.name}: {len(self.members)} systems"

    @property
    def unseeded(self) -> FusionRecipe:
        """The same for recipes that differ in nothing but the seeds of their members."""
        named = tuple(Member(Path(member.run).name.partition("-seed")[0], "") for member in self.members)
        return replace(self, members=named)
