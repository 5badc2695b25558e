"""The model card: what a system, and the bundle that is made of it, says of itself to people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monitor.inference.logmel import LogMelSpec
from trainer import recipes
from trainer.models.audio import AUDIO_BACKBONES
from trainer.recipes import AudioRecipe, CrnnRecipe, FusionRecipe, Recipe
from trainer.report import COVERAGE
from trainer.run import WEIGHTS, Run
from trainer.system import Part, System
from trainer.tables import Column, markdown, measured, percent, score, signed

CARD = "MODEL_CARD.md"
PRIVATE = ("machine", "processor")
"""Of a run's environment: where somebody trains is nobody's business"""
F1 = (
    Column("label", "class"),
    Column("f1", "F1", percent, number=True),
    Column("clips", "clips", number=True),
)
MEMBERS = (
    Column("name", "member"),
    Column("accuracy", "accuracy", score, number=True),
    Column("macro_f1", "macro F1", score, number=True),
    Column("adds", "it adds", signed, number=True),
)


def model_card(system: System, name: str, told: str, made: str, *, heard: str = "") -> str:
    """The model card in Markdown.

    Args:
        system: that it is about.
        name: its title.
        told: paragraphs under the title; may be empty.
        made: how it was made or can be exported; it follows the date and the versions.
        heard: a section on other sounds, with its heading; may be empty.
    """
    config, results = system.run.config, system.run.results
    return CARD_TEXT.format(
        name=name,
        told=f"\n{told}\n" if told else "",
        classes=len(config.labels),
        seconds=max(part.recipe.window_seconds for part in system.parts),
        data=config.data,
        left_out=len(config.data["short"]) + len(config.data["bad"]),
        source=config.data["source"] or "not stated",
        licence=config.data["licence"] or "not stated",
        scores=_scores(system),
        calibration=_calibration(results),
        heard=heard,
        members="\n".join(_member(part) for part in system.parts),
        stack=STACK.format(results=results) if system.fused else "",
        made=MADE.format(created=config.created, versions=_versions(config.environment), made=made),
    )


def public(recipe: Recipe) -> dict[str, Any]:
    """A recipe as JSON, without folders of the machine, which are nobody's business."""
    if isinstance(recipe, FusionRecipe):
        return {"name": recipe.name}
    document = recipes.to_json(recipe)
    if not isinstance(recipe, CrnnRecipe):
        document["weights"] = Path(recipe.weights).name
    return document


def folds(run: Run) -> str:
    """The folds that were tested, as the command line takes them."""
    return ",".join(map(str, run.config.folds))


def _scores(system: System) -> str:
    run, results = system.run, system.run.results
    pooled = results["pooled"]
    rows = [
        {"label": label, "f1": f1, "clips": sum(row)}
        for label, f1, row in zip(run.config.labels, pooled["f1"], pooled["confusion"], strict=True)
    ]
    return SCORES.format(
        folds=folds(run),
        clips=pooled["clips"],
        mean=_both(results["mean"]),
        nested=NESTED.format(_both(results["nested"])) if "nested" in results else "",
        evaluation=_evaluation(results["evaluation"]),
        members=_members(system) if system.fused else "",
        f1=markdown(F1, rows),
    )


def _both(scores: dict[str, Any]) -> str:
    accuracy, macro_f1 = (score(measured(scores, key)) for key in ("accuracy", "macro_f1"))
    return f"Accuracy {accuracy} %, macro F1 {macro_f1} %"


def _evaluation(scores: dict[str, Any] | None) -> str:
    return "".join(
        EVALUATION.format(_both(scores[part]), clips=scores[part]["clips"], part=words)
        for part, words in PARTS.items()
        if scores and part in scores
    )


def _members(system: System) -> str:
    rows = [
        {
            "name": part.name,
            **{key: measured(part.run.results["mean"], key) for key in ("accuracy", "macro_f1")},
            "adds": member["adds"],
        }
        for part, member in zip(system.parts, system.run.results["members"], strict=True)
    ]
    return FUSION.format(markdown(MEMBERS, rows))


def _calibration(results: dict[str, Any]) -> str:
    """Empty where it was not measured: of CRNNs alone, and of a single fold."""
    if not results.get("calibration"):
        return ""
    return CALIBRATION.format(
        error=percent(results["calibration"]["after"]["ece"]),
        coverage=markdown(COVERAGE, results["calibration"]["coverage"]),
    )


def _member(part: Part) -> str:
    config, recipe = part.run.config, part.recipe
    if isinstance(recipe, CrnnRecipe):
        model, heard = CRNN, _spectrogram(recipe.log_mel, recipe.crnn(len(config.labels)).threshold_db)
    elif isinstance(recipe, AudioRecipe):
        rate, framed = (getattr(AUDIO_BACKBONES[recipe.backbone], key) for key in ("rate", "kind"))
        model, heard = (
            SOUND + (FRAMED if framed == "openl3" else "") + MACHINES,
            WAVEFORM.format(recipe, rate),
        )
    else:
        model, heard = PICTURE + MACHINES, _spectrogram(recipe.log_mel, recipe.log_mel.floor_db)
    return MEMBER.format(
        name=part.name,
        heard=heard,
        channels="averaged" if recipe.channels == "mono" else "scored one by one, the scores averaged",
        model=model.format(
            recipe=public(recipe),
            models=len(config.folds),
            weights=config.environment.get(WEIGHTS),
            temperature=part.run.results.get("temperature"),
        ),
    )


def _spectrogram(spec: LogMelSpec, floor: float) -> str:
    return SPECTROGRAM.format(spec=spec, below=-floor, loudness=LOUDNESS[spec.reference])


def _versions(environment: dict[str, str]) -> str:
    private = (*PRIVATE, WEIGHTS)  # weights, of which there may be several: each member tells its own
    return ", ".join(f"{name} {number}" for name, number in environment.items() if name not in private)


CARD_TEXT = """\
# {name}
{told}
It names one of {classes} classes for {seconds:g} s of sound. It always names a class: a sound
that belongs to none of them gets the one that it resembles most.

## Data
- {data[name]}: {data[clips]} clips; {left_out} of them were too short or damaged and left out.
- Source: {source}
- Licence: {licence}

## Scores
{scores}
{calibration}{heard}## Model
{members}{stack}
## Made with
{made}"""

SCORES = """\
Every clip was predicted by a model that was not trained on its fold (tested: fold {folds}; {clips}
clips). The scores hold for clips like these; they say nothing about other rooms, microphones or people.

- {mean}, mean of the folds
{nested}{evaluation}
In brackets: 95 % intervals over groups of clips that were recorded together.

{members}F1 in percent, of all folds pooled:

{f1}"""
PARTS = {
    "all": "the evaluation partition",
    "known": "its clips from arrays that the development partition has too",
    "unknown": "its clips from other arrays",
}
EVALUATION = """\
- {}, of {part}
  ({clips} clips), by the models that a bundle has
"""
NESTED = """\
- {}, with C chosen by the other folds: not
  optimistic, as the line above is, whose C was chosen on the folds that it is about
"""
FUSION = """\
It is a fusion. Each member alone, in percent, mean of the folds, and by how many points the accuracy of the
fusion (nested) falls without it:

{}
"""

CALIBRATION = """\
## Calibration
Expected calibration error {error} %, with a temperature fitted on the other folds. What it would cost to call
sounds unknown whose most probable class has less than a threshold, in percent:

{coverage}
"""

MEMBER = """\
### {name}
- Input: {heard} The channels of an array are {channels}.
{model}
"""
SPECTROGRAM = """\
log-mel spectrogram at {spec.sample_rate} Hz, {spec.n_mels} bands ({spec.mel}), window
  {spec.window_seconds:g} s, hop {spec.hop_seconds:g} s, pre-emphasis {spec.pre_emphasis:g}, clipped
  {below:g} dB below its maximum. {loudness}"""
LOUDNESS = {
    "maximum": "How loud a window is does not count.",
    "full_scale": "How loud a window is, relative to full scale, counts.",
}
WAVEFORM = "sound at {0.sample_rate} Hz, resampled to {1} Hz."

CRNN = """\
- Convolutional recurrent network: kernels {recipe[model][kernels]}, filters {recipe[model][filters]},
  pooling (frequency, time) {recipe[model][pools]}, two GRUs. Fold models averaged: {models}.
- Recipe {recipe[name]}: {recipe[epochs]} epochs, batch {recipe[batch]}, learning rate
  {recipe[learning_rate]:g} ({recipe[schedule]} schedule), seed {recipe[seed]}."""

PICTURE = """\
- Picture of the spectrogram, {recipe[picture][size]} pixels wide and high, colours {recipe[picture][cmap]},
  frequency axis {recipe[picture][axis]}.
- Image network {recipe[backbone]}, weights {recipe[weights]}, preprocessing of {recipe[preprocessing]}.
  The weights are {weights}.
"""
SOUND = """\
- Network for sound {recipe[backbone]}, weights {recipe[weights]}. The weights are {weights}.
"""
FRAMED = """\
- It hears frames of one second, {recipe[frames][hop_seconds]:g} s apart; their {recipe[frames][pooling]}
  counts.
"""
MACHINES = """\
- Linear support vector machines on what it sees, one for each class, learnt from all folds; probabilities
  are softmax(decision values / {temperature:.3g}), fitted on clips of folds not learnt from.
- Recipe {recipe[name]}."""

STACK = """\

### The stack
- Linear support vector machines on what all members say, side by side: posteriors of CRNNs, decision values
  of the others. Probabilities are softmax(decision values / {results[temperature]:.3g}), fitted on clips of
  folds not learnt from.
"""

MADE = """\
On {created} with {versions}{made}"""
