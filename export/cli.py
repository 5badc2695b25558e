"""`activity-export`: the parser, then one call per command. Heavy imports stand inside the commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from monitor import __version__
from monitor.errors import safe
from trainer.cli import call, positive


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    return call("activity-export", arguments.command, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="activity-export", description="Pack what activity-trainer made.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    bundle = commands.add_parser("bundle", help="a run as a bundle for activity-monitor", allow_abbrev=False)
    _common(bundle, "bundle to write: a folder, or a file if it ends in .zip")
    bundle.add_argument(
        "--name", metavar="NAME", help="of the bundle (default: the output's, without ending)"
    )
    bundle.add_argument("--notice", default="", metavar="TEXT", help="one line that users see at every start")
    bundle.add_argument(
        "--backbones",
        choices=("mono", "each"),
        help="let backbones hear the mean of the channels, or every channel (default: as they learnt)",
    )
    bundle.add_argument(
        "--int8",
        action="store_true",
        help="image networks in int8, where that costs at most half a point of accuracy",
    )
    bundle.add_argument(
        "--listen",
        type=Path,
        metavar="DIR",
        help="say in the model card what the bundle calls the sounds of another data set",
    )
    bundle.set_defaults(command=_bundle)

    onnx = commands.add_parser(
        "onnx", help="a run's models, or its backbone, as a single ONNX file", allow_abbrev=False
    )
    _common(onnx, "ONNX file to write")
    onnx.set_defaults(command=_onnx)

    verify = commands.add_parser(
        "verify", help="compare a bundle with the run that it was made of", allow_abbrev=False
    )
    verify.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder or .zip")
    verify.add_argument(
        "--run", type=Path, required=True, metavar="RUN", help="run directory of activity-trainer"
    )
    _data(verify)
    verify.add_argument(
        "--clips", type=positive, default=100, metavar="N", help="of the data set (default: %(default)s)"
    )
    verify.set_defaults(command=_verify)

    listen = commands.add_parser(
        "listen", help="what a bundle calls the sounds of any data set", allow_abbrev=False
    )
    listen.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder or .zip")
    listen.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="labels need not be the bundle's"
    )
    listen.set_defaults(command=_listen)
    return parser


def _common(parser: argparse.ArgumentParser, output: str) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="run directory of activity-trainer")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="PATH", help=output)
    _data(parser)


def _data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="the run's data set, if it was moved")


def _bundle(arguments: argparse.Namespace) -> None:
    from export.pack import pack
    from trainer import datasets

    made = pack(
        arguments.run,
        arguments.out,
        arguments.name or arguments.out.stem,
        arguments.notice,
        arguments.data,
        backbones=arguments.backbones,
        int8=arguments.int8,
        others=datasets.read(arguments.listen) if arguments.listen else None,
    )
    print(f"{safe(str(arguments.out))}: {safe(made.model_id)}")


def _onnx(arguments: argparse.Namespace) -> None:
    from export.graph import export_graph, load_network
    from export.system import single

    part = single(arguments.run)
    graph = export_graph(part, load_network(part), arguments.data)
    arguments.out.write_bytes(graph)
    print(f"{safe(str(arguments.out))}: {len(graph)} bytes")


def _verify(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from export.graph import load_network
    from export.pack import INT8
    from export.system import read
    from export.verify import compare, table
    from monitor.inference import bundle

    made, learnt = bundle.load(arguments.bundle), read(arguments.run)
    networks = {file: load_network(part) for file, part in learnt.networks.items()}
    found = compare(made, learnt, networks, arguments.data, arguments.clips)
    print(found.summary)
    Console().print(table(found))
    if INT8 not in made.manifest.scores:  # which was measured when it was packed
        found.check()


def _listen(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from export.listen import COLUMNS, listen
    from monitor.inference import bundle
    from trainer import datasets
    from trainer.tables import terminal

    heard = listen(bundle.load(arguments.bundle), datasets.read(arguments.data))
    Console().print(terminal(COLUMNS, heard.rows, f"{heard.name}: clips shorter than a window are repeated"))


if __name__ == "__main__":
    sys.exit(main())
