"""The model card of a bundle, with the commands that make it again."""

from __future__ import annotations

from export.listen import COLUMNS, Heard
from trainer.card import folds, model_card, public
from trainer.recipes import AudioRecipe, CrnnRecipe, Recipe
from trainer.system import Part, System
from trainer.tables import markdown, plain


def bundle_card(
    system: System, name: str, notice: str, *, channels: str, int8: str, heard: Heard | None
) -> str:
    """The model card in Markdown.

    Args:
        system: what is packed.
        name: of the bundle.
        notice: one line that users see at every start; may be empty.
        channels: what `export.verify` says of members that hear other channels than they learnt from; empty
            if there are none.
        int8: what `export.quantise` says of the networks, if that was asked for; else empty.
        heard: what it calls the sounds of another data set, if that was tried.
    """
    paragraphs = [f"**{notice}**"] * bool(notice) + [CHANNELS.format(channels)] * bool(channels)
    paragraphs += [INT8.format(int8)] * bool(int8)
    others = HEARD.format(name=plain(heard.name), table=markdown(COLUMNS, heard.rows)) if heard else ""
    return model_card(system, name, "\n\n".join(paragraphs), f":\n\n{_commands(system)}{OWN}", heard=others)


def _commands(system: System) -> str:
    """RUN is what is exported, and that of a single member."""
    runs = [f"RUN{number}" for number in range(1, len(system.parts) + 1)] if system.fused else ["RUN"]
    commands = [_train(part, out) for part, out in zip(system.parts, runs, strict=True)]
    if system.fused:
        commands.append(f"    activity-trainer fuse {' '.join(runs)} --out RUN\n")
    return "".join([*commands, "    activity-export bundle RUN -o BUNDLE\n"])


def _train(part: Part, out: str) -> str:
    command = _command(part.recipe)
    return TRAIN.format(
        command=command.format(recipe=public(part.recipe)),
        folds=folds(part.run),
        threads=part.run.config.threads,
        out=out,
    )


def _command(recipe: Recipe) -> str:
    if isinstance(recipe, CrnnRecipe):
        return CRNN
    return SVM if isinstance(recipe, AudioRecipe) else f"{SVM} {PICTURES}"


HEARD = """\
## Other sounds
What it calls the clips of {name}, from which nothing was learnt. Clips shorter than a window were repeated.

{table}
"""
OWN = """
DATA may be any data set that `activity-trainer data check` knows, also a folder of your own recordings with
a folder for each activity: the same commands make a bundle for your home.
"""
CHANNELS = """\
Scores and calibration below are of members on the channels that they learnt from. This bundle has
{}."""
INT8 = """\
Scores and calibration below are of networks in float32. What int8 costs, cross-validated:

{}"""
CRNN = "crnn --recipe {recipe[name]} --epochs {recipe[epochs]} --seed {recipe[seed]}"
SVM = "svm --recipe {recipe[name]} --backbone {recipe[backbone]} --weights {recipe[weights]}"
PICTURES = "--cmap {recipe[picture][cmap]}"
TRAIN = """\
    activity-trainer train {command} \\
        --folds {folds} --threads {threads} --data DATA --out {out}
"""
