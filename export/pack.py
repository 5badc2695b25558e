"""A training run -> a bundle: manifest, ONNX graph, linear SVM, and a model card made of the same facts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from export.card import model_card
from export.graph import export_graph
from monitor.errors import MonitorError, safe
from monitor.inference import bundle, svm
from monitor.inference.bundle import MACHINES, Bundle
from monitor.inference.manifest import ChannelPolicy, CrnnMember, DeepSpectrumMember, Manifest, Member
from trainer import recipes, run
from trainer.recipes import CrnnRecipe, FusionRecipe, Recipe, SvmRecipe

CARD = "MODEL_CARD.md"


def pack(folder: Path, out: Path, name: str, notice: str, data: Path | None) -> Bundle:
    """Export a run and write it as a bundle. The same run gives the same bytes.

    Args:
        folder: run directory.
        out: bundle to write, a folder or `.zip`.
        name: of the bundle.
        notice: one line that users see at every start; may be empty.
        data: where the run's data set is; None: where it was when the run was made.

    Raises:
        MonitorError: unfinished run, ONNX and torch differ, or something else stands at `out`. Nothing is
            written then.
    """
    config, results = run.load_config(folder), run.load_results(folder)
    if isinstance(config.recipe, FusionRecipe):
        raise MonitorError(f"{safe(str(folder))} holds a fusion")
    member = _member(config, config.recipe, results)
    files = {member.file: export_graph(folder, data)}
    if isinstance(member, DeepSpectrumMember):
        files[MACHINES] = svm.to_bytes({member.name: run.load_svm(folder)})
    manifest = Manifest(
        name=name,
        created=config.created,
        labels=config.labels,
        sample_rate=config.recipe.log_mel.sample_rate,
        window_seconds=config.recipe.window_seconds,
        members=(member,),
        training=_training(config),
        scores=_scores(config, results),
        notice=notice,
    )
    files[CARD] = model_card(manifest, results["pooled"]).encode()
    return bundle.write(out, manifest, files)


def _member(config: run.Config, recipe: CrnnRecipe | SvmRecipe, results: dict[str, Any]) -> Member:
    channels: ChannelPolicy = "mono" if recipe.channels == "mono" else "mean"
    if isinstance(recipe, SvmRecipe):
        name = _name(recipe)
        return DeepSpectrumMember(
            name, f"{name}.onnx", recipe.log_mel, channels, recipe.picture, results["temperature"]
        )
    threshold = recipe.crnn(len(config.labels)).threshold_db
    name = f"crnn{threshold:g}"
    return CrnnMember(name, f"{name}.onnx", recipe.log_mel, channels, threshold)


def _name(recipe: SvmRecipe) -> str:
    """Such as `resnet50-random1-viridis`, whatever the name of a checkpoint file is."""
    weights = re.sub(r"[^A-Za-z0-9_.-]", "", Path(recipe.weights).stem)[:50]
    return f"{recipe.backbone}-{weights}-{recipe.picture.cmap}"


def _training(config: run.Config) -> dict[str, Any]:
    facts = {key: config.data[key] for key in ("name", "licence", "source", "clips")}
    return {
        "data": {**facts, "left_out": len(config.data["short"]) + len(config.data["bad"])},
        "recipe": _recipe(config.recipe),
        "folds": list(config.folds),
        "threads": config.threads,
        "environment": config.environment,
    }


def _recipe(recipe: Recipe) -> dict[str, Any]:
    document = recipes.to_json(recipe)
    if isinstance(recipe, SvmRecipe):  # folders of the machine are nobody's business
        document["weights"] = Path(recipe.weights).name
    return document


def _scores(config: run.Config, results: dict[str, Any]) -> dict[str, Any]:
    return {
        **{key: results["mean"][key] for key in ("accuracy", "macro_f1", "interval")},
        "clips": results["pooled"]["clips"],
        "per_fold": {
            str(fold): {key: results["folds"][str(fold)][key] for key in ("accuracy", "macro_f1", "clips")}
            for fold in config.folds
        },
    }
