"""The model card: what a bundle says of itself to people."""

from __future__ import annotations

from typing import Any

from monitor.inference.manifest import CrnnMember, Manifest, Member
from trainer.report import COVERAGE
from trainer.run import WEIGHTS
from trainer.tables import Column, markdown, measured, percent, score

F1 = (
    Column("label", "class"),
    Column("f1", "F1", percent, number=True),
    Column("clips", "clips", number=True),
)
MEMBERS = (
    Column("name", "member"),
    Column("accuracy", "accuracy", score, number=True),
    Column("macro_f1", "macro F1", score, number=True),
)


def model_card(manifest: Manifest, results: dict[str, Any]) -> str:
    """The model card in Markdown.

    Args:
        manifest: of the bundle, as `export.pack` makes it.
        results: of the run, as in its `results.json`.
    """
    data = manifest.training["data"]
    return CARD_TEXT.format(
        manifest=manifest,
        notice=f"\n**{manifest.notice}**\n" if manifest.notice else "",
        classes=len(manifest.labels),
        data=data,
        source=data["source"] or "not stated",
        licence=data["licence"] or "not stated",
        scores=_scores(manifest, results["pooled"]),
        calibration=_calibration(manifest.scores, results),
        members="\n".join(_member(member, manifest) for member in manifest.members),
        stack=STACK.format(stack=manifest.stack) if manifest.stack else "",
        made=_made(manifest),
    )


def _scores(manifest: Manifest, pooled: dict[str, Any]) -> str:
    scores = manifest.scores
    rows = [
        {"label": label, "f1": f1, "clips": sum(row)}
        for label, f1, row in zip(manifest.labels, pooled["f1"], pooled["confusion"], strict=True)
    ]
    return SCORES.format(
        folds=_folds(manifest.training),
        clips=scores["clips"],
        mean=_both(scores),
        nested=NESTED.format(_both(scores["nested"])) if "nested" in scores else "",
        members=_alone(scores["members"]) if "members" in scores else "",
        f1=markdown(F1, rows),
    )


def _both(scores: dict[str, Any]) -> str:
    accuracy, macro_f1 = (score(measured(scores, key)) for key in ("accuracy", "macro_f1"))
    return f"Accuracy {accuracy} %, macro F1 {macro_f1} %"


def _alone(members: dict[str, Any]) -> str:
    rows = [
        {"name": name, **{key: measured(scores, key) for key in ("accuracy", "macro_f1")}}
        for name, scores in members.items()
    ]
    return ALONE.format(markdown(MEMBERS, rows))


def _calibration(scores: dict[str, Any], results: dict[str, Any]) -> str:
    """Empty where it was not measured: of CRNNs alone, and of a single fold."""
    if scores.get("calibration_error") is None:
        return ""
    return CALIBRATION.format(
        error=percent(scores["calibration_error"]),
        coverage=markdown(COVERAGE, results["calibration"]["coverage"]),
    )


def _member(member: Member, manifest: Manifest) -> str:
    how = _how(member, manifest)
    crnn = isinstance(member, CrnnMember)
    return MEMBER.format(
        member=member,
        spec=member.log_mel,
        floor=member.threshold_db if isinstance(member, CrnnMember) else member.log_mel.floor_db,
        channels="averaged" if member.channels == "mono" else "scored one by one, the scores averaged",
        model=(CRNN if crnn else SVM).format(
            member=member,
            recipe=how["recipe"],
            models=len(how["folds"]),
            weights=how["environment"].get(WEIGHTS),
        ),
    )


def _made(manifest: Manifest) -> str:
    """The commands; RUN is what is exported, and that of a single member."""
    runs = {member.name: f"RUN{number}" for number, member in enumerate(manifest.members, start=1)}
    if manifest.stack is None:
        runs = dict.fromkeys(runs, "RUN")
    commands = [_train(member, manifest, runs[member.name]) for member in manifest.members]
    if manifest.stack is not None:
        fused = " ".join(runs[name] for name in manifest.stack.members)
        commands.append(f"    activity-trainer fuse {fused} --out RUN\n")
    versions = ", ".join(
        f"{name} {number}"
        for name, number in manifest.training["environment"].items()
        if name != WEIGHTS  # of which there may be several: each member tells its own
    )
    return MADE.format(created=manifest.created, versions=versions, commands="".join(commands))


def _train(member: Member, manifest: Manifest, out: str) -> str:
    how = _how(member, manifest)
    command = CRNN_COMMAND if isinstance(member, CrnnMember) else SVM_COMMAND
    return TRAIN.format(
        command=command.format(recipe=how["recipe"]), folds=_folds(how), threads=how["threads"], out=out
    )


def _how(member: Member, manifest: Manifest) -> dict[str, Any]:
    """How a member was trained."""
    training = manifest.training
    how: dict[str, Any] = training["members"][member.name] if manifest.stack else training
    return how


def _folds(how: dict[str, Any]) -> str:
    return ",".join(map(str, how["folds"]))


CARD_TEXT = """\
# {manifest.name}
{notice}
It names one of {classes} classes for {manifest.window_seconds:g} s of sound. It always names a class: a sound
that belongs to none of them gets the one that it resembles most.

## Data
- {data[name]}: {data[clips]} clips; {data[left_out]} of them were too short or damaged and left out.
- Source: {source}
- Licence: {licence}

## Scores
{scores}
{calibration}## Model
{members}{stack}
## Made with
{made}"""

SCORES = """\
Every clip was predicted by a model that was not trained on its fold (tested: fold {folds}; {clips}
clips). The scores hold for clips like these; they say nothing about other rooms, microphones or people.

- {mean}, mean of the folds
{nested}
In brackets: 95 % intervals over groups of clips that were recorded together.

{members}F1 in percent, of all folds pooled:

{f1}"""
NESTED = """\
- {}, with C chosen by the other folds: not
  optimistic, as the line above is, whose C was chosen on the folds that it is about
"""
ALONE = """\
It is a fusion. Each member alone, in percent, mean of the folds:

{}
"""

CALIBRATION = """\
## Calibration
Expected calibration error {error} %, with a temperature fitted on the other folds. What it would cost to call
sounds unknown whose most probable class has less than a threshold, in percent:

{coverage}
"""

MEMBER = """\
### {member.name}
- Input: log-mel spectrogram at {spec.sample_rate} Hz, {spec.n_mels} bands ({spec.mel}), window
  {spec.window_seconds:g} s, hop {spec.hop_seconds:g} s, pre-emphasis {spec.pre_emphasis:g}, maximum at
  0 dB, clipped at {floor:g} dB. The channels of an array are {channels}.
{model}
"""

CRNN = """\
- Convolutional recurrent network: kernels {recipe[model][kernels]}, filters {recipe[model][filters]},
  pooling (frequency, time) {recipe[model][pools]}, two GRUs. Fold models averaged: {models}.
- Recipe {recipe[name]}: {recipe[epochs]} epochs, batch {recipe[batch]}, learning rate
  {recipe[learning_rate]:g} ({recipe[schedule]} schedule), seed {recipe[seed]}."""
CRNN_COMMAND = "crnn --recipe {recipe[name]} --epochs {recipe[epochs]} --seed {recipe[seed]}"

SVM = """\
- Picture of the spectrogram, {recipe[picture][size]} pixels wide and high, colours {recipe[picture][cmap]},
  frequency axis {recipe[picture][axis]}.
- Image network {recipe[backbone]}, weights {recipe[weights]}, preprocessing of {recipe[preprocessing]}.
  The weights are {weights}.
- Linear support vector machines on what it sees, one for each class, learnt from all folds; probabilities
  are softmax(decision values / {member.temperature:.3g}), fitted on clips of folds not learnt from.
- Recipe {recipe[name]}."""
SVM_COMMAND = (
    "svm --recipe {recipe[name]} --backbone {recipe[backbone]} --weights {recipe[weights]} "
    "--cmap {recipe[picture][cmap]}"
)

STACK = """\

### The stack
- Linear support vector machines on what all members say, side by side: posteriors of CRNNs, decision values
  of the others. Probabilities are softmax(decision values / {stack.temperature:.3g}), fitted on clips of
  folds not learnt from.
"""

MADE = """\
On {created} with {versions}:

{commands}    activity-export bundle RUN -o BUNDLE
"""
TRAIN = """\
    activity-trainer train {command} \\
        --folds {folds} --threads {threads} --data DATA --out {out}
"""
