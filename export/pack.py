"""A training run -> a bundle: manifest, one ONNX graph, and a model card made of the same facts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from export.onnx import export_run
from monitor.inference import bundle
from monitor.inference.bundle import Bundle, Manifest, Member
from trainer import run

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
    graph = export_run(folder, data)
    threshold = config.recipe.crnn(len(config.labels)).threshold_db
    member = Member(f"crnn{threshold:g}", "crnn", f"crnn{threshold:g}.onnx", threshold)
    manifest = Manifest(
        name=name,
        created=config.created,
        labels=config.labels,
        window_seconds=config.recipe.window_seconds,
        log_mel=config.recipe.log_mel,
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
        "data": {**facts, "left_out": len(config.data["left_out"])},
        "recipe": config.recipe.to_json(),
        "folds": list(config.folds),
        "threads": config.threads,
        "versions": config.versions,
    }


def _scores(config: run.Config, results: dict[str, Any]) -> dict[str, Any]:
    return {
        **results["mean"],
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
    training, scores, recipe = manifest.training, manifest.scores, manifest.training["recipe"]
    data, spec = training["data"], manifest.log_mel
    model = recipe["model"]
    folds = ",".join(map(str, training["folds"]))
    versions = ", ".join(f"{name} {number}" for name, number in training["versions"].items())
    half_width = 1.96 * math.sqrt(scores["accuracy"] * (1 - scores["accuracy"]) / scores["clips"])
    lines = [
        f"# {manifest.name}",
        "",
        *([f"**{manifest.notice}**", ""] if manifest.notice else []),
        f"Recognises one of {len(manifest.labels)} classes in {manifest.window_seconds:g} s of sound. "
        "Channels of an array are scored one by one and averaged. It always names a class: a sound of none of "
        "them gets the one that it resembles most.",
        "",
        "## Data",
        f"- {data['name']}: {data['clips']} clips, of which {data['left_out']} were too short and left out.",
        f"- Source: {data['source'] or 'not stated'}",
        f"- Licence: {data['licence'] or 'not stated'}",
        "",
        "## Scores",
        f"Every clip was predicted by a model that was not trained on its fold (folds tested: {folds}; clips: "
        f"{scores['clips']}). They hold for clips like these, and say nothing about other rooms or microphones.",
        "",
        f"- Accuracy {scores['accuracy']:.1%} (95 % interval about ±{half_width:.1%} if clips were independent)",
        f"- Macro F1 {scores['macro_f1']:.1%}",
        "",
        "| class | F1 | clips |",
        "|---|---|---|",
        *(
            f"| {label} | {f1:.1%} | {sum(row)} |"
            for label, f1, row in zip(manifest.labels, pooled["f1"], pooled["confusion"], strict=True)
        ),
        "",
        "## Model",
        f"- Input: log-mel spectrogram, {spec.sample_rate} Hz, {spec.n_mels} bands ({spec.mel}), window "
        f"{spec.window_seconds:g} s, hop {spec.hop_seconds:g} s, maximum at 0 dB, clipped at "
        f"{model['threshold_db']:g} dB.",
        f"- Convolutional recurrent network: kernels {model['kernels']}, filters {model['filters']}, pooling "
        f"(frequency, time) {model['pools']}, two GRUs.",
        f"- Posteriors are the mean of {len(training['folds'])} fold model(s).",
        f"- Recipe {recipe['name']}: {recipe['epochs']} epochs, batch {recipe['batch']}, learning rate "
        f"{recipe['learning_rate']:g}, decay {recipe['decay']:g}, seed {recipe['seed']}.",
        "",
        "## Made with",
        "```",
        *([data["source"]] if data["source"].startswith("activity-trainer ") else []),
        f"activity-trainer train crnn --recipe {recipe['name']} --epochs {recipe['epochs']} "
        f"--seed {recipe['seed']} --folds {folds} --threads {training['threads']}",
        "activity-export bundle",
        "```",
        f"on {manifest.created}, {versions}.",
        "",
    ]
    return "\n".join(lines)
