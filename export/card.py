"""The model card: what a bundle says of itself to people."""

from __future__ import annotations

from typing import Any

from monitor.inference.manifest import CrnnMember, Manifest
from trainer.tables import measured, score


def model_card(manifest: Manifest, pooled: dict[str, Any]) -> str:
    """The model card in Markdown.

    Args:
        manifest: of a bundle with one member.
        pooled: scores of all tested clips, as from `evaluate`.
    """
    training, scores, (member,) = manifest.training, manifest.scores, manifest.members
    data, recipe = training["data"], training["recipe"]
    model, command = (CRNN, CRNN_COMMAND) if isinstance(member, CrnnMember) else (SVM, SVM_COMMAND)
    facts = {"recipe": recipe, "member": member, "models": len(training["folds"])}
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
        floor=member.threshold_db if isinstance(member, CrnnMember) else member.log_mel.floor_db,
        model=model.format(**facts),
        command=command.format(**facts),
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
  0 dB, clipped at {floor:g} dB.
{model}

## Made with
On {manifest.created} with {versions}:

    activity-trainer train {command} \\
        --folds {folds} --threads {threads} --data DATA --out RUN
    activity-export bundle RUN -o BUNDLE
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
- Linear support vector machines on what it sees, one for each class, learnt from all folds; probabilities
  are softmax(decision values / {member.temperature:.3g}), fitted on clips of folds not learnt from.
- Recipe {recipe[name]}."""
SVM_COMMAND = (
    "svm --recipe {recipe[name]} --backbone {recipe[backbone]} --weights {recipe[weights]} "
    "--cmap {recipe[picture][cmap]}"
)
