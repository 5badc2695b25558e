"""`activity-trainer`: the parser; what a command then does is in `trainer.actions`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from monitor import __version__
from monitor.errors import Exit, MonitorError, safe
from trainer import actions, checkpoints
from trainer.datasets.archives import registry
from trainer.experiments import EXPERIMENTS

SIGINT_EXIT = 130
MOST_HOURS = 10_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    return call("activity-trainer", arguments.command, arguments)


def call(program: str, command: Callable[[argparse.Namespace], None], arguments: argparse.Namespace) -> int:
    """Run a command: an error that the user can mend is one line on stderr and an exit code."""
    try:
        command(arguments)
    except MonitorError as exc:
        print(f"{program}: error: {exc}", file=sys.stderr)
        return int(exc.exit_code)
    except ModuleNotFoundError as exc:
        print(f"{program}: error: {exc.name} is missing; install activity-monitor[trainer]", file=sys.stderr)
        return int(Exit.UNAVAILABLE)
    except OSError as exc:
        what = f"{exc.filename}: {exc.strerror}" if exc.filename else str(exc)
        print(f"{program}: error: {safe(what)}", file=sys.stderr)
        return int(Exit.NO_PERMISSION if isinstance(exc, PermissionError) else Exit.IO)
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return SIGINT_EXIT
    return int(Exit.OK)


def positive(text: str) -> int:
    """An argument that is a whole number of 1 or more."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) < 1 << 31):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="activity-trainer",
        description="Train the models that activity-monitor runs.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _add_download(commands)
    _add_data(commands)
    _add_features(commands)
    _add_train(commands)
    _add_fuse(commands)
    _add_reproduce(commands)
    _add_evaluate(commands)
    _add_verify(commands)
    _add_simulate(commands)
    _add_agreement(commands)
    return parser


def _add_data(commands: Any) -> None:
    data = commands.add_parser("data", help="look after data sets", allow_abbrev=False)
    tasks = data.add_subparsers(required=True, metavar="TASK")
    check = tasks.add_parser("check", help="compare a copy with the published set", allow_abbrev=False)
    check.add_argument("folder", type=Path, metavar="DIR", help="as for train --data")
    check.set_defaults(command=actions.data_check)


def _add_train(commands: Any) -> None:
    train = commands.add_parser("train", help="train a model", allow_abbrev=False)
    models = train.add_subparsers(required=True, metavar="MODEL")
    crnn = models.add_parser("crnn", help="the paper's convolutional recurrent network", allow_abbrev=False)
    crnn.add_argument("--recipe", required=True, metavar="NAME|FILE.toml", help="such as esc50 or default")
    _add_run(crnn)
    crnn.add_argument("--epochs", type=positive, metavar="N", help="instead of the recipe's")
    crnn.add_argument("--seed", type=_seed, metavar="S", help="instead of the recipe's")
    _add_settings(crnn)
    crnn.set_defaults(command=actions.train_crnn)

    svm = models.add_parser(
        "svm", help="linear support vector machines on a backbone's embeddings", allow_abbrev=False
    )
    _add_extractor(svm)
    _add_run(svm)
    _add_settings(svm)
    svm.set_defaults(command=actions.train_svm)


def _add_run(parser: argparse.ArgumentParser) -> None:
    """Options of every command that trains a single run."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="run directory, new or empty")
    parser.add_argument("--resume", action="store_true", help="go on with the unfinished run in --out")
    parser.add_argument(
        "--folds", type=_numbers, metavar="K,...", help="test these folds only (default: all)"
    )


def _add_fuse(commands: Any) -> None:
    fuse = commands.add_parser("fuse", help="stack finished runs: late fusion", allow_abbrev=False)
    fuse.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run directories, two or more")
    fuse.add_argument("--out", type=Path, required=True, metavar="DIR", help="run directory, new or empty")
    fuse.add_argument(
        "--threads", type=positive, default=os.cpu_count(), metavar="N", help="default: %(default)s"
    )
    fuse.set_defaults(command=actions.fuse)


def _add_features(commands: Any) -> None:
    features = commands.add_parser(
        "features", help="compute a backbone's embeddings in advance", allow_abbrev=False
    )
    _add_extractor(features)
    _add_settings(features)
    features.set_defaults(command=actions.features)


def _add_extractor(parser: argparse.ArgumentParser) -> None:
    """Options of every command that needs embeddings; what is not given is the recipe's."""
    parser.add_argument(
        "--recipe", required=True, metavar="NAME|FILE.toml", help="such as esc50-deep-spectrum or esc50-audio"
    )
    parser.add_argument(
        "--backbone",
        metavar="NETWORK",
        help=f"{', '.join(checkpoints.CHECKPOINTS | checkpoints.AUDIO_CHECKPOINTS)} (default: the recipe's)",
    )
    parser.add_argument(
        "--weights",
        metavar="W",
        help="imagenet, audioset, random:SEED or a checkpoint (default: the recipe's)",
    )
    parser.add_argument("--cmap", metavar="NAME", help="colour map (default: the recipe's)")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Options of every command that trains."""
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="a published data set, or DIR/<class>/*.wav"
    )
    parser.add_argument(
        "--limit", type=positive, metavar="N", help="only N clips of each class in each fold, for a trial"
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave out clips that cannot be read")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: %(default)s")
    parser.add_argument(
        "--threads", type=positive, default=os.cpu_count(), metavar="N", help="default: %(default)s"
    )
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help="of features (default: ~/.cache/activity-monitor/features)"
    )


def _add_reproduce(commands: Any) -> None:
    reproduce = commands.add_parser(
        "reproduce", help="carry out an experiment of the paper and fill its table", allow_abbrev=False
    )
    reproduce.add_argument(
        "experiment", choices=EXPERIMENTS, metavar="EXPERIMENT", help=", ".join(EXPERIMENTS)
    )
    reproduce.add_argument(
        "--out", type=Path, default=Path("runs"), metavar="DIR", help="default: %(default)s"
    )
    reproduce.add_argument(
        "--seeds",
        type=_seeds,
        default=[1],
        metavar="S,...",
        help="train every system that draws random numbers with each (default: 1)",
    )
    reproduce.add_argument(
        "--systems", type=_names, metavar="NAME,...", help="run these rows only (default: all)"
    )
    reproduce.add_argument(
        "--folds", type=_numbers, metavar="K,...", help="test these folds only (default: all)"
    )
    reproduce.add_argument("--epochs", type=positive, metavar="N", help="instead of the recipe's")
    reproduce.add_argument(
        "--dry-run", action="store_true", help="only say what is to do and how long it takes"
    )
    _add_settings(reproduce)
    reproduce.set_defaults(command=actions.reproduce)


def _add_evaluate(commands: Any) -> None:
    evaluate = commands.add_parser("evaluate", help="print the scores of finished runs", allow_abbrev=False)
    evaluate.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="run directory; several seeds: mean and spread"
    )
    evaluate.set_defaults(command=actions.evaluate)


def _add_verify(commands: Any) -> None:
    weights = commands.add_parser("weights", help="look after weights", allow_abbrev=False)
    tasks = weights.add_subparsers(required=True, metavar="TASK")
    verify = tasks.add_parser("verify", help="try a network for sound on a sound", allow_abbrev=False)
    known = checkpoints.AUDIO_CHECKPOINTS
    verify.add_argument("backbone", choices=known, metavar="NETWORK", help=", ".join(known))
    verify.add_argument("--audio", type=Path, required=True, metavar="FILE", help="any sound")
    verify.add_argument(
        "--weights",
        default=checkpoints.AUDIOSET,
        metavar="W",
        help="a checkpoint (default: what download weights fetched)",
    )
    verify.set_defaults(command=actions.verify_weights)


def _add_simulate(commands: Any) -> None:
    simulate = commands.add_parser(
        "simulate", help="generate labelled recordings of a four-microphone array", allow_abbrev=False
    )
    what = simulate.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="a data set in the layout of DCASE 2018 Task 5; goes on with it",
    )
    what.add_argument(
        "--day", type=Path, metavar="FILE.flac|DIR", help="a day of one home without a break, with its labels"
    )
    simulate.add_argument(
        "--hours", type=_hours, required=True, metavar="H", help="length, all arrays counted"
    )
    simulate.add_argument("--seed", type=_seed, default=1, metavar="S", help="default: %(default)s")
    simulate.add_argument(
        "--processes", type=positive, default=os.cpu_count(), metavar="N", help="default: %(default)s"
    )
    simulate.add_argument(
        "--sounds", type=Path, metavar="DIR", help="with --to: mix in clips of your own, DIR/<activity>/*.wav"
    )
    simulate.add_argument(
        "--held-out", action="store_true", help="with --day: a home, voices and sounds that no --to has"
    )
    simulate.set_defaults(command=actions.simulate)


def _add_agreement(commands: Any) -> None:
    agreement = commands.add_parser(
        "agreement", help="compare what a monitor said of a recording with the truth", allow_abbrev=False
    )
    agreement.add_argument("truth", type=Path, metavar="LABELS.tsv", help="as simulate --day writes it")
    agreement.add_argument("journal", type=Path, metavar="JOURNAL", help="of activity-monitor --journal")
    agreement.set_defaults(command=actions.agreement)


def _add_download(commands: Any) -> None:
    download = commands.add_parser("download", help="fetch published data or weights", allow_abbrev=False)
    names = download.add_subparsers(required=True, metavar="NAME")
    for name, partitions in registry().items():
        size = sum(partition.unpacked for partition in partitions.values())
        one = names.add_parser(name, help=f"{size / 1e9:.1f} GB unpacked", allow_abbrev=False)
        one.add_argument("--to", type=Path, required=True, metavar="DIR", help="made if it is missing")
        one.add_argument("--keep-archives", action="store_true", help="do not remove what is unpacked")
        if len(partitions) > 1:
            one.add_argument("--only", choices=partitions, help="one partition (default: all)")
        one.set_defaults(command=actions.download, only=None, partitions=partitions)
    _add_weights(names)


def _add_weights(names: Any) -> None:
    weights = names.add_parser("weights", help="of an image network, or of one for sound", allow_abbrev=False)
    remotes = checkpoints.CHECKPOINTS | checkpoints.AUDIO_CHECKPOINTS
    sizes = ", ".join(f"{name} ({remote.size / 1e6:.0f} MB)" for name, remote in remotes.items())
    weights.add_argument("backbone", choices=remotes, metavar="NETWORK", help=sizes)
    weights.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="default: ~/.cache/activity-monitor/weights, where they are found",
    )
    weights.add_argument(
        "--from", dest="file", type=Path, metavar="FILE", help="copy this one, for machines without network"
    )
    weights.set_defaults(command=actions.download_weights)


def _numbers(text: str) -> list[int]:
    return sorted({positive(part) for part in text.split(",")})


def _names(text: str) -> list[str]:
    return text.split(",")


def _seeds(text: str) -> list[int]:
    return sorted({_seed(part) for part in text.split(",")})


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0.0 < hours <= MOST_HOURS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours up to {MOST_HOURS}")
    return hours


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 32):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2^32 - 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
