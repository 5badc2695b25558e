"""A run -> a bundle: manifest, ONNX graphs, linear SVMs, and a model card made of the same facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from export.card import bundle_card
from export.graph import export_graph, load_network
from export.listen import listen
from export.quantise import try_int8
from export.sound import tags
from export.system import read, with_backbones
from export.verify import compare
from monitor.inference import bundle, selftest, svm
from monitor.inference.bundle import MACHINES, Bundle
from monitor.inference.manifest import (
    STACK,
    ChannelPolicy,
    CrnnMember,
    DeepSpectrumMember,
    Manifest,
    Member,
    Openl3Member,
    PannMember,
    SelfTest,
    Stack,
)
from monitor.inference.recognise import Recogniser
from trainer import run
from trainer.card import CARD, PRIVATE, public
from trainer.datasets import DataSet
from trainer.features import Channels
from trainer.models.audio import AUDIO_BACKBONES
from trainer.recipes import AudioRecipe, CrnnRecipe
from trainer.system import Part, System

CLIPS = 20
"""Real ones that a bundle must give the run's own labels before it is written"""
SCORES = ("accuracy", "macro_f1", "interval")
INT8 = "int8"
"""Key of a manifest's scores: what int8 costs, if it was asked for"""


def pack(
    folder: Path,
    out: Path,
    name: str,
    notice: str,
    data: Path | None,
    *,
    backbones: Channels | None = None,
    int8: bool = False,
    others: DataSet | None = None,
) -> Bundle:
    """Export a run and write it as a bundle. The same run gives the same bytes.

    Args:
        folder: run directory; of a fusion, all its members are packed.
        out: bundle to write, a folder or `.zip`.
        name: of the bundle.
        notice: one line that users see at every start; may be empty.
        data: where the run's data set is; None: where it was when the run was made.
        backbones: channels that backbones hear; None: those that they learnt from.
        int8: take image networks in int8 where that costs next to no accuracy, as `export.quantise` has it.
        others: a data set of which the model card says what the bundle calls its sounds.

    Raises:
        MonitorError: as `export.system.read`; ONNX and torch differ, or give a clip different labels; there
            is no backbone to hear other channels, or no image network for int8; or something else stands at
            `out`. Nothing is written then.
    """
    learnt = read(folder)
    system = with_backbones(learnt, backbones) if backbones else learnt
    manifest = _manifest(system, name, notice)
    networks = {file: load_network(part) for file, part in system.networks.items()}
    files = {file: export_graph(part, networks[file], data) for file, part in system.networks.items()}
    machines = {part.name: run.load_svm(part.run.folder) for part in system.parts if _is_svm(part)}
    machines |= {STACK: run.load_svm(folder)} if system.fused else {}
    files |= {MACHINES: svm.to_bytes(machines)} if machines else {}
    made = bundle.assemble(manifest, files)
    found = compare(made, learnt, networks, data, CLIPS)
    print(found.summary)
    found.check()
    rounded = ""
    if int8:
        trials = try_int8(system, files, data)
        files |= {trial.file: trial.graph for trial in trials if trial.affordable}
        made = bundle.assemble(manifest, files)
        rounded = "\n".join(trial.summary for trial in trials)
        print(rounded)
    heard = listen(made, others) if others else None
    files[CARD] = bundle_card(
        system, name, notice, channels=found.channels, int8=rounded, heard=heard
    ).encode()
    tested = SelfTest(selftest.scores(Recogniser(made, provider="cpu")))
    told = {"channels": found.channels, INT8: rounded}
    scores = manifest.scores | {key: text for key, text in told.items() if text}
    return bundle.write(out, replace(manifest, self_test=tested, scores=scores), files)


def _manifest(system: System, name: str, notice: str) -> Manifest:
    config, recipe = system.run.config, system.parts[0].recipe
    names = tuple(part.name for part in system.parts)
    return Manifest(
        name=name,
        created=config.created,
        labels=config.labels,
        sample_rate=recipe.sample_rate,
        window_seconds=recipe.window_seconds,
        members=tuple(_member(part) for part in system.parts),
        stack=Stack(names, system.run.results["temperature"]) if system.fused else None,
        training=_training(system),
        scores=_scores(system),
        notice=notice,
    )


def _member(part: Part) -> Member:
    recipe = part.recipe
    channels: ChannelPolicy = "mono" if recipe.channels == "mono" else "mean"
    if isinstance(recipe, CrnnRecipe):
        threshold = recipe.crnn(len(part.run.config.labels)).threshold_db
        return CrnnMember(part.name, part.file, recipe.log_mel, channels, threshold)
    temperature = part.run.results["temperature"]
    if isinstance(recipe, AudioRecipe):
        facts = AUDIO_BACKBONES[recipe.backbone]
        if facts.kind == "openl3":
            return Openl3Member(part.name, part.file, facts.rate, channels, temperature)
        return PannMember(part.name, part.file, facts.rate, channels, temperature, tags(recipe))
    return DeepSpectrumMember(part.name, part.file, recipe.log_mel, channels, recipe.picture, temperature)


def _is_svm(part: Part) -> bool:
    return not isinstance(part.recipe, CrnnRecipe)


def _training(system: System) -> dict[str, Any]:
    data = system.run.config.data
    facts = {key: data[key] for key in ("name", "licence", "source", "clips")}
    training = {
        "data": {**facts, "left_out": len(data["short"]) + len(data["bad"])},
        **_how(system.run.config),
    }
    if system.fused:
        training["members"] = {part.name: _how(part.run.config) for part in system.parts}
    return training


def _how(config: run.Config) -> dict[str, Any]:
    return {
        "recipe": public(config.recipe),
        "folds": list(config.folds),
        "threads": config.threads,
        "environment": {key: text for key, text in config.environment.items() if key not in PRIVATE},
    }


def _scores(system: System) -> dict[str, Any]:
    results = system.run.results
    scores = {
        **_chosen(results["mean"]),
        "clips": results["pooled"]["clips"],
        "per_fold": {
            str(fold): {key: results["folds"][str(fold)][key] for key in ("accuracy", "macro_f1", "clips")}
            for fold in system.run.config.folds
        },
    }
    if "nested" in results:  # the system has support vector machines on top, whose C was chosen
        scores["nested"] = _chosen(results["nested"])
        scores["calibration_error"] = results["calibration"] and results["calibration"]["after"]["ece"]
    if system.fused:
        scores["members"] = {
            part.name: {**_chosen(part.run.results["mean"]), "adds": member["adds"]}
            for part, member in zip(system.parts, results["members"], strict=True)
        }
    return scores


def _chosen(scores: dict[str, Any]) -> dict[str, Any]:
    return {key: scores[key] for key in SCORES}
