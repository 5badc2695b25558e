"""A training run -> a bundle: manifest, one ONNX graph, and a model card made of the same facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from export.crnn import export_crnn
from monitor.errors import MonitorError, safe
from monitor.inference import bundle
from monitor.inference.bundle import Bundle
from monitor.inference.manifest import CrnnMember, Manifest
from trainer import recipes, run
from trainer.recipes import CrnnRecipe
from trainer.tables import measured, score

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
    if not isinstance(config.recipe, CrnnRecipe):
        raise MonitorError(f"{safe(str(folder))} holds no run of a CRNN")
    graph = export_crnn(folder, data)
    threshold = config.recipe.crnn(len(config.labels)).threshold_db
    member = CrnnMember(
        name=f"crnn{threshold:g}",
        file=f"crnn{threshold:g}.onnx",
        log_mel=config.recipe.log_mel,
        channels="mono" if config.recipe.channels == "mono" else "mean",
        threshold_db=threshold,
    )
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
    card = model_card(manifest, results["pooled"])
    return bundle.write(out, manifest, {member.file: graph, CARD: card.encode()})


def _training(config: run.Config) -> dict[str, Any]:
    facts = {key: config.data[key] for key in ("name", "licence", "source", "clips")}
    return {
        "data": {**facts, "left_out": len(config.data["short"]) + len(config.data["bad"])},
        "recipe": recipes.to_json(config.recipe),
        "folds": list(config.folds),
        "threads": config.threads,
        "environment": config.environment,
    }


def _scores(config: run.Config, results: dict[str, Any]) -> dict[str, Any]:
    return {
        **{key: results["mean"][key] for key in ("accuracy", "macro_f1", "interval")},
        "clips": results["pooled"]["clips"],
        "per_fold": {
            str(fold): {key: results["folds"][str(fold)][key] for key in ("accuracy", "macro_f1", "clips")}
            for fold in config.folds
        },
    }


def model_card(manifest: Manifest, pooled: dict[str, Any]) -> str:
    """The model card in Markdown.

    Args:
        manifest: of the bundle.
        pooled: scores of all tested clips, as from `evaluate`.
    """
    training, scores, (member,) = manifest.training, manifest.scores, manifest.members
    data, recipe = training["data"], training["recipe"]
    rows = zip(manifest.labels, pooled["f1"], map(sum, pooled["confusion"]), strict=True)
    return CARD_TEXT.format(
        manifest=manifest,
        notice=f"\n**{manifest.notice}**\n" if manifest.notice else "",
        classes=len(manifest.labels),
        channels="averaged" if member.channels == "mono" else "scored one by one and averaged",
        data=data,
        source=data["source"] or "not stated",
        licence=data["licence"] or "not stated",
        scores=scores,
        accuracy=score(measured(scores, "accuracy")),
        macro_f1=score(measured(scores, "macro_f1")),
        f1_rows="\n".join(f"| {label} | {f1:.1%} | {clips} |" for label, f1, clips in rows),
        spec=member.log_mel,
        recipe=recipe,
        model=recipe["model"],
        models=len(training["folds"]),
        folds=",".join(map(str, training["folds"])),
        threads=training["threads"],
        versions=", ".join(f"{name} {number}" for name, number in training["environment"].items()),
    )


CARD_TEXT = """\
# {manifest.name}
{notice}
It names one of {classes} classes for {manifest.window_seconds:g} s of sound. The channels of an array are
{channels}. It always names a class: a sound that belongs to none of them gets the one
that it resembles most.

## Data
- {data[name]}: {data[clips]} clips; {data[left_out]} of them were too short or damaged and left out.
- Source: {source}
- Licence: {licence}

## Scores
Every clip was predicted by a model that was not trained on its fold (tested: fold {folds}; {scores[clips]}
clips). The scores hold for clips like these; they say nothing about other rooms, microphones or people.

- Accuracy {accuracy} %, mean of the folds
- Macro F1 {macro_f1} %, mean of the folds

In brackets: 95 % intervals over groups of clips that were recorded together.

| class | F1 | clips |
|---|---|---|
{f1_rows}

## Model
- Input: log-mel spectrogram at {spec.sample_rate} Hz, {spec.n_mels} bands ({spec.mel}), window
  {spec.window_seconds:g} s, hop {spec.hop_seconds:g} s, pre-emphasis {spec.pre_emphasis:g}, maximum at
  0 dB, clipped at {model[threshold_db]:g} dB.
- Convolutional recurrent network: kernels {model[kernels]}, filters {model[filters]},
  pooling (frequency, time) {model[pools]}, two GRUs. Fold models averaged: {models}.
- Recipe {recipe[name]}: {recipe[epochs]} epochs, batch {recipe[batch]}, learning rate
  {recipe[learning_rate]:g} ({recipe[schedule]} schedule), seed {recipe[seed]}.

## Made with
On {manifest.created} with {versions}:

    activity-trainer train crnn --recipe {recipe[name]} --epochs {recipe[epochs]} --seed {recipe[seed]} \\
        --folds {folds} --threads {threads} --data DATA --out RUN
    activity-export bundle RUN -o BUNDLE
"""
