"""`activity-monitor`: the parser; what a command then does is in `monitor.actions`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from monitor import __version__, actions
from monitor.config import DEFAULT_BUNDLE, DEFAULT_ENDPOINT, SETTINGS, flag
from monitor.errors import Exit, MonitorError, nearest, safe
from monitor.output import PROGRAM
from monitor.signals import on_signals

MINUTE, CENTURY = 60.0, 36500 * 86400.0
"""Seconds: the shortest timeline, and the longest age"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `activity-monitor`; returns the exit code."""
    args = _parse(sys.argv[1:] if argv is None else argv)
    on_signals(signal.default_int_handler, signal.SIGTERM, signal.SIGHUP)
    try:
        return int(args.command(args))
    except MonitorError as exc:
        print(f"{PROGRAM}: error: {safe(str(exc), 2000)}", file=sys.stderr)
        return exc.exit_code
    except (KeyboardInterrupt, BrokenPipeError):
        # The reader of our output has gone, as `head` does, or is not waited for any more; nothing is left to
        # be said, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(Exit.USAGE, f"{PROGRAM}: error: {safe(message)} (see {self.prog} --help)\n")


def _check_options(parser: argparse.ArgumentParser, argv: Sequence[str], commands: Any) -> None:
    """Name the nearest option when one is unknown; argparse would only complain about what follows it."""
    parsers = [parser, *commands.choices.values()]
    known = [name for each in parsers for name in each._option_string_actions]  # noqa: SLF001 - not public
    for word in (argument.split("=")[0] for argument in argv):
        if word.startswith("--") and word not in known:
            parser.error(f"unknown option {safe(word)}{nearest(word, known)}")


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(
        prog=PROGRAM,
        allow_abbrev=False,
        description="Recognise what is going on in a room from a microphone array, and publish it.",
        epilog="Without a command it monitors: give --device or --replay.",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")
    for short, level, text in (("-v", "debug", "log more"), ("-q", "warning", "log less")):
        options: dict[str, Any] = {
            "dest": "log_level",
            "const": level,
            "default": argparse.SUPPRESS,
            "help": text,
        }
        parser.add_argument(short, action="store_const", **options)
    for key in SETTINGS:
        _add_setting(parser, key)
    parser.set_defaults(command=actions.run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)
    text = "list sound cards, with the string to paste after --device"
    _add_command(commands, "devices", actions.devices, text)
    _add_check(commands)
    _add_dashboard(commands)
    _add_subscribe(commands)
    _add_homeassistant(commands)
    _add_timeline(commands)
    _add_bundle(commands)
    _add_keys(commands)
    _check_options(parser, argv, commands)
    return parser.parse_args(argv)


def _add_command(commands: Any, name: str, run: Callable[..., int], text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, allow_abbrev=False
    )
    parser.set_defaults(command=run)
    return parser


def _add_check(commands: Any) -> None:
    text = "try what a run would use: bundle, arrays, journal, port"
    check = _add_command(commands, "check", actions.check, text)
    for key in ("device", "replay", "channels", "channel_map", "bundle", "publish", "keys", "journal"):
        _add_setting(check, key)


def _add_dashboard(commands: Any) -> None:
    dashboard = _add_command(commands, "dashboard", actions.dashboard, "show a running daemon")
    _add_connection(dashboard)
    _add_since(dashboard)


def _add_subscribe(commands: Any) -> None:
    text = "print the messages of a running daemon"
    subscribe = _add_command(commands, "subscribe", actions.subscribe, text)
    _add_connection(subscribe)
    beginning = subscribe.add_mutually_exclusive_group()
    _add_since(beginning)
    beginning.add_argument("--after", type=_seq, metavar="SEQ", help="go on after the message of this number")
    subscribe.add_argument(
        "--type", action="append", choices=("label", "event", "gap", "health"), help="only these; repeatable"
    )
    subscribe.add_argument("--json", action="store_true", help="one JSON message per line")


def _add_since(client: argparse._ActionsContainer) -> None:
    client.add_argument(
        "--since", type=_age, metavar="AGE", help="begin in the past, such as 90s, 10m, 1h, 2d"
    )


def _add_connection(client: argparse.ArgumentParser) -> None:
    _add_endpoint(client)
    _add_key(client)


def _add_endpoint(client: argparse._ActionsContainer) -> None:
    client.add_argument("--connect", default=DEFAULT_ENDPOINT, metavar="ENDPOINT", help="%(default)s")


def _add_key(client: argparse.ArgumentParser) -> None:
    client.add_argument("--key", type=Path, metavar="FILE", help="key, if the daemon wants one")


def _add_homeassistant(commands: Any) -> None:
    text = "hand what a running daemon hears to Home Assistant, through an MQTT broker"
    parser = _add_command(commands, "homeassistant", actions.homeassistant, text)
    _add_connection(parser)
    for name, metavar, what in (
        ("mqtt", "URL", "broker: mqtt://HOST or mqtts://USER@HOST:PORT (default: $MQTT_URL)"),
        ("password-file", "FILE", "holds the password at the broker (default: $MQTT_PASSWORD is it)"),
        ("ca-file", "FILE", "certificates that vouch for the broker's (default: $MQTT_CA_FILE)"),
    ):
        parser.add_argument(f"--{name}", metavar=metavar, help=what)


def _add_timeline(commands: Any) -> None:
    parser = _add_command(
        commands, "timeline", actions.timeline, "draw what went on in the last hours or days"
    )
    text = "how much, such as 90m, 24h, 7d (default: 24h)"
    parser.add_argument("--since", type=_period, default=timedelta(days=1), metavar="AGE", help=text)
    origin = parser.add_mutually_exclusive_group()
    _add_endpoint(origin)
    _add_key(parser)
    origin.add_argument("--journal", type=Path, metavar="FILE", help="a journal instead of a running daemon")
    text = "write a picture (.svg, .png or .html) instead of drawing on the terminal"
    parser.add_argument("-o", "--out", type=_picture, metavar="FILE", help=text)


def _add_bundle(commands: Any) -> None:
    text = "what a model bundle holds, and whether it works here"
    bundle = commands.add_parser("bundle", help=text, description=text, allow_abbrev=False)
    tasks = bundle.add_subparsers(required=True, metavar="ACTION", parser_class=_Parser)
    for name, run, about in (
        ("show", actions.bundle_show, "print what it holds and what a window costs here"),
        ("verify", actions.bundle_verify, "check every file, and its scores for a test signal"),
    ):
        task = _add_command(tasks, name, run, about)
        task.add_argument(
            "path",
            type=Path,
            nargs="?",
            default=DEFAULT_BUNDLE,
            metavar="PATH",
            help="default: the one shipped",
        )


def _add_keys(commands: Any) -> None:
    text = "who may listen from another machine: a key for each client"
    parser = commands.add_parser("keys", help=text, description=text, allow_abbrev=False)
    tasks = parser.add_subparsers(required=True, metavar="ACTION", parser_class=_Parser)
    for name, run, about in (
        ("init", actions.keys_init, "make the daemon's key; nobody may listen yet"),
        ("add", actions.keys_add, "let a client in: writes NAME.key_secret, to be carried to its machine"),
        ("revoke", actions.keys_revoke, "let a client in no more, from now on"),
        ("list", actions.keys_list, "name the clients that may listen"),
    ):
        task = _add_command(tasks, name, run, about)
        _add_setting(task, "keys")
        if name in ("add", "revoke"):
            task.add_argument("client", metavar="NAME", help="of the client")


def _add_setting(parser: argparse.ArgumentParser, key: str) -> None:
    setting = SETTINGS[key]
    default, metadata = setting.default, setting.metadata
    options: dict[str, Any] = {"dest": key, "default": argparse.SUPPRESS, "help": metadata["help"]}
    if key == "dashboard":
        parser.add_argument(flag(key), action=argparse.BooleanOptionalAction, **options)
    elif default is False:
        parser.add_argument(flag(key), action="store_true", **options)
    else:
        if default not in (None, ()) and "default" not in metadata["help"]:
            options["help"] += (
                f" (default: {default:g})" if isinstance(default, float) else f" (default: {default})"
            )
        action = "append" if key in ("device", "replay", "name") else "store"
        parser.add_argument(flag(key), action=action, metavar=metadata["metavar"], **options)


def _span(text: str) -> timedelta:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    try:
        seconds = float(text[:-1]) * units[text[-1]]
    except (ValueError, KeyError, IndexError):
        seconds = -1.0
    if not 0.0 <= seconds <= CENTURY:
        raise argparse.ArgumentTypeError(f"{text!r} is no age such as 90s, 10m, 1h or 2d")
    return timedelta(seconds=seconds)


def _age(text: str) -> datetime:
    return datetime.now(UTC) - _span(text)


def _period(text: str) -> timedelta:
    period = _span(text)
    if period.total_seconds() < MINUTE:
        raise argparse.ArgumentTypeError(f"{text!r} is less than a minute")
    return period


def _picture(text: str) -> Path:
    from monitor.views.timeline_file import SUFFIXES

    if Path(text).suffix.lower() not in SUFFIXES:
        raise argparse.ArgumentTypeError(f"{text!r} is no name that ends in {', '.join(SUFFIXES)}")
    return Path(text)


def _seq(text: str) -> int:
    if not (text.isdecimal() and len(text) < 19):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of a message")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
