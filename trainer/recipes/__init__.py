"""Recipes: every number of a training run, as TOML beside this file or of your own.

crnn.py    of a CRNN: has a table [model]
svm.py     of linear support vector machines on an image network's embeddings: names the backbone
audio.py   the same on those of a network for sound: has a sample rate and no spectrogram
fusion.py  of a late fusion: made from finished runs, never a file
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from monitor.errors import Exit, MonitorError, nearest, safe
from monitor.inference.logmel import LogMelSpec
from monitor.inference.picture import PictureSpec
from trainer.augment import AugmentConfig
from trainer.models.crnn import CrnnConfig
from trainer.models.openl3 import Frames
from trainer.recipes.audio import AudioRecipe
from trainer.recipes.crnn import CrnnRecipe
from trainer.recipes.fusion import FusionRecipe, Member
from trainer.recipes.svm import SvmRecipe

__all__ = ["AudioRecipe", "CrnnRecipe", "EmbeddingRecipe", "FusionRecipe", "Recipe", "SvmRecipe"]

FOLDER = Path(__file__).parent

EmbeddingRecipe = SvmRecipe | AudioRecipe
"""Of support vector machines on what a backbone makes of a clip"""
Recipe = CrnnRecipe | EmbeddingRecipe | FusionRecipe
R = TypeVar("R", bound=CrnnRecipe | SvmRecipe | AudioRecipe)


def with_changes(recipe: R, changes: Mapping[str, Any]) -> R:
    """A recipe with some values changed, such as `{"seed": 2, "model.threshold_db": -45.0}`.

    Raises:
        MonitorError: an unknown key, or a value that makes no sense.
    """
    document = to_json(recipe)
    for key, value in changes.items():
        *tables, last = key.split(".")
        table = document
        for name in tables:
            table = table[name]
        table[last] = value
    return cast("R", from_json(document))  # of the same kind, since it has the same tables


def names() -> list[str]:
    """The recipes that come with the program."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> CrnnRecipe | EmbeddingRecipe:
    """A recipe by its name, or from a file that ends in `.toml`.

    Raises:
        MonitorError: unknown recipe or key (with the nearest known one), or a value that makes no sense.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not name.endswith(".toml") and name not in names():
        raise MonitorError(f"there is no recipe {safe(name)!r}{_hint(name, names())}", Exit.CONFIG)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise MonitorError(f"recipe {safe(name)}: {exc.strerror}", Exit.NO_INPUT) from exc
    except ValueError as exc:
        raise MonitorError(f"recipe {safe(name)} is not valid TOML: {safe(str(exc))}", Exit.CONFIG) from exc
    recipe = from_json({"name": path.stem, **document})
    if isinstance(recipe, FusionRecipe):
        raise MonitorError(f"recipe {safe(name)} has members; fusions have no file", Exit.CONFIG)
    return recipe


def load_as(kind: type[R], name: str) -> R:
    """As `load`, for those who can use one kind only.

    Raises:
        MonitorError: as `load`; or the recipe is of the other kind.
    """
    recipe = load(name)
    if not isinstance(recipe, kind):
        raise _other_kind(recipe, name)
    return recipe


def load_embedding(name: str) -> EmbeddingRecipe:
    """As `load_as`, for those who can use every recipe that has a backbone."""
    recipe = load(name)
    if isinstance(recipe, CrnnRecipe):
        raise _other_kind(recipe, name)
    return recipe


def _other_kind(recipe: Recipe, name: str) -> MonitorError:
    what = "a CRNN" if isinstance(recipe, CrnnRecipe) else "support vector machines"
    return MonitorError(f"recipe {safe(name)!r} is of {what}; choose another", Exit.CONFIG)


def to_json(recipe: Recipe) -> dict[str, Any]:
    """As `from_json` reads it."""
    return asdict(recipe)


def from_json(document: dict[str, Any]) -> Recipe:
    """A recipe from parsed TOML or JSON.

    Raises:
        MonitorError: an unknown or missing key, or a value that makes no sense.
    """
    what = f"recipe {safe(str(document.get('name')))}"
    try:
        if "members" in document:
            return FusionRecipe(document["name"], tuple(Member(**entry) for entry in document["members"]))
        if "backbone" not in document:
            return _crnn(document, what)
        return _audio(document, what) if "sample_rate" in document else _svm(document, what)
    except (TypeError, ValueError) as exc:
        raise MonitorError(f"{what}: {safe(str(exc))}", Exit.CONFIG) from exc


def _crnn(document: dict[str, Any], what: str) -> CrnnRecipe:
    _check_keys(document, CrnnRecipe, what)
    _check_keys(document["model"], CrnnConfig, f"{what}, [model]", given=("labels", "n_mels"))
    first, second = document["betas"]
    tables = {
        "log_mel": _table(document["log_mel"], LogMelSpec, f"{what}, [log_mel]"),
        "augment": _table(document.get("augment", {}), AugmentConfig, f"{what}, [augment]"),
    }
    return CrnnRecipe(**{**document, **tables, "betas": (first, second)})


def _svm(document: dict[str, Any], what: str) -> SvmRecipe:
    _check_keys(document, SvmRecipe, what)
    tables = {
        "log_mel": _table(document["log_mel"], LogMelSpec, f"{what}, [log_mel]"),
        "picture": _table(document["picture"], PictureSpec, f"{what}, [picture]"),
    }
    return SvmRecipe(**{**document, **tables})


def _audio(document: dict[str, Any], what: str) -> AudioRecipe:
    _check_keys(document, AudioRecipe, what)
    frames = _table(document.get("frames", {}), Frames, f"{what}, [frames]")
    return AudioRecipe(**{**document, "frames": frames})


def _table(document: Any, kind: type, what: str) -> Any:
    _check_keys(document, kind, what)
    return kind(**document)


def _check_keys(document: Any, kind: type, what: str, given: tuple[str, ...] = ()) -> None:
    if not isinstance(document, dict):
        raise MonitorError(f"{what} must be a table", Exit.CONFIG)
    known = [entry.name for entry in fields(kind) if entry.name not in given]
    for key in document:
        if key not in known:
            raise MonitorError(f"{what} has an unknown key {safe(key)!r}{_hint(key, known)}", Exit.CONFIG)
    needed = {entry.name for entry in fields(kind) if entry.default is entry.default_factory}
    missing = sorted(needed.intersection(known) - document.keys())
    if missing:
        raise MonitorError(f"{what} has no {', '.join(missing)}", Exit.CONFIG)


def _hint(word: str, known: list[str]) -> str:
    return nearest(word, known) or f"; known: {', '.join(known)}"
