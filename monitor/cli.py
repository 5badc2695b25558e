"""`activity-monitor`: the parser, then one call per command."""

from __future__ import annotations

import argparse
import itertools
import logging
import logging.handlers
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from monitor import __version__
from monitor.config import DEFAULT_BUNDLE, DEFAULT_ENDPOINT, SETTINGS, Settings, flag, nearest, resolve
from monitor.errors import Exit, MonitorError, safe
from monitor.output import PROGRAM, TextLines, configure_logging, json_line, log_beside, view

if TYPE_CHECKING:  # everything heavy is imported by the command that needs it
    from monitor.stream.messages import Message
    from monitor.stream.subscriber import Subscription

WAIT_SECONDS = 3.0
"""After so long without any message a subscriber is told that there may be no daemon"""
STOP_SECONDS = 1.5
"""After a signal a run may take so long to end; then whatever it waits for (a reader of stdout, a sound card
that does not open) is given up"""
MINUTE, CENTURY = 60.0, 36500 * 86400.0
"""Seconds: the shortest timeline, and the longest age"""

log = logging.getLogger(PROGRAM)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `activity-monitor`; returns the exit code."""
    args = _parse(sys.argv[1:] if argv is None else argv)
    _on_signals(signal.default_int_handler, signal.SIGTERM, signal.SIGHUP)
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


def _on_signals(handler: Callable[..., object], *numbers: signal.Signals) -> None:
    for number in numbers:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, handler)


# Parser


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
    parser.set_defaults(command=_run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)
    _add_command(commands, "devices", _devices, "list sound cards, with the string to paste after --device")
    check = _add_command(commands, "check", _check, "try what a run would use: bundle, arrays, journal, port")
    for key in ("device", "replay", "channels", "channel_map", "bundle", "publish", "keys", "journal"):
        _add_setting(check, key)
    dashboard = _add_command(commands, "dashboard", _dashboard, "show a running daemon")
    subscribe = _add_command(commands, "subscribe", _subscribe, "print the messages of a running daemon")
    _add_homeassistant(commands)
    for client in (dashboard, subscribe):
        _add_connection(client)
    for beginning in (dashboard, subscribe.add_mutually_exclusive_group()):
        beginning.add_argument(
            "--since", type=_age, metavar="AGE", help="begin in the past, such as 90s, 10m, 1h, 2d"
        )
    beginning.add_argument("--after", type=_seq, metavar="SEQ", help="go on after the message of this number")
    subscribe.add_argument(
        "--type", action="append", choices=("label", "event", "gap", "health"), help="only these; repeatable"
    )
    subscribe.add_argument("--json", action="store_true", help="one JSON message per line")
    _add_timeline(commands)
    text = "what a model bundle holds, and whether it works here"
    bundle = commands.add_parser("bundle", help=text, description=text, allow_abbrev=False)
    actions = bundle.add_subparsers(required=True, metavar="ACTION", parser_class=_Parser)
    _add_bundle_action(actions, "show", _bundle_show, "print what it holds and what a window costs here")
    _add_bundle_action(
        actions, "verify", _bundle_verify, "check every file, and its scores for a test signal"
    )
    _add_keys(commands)
    _check_options(parser, argv, commands)
    return parser.parse_args(argv)


def _add_command(commands: Any, name: str, run: Callable[..., int], text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, allow_abbrev=False
    )
    parser.set_defaults(command=run)
    return parser


def _add_connection(client: argparse.ArgumentParser) -> None:
    _add_endpoint(client)
    _add_key(client)


def _add_endpoint(client: argparse._ActionsContainer) -> None:
    client.add_argument("--connect", default=DEFAULT_ENDPOINT, metavar="ENDPOINT", help="%(default)s")


def _add_key(client: argparse.ArgumentParser) -> None:
    client.add_argument("--key", type=Path, metavar="FILE", help="key, if the daemon wants one")


def _add_keys(commands: Any) -> None:
    text = "who may listen from another machine: a key for each client"
    parser = commands.add_parser("keys", help=text, description=text, allow_abbrev=False)
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=_Parser)
    for name, run, about in (
        ("init", _keys_init, "make the daemon's key; nobody may listen yet"),
        ("add", _keys_add, "let a client in: writes NAME.key_secret, to be carried to its machine"),
        ("revoke", _keys_revoke, "let a client in no more, from now on"),
        ("list", _keys_list, "name the clients that may listen"),
    ):
        action = _add_command(actions, name, run, about)
        _add_setting(action, "keys")
        if name in ("add", "revoke"):
            action.add_argument("client", metavar="NAME", help="of the client")


def _add_homeassistant(commands: Any) -> None:
    text = "hand what a running daemon hears to Home Assistant, through an MQTT broker"
    parser = _add_command(commands, "homeassistant", _homeassistant, text)
    _add_connection(parser)
    for name, metavar, what in (
        ("mqtt", "URL", "broker: mqtt://HOST or mqtts://USER@HOST:PORT (default: $MQTT_URL)"),
        ("password-file", "FILE", "holds the password at the broker (default: $MQTT_PASSWORD is it)"),
        ("ca-file", "FILE", "certificates that vouch for the broker's (default: $MQTT_CA_FILE)"),
    ):
        parser.add_argument(f"--{name}", metavar=metavar, help=what)


def _add_timeline(commands: Any) -> None:
    parser = _add_command(commands, "timeline", _timeline, "draw what went on in the last hours or days")
    text = "how much, such as 90m, 24h, 7d (default: 24h)"
    parser.add_argument("--since", type=_period, default=timedelta(days=1), metavar="AGE", help=text)
    origin = parser.add_mutually_exclusive_group()
    _add_endpoint(origin)
    _add_key(parser)
    origin.add_argument("--journal", type=Path, metavar="FILE", help="a journal instead of a running daemon")
    text = "write a picture (.svg, .png or .html) instead of drawing on the terminal"
    parser.add_argument("-o", "--out", type=_picture, metavar="FILE", help=text)


def _add_bundle_action(actions: Any, name: str, run: Callable[..., int], text: str) -> None:
    action = _add_command(actions, name, run, text)
    action.add_argument(
        "path", type=Path, nargs="?", default=DEFAULT_BUNDLE, metavar="PATH", help="default: the one shipped"
    )


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


# Commands


def _settings(args: argparse.Namespace) -> Settings:
    return resolve({key: value for key, value in vars(args).items() if key in SETTINGS}, args.config)


def _run(args: argparse.Namespace) -> int:
    settings = _settings(args)
    with _stop_on_signals() as stop, view(settings) as sink:
        from monitor import daemon

        daemon.run(settings, [sink], stop)
    return Exit.OK


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """An event that a signal sets; what has not ended by itself `STOP_SECONDS` later is interrupted."""
    stop = threading.Event()

    def end(*_: object) -> None:
        stop.set()
        signal.setitimer(signal.ITIMER_REAL, STOP_SECONDS)

    signal.signal(signal.SIGALRM, signal.default_int_handler)
    _on_signals(end, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    try:
        yield stop
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _devices(args: argparse.Namespace) -> int:
    from monitor.audio import cards, devices

    settings = _settings(args)
    lines = list(
        devices.listing(
            devices.list_devices(), cards.read_cards(), settings.channel_count, settings.channel_map
        )
    )
    if not lines:
        print("no input devices found", file=sys.stderr)
    for line in lines:
        print(line)
    return Exit.OK


def _check(args: argparse.Namespace) -> int:
    from monitor import preflight

    configure_logging("warning", "text")
    problems = []
    for finding in preflight.check(_settings(args)):
        print(f"{'PROBLEM' if finding.exit_code else 'ok':<8} {finding.part}: {safe(finding.text, 2000)}")
        problems += [finding.exit_code] * bool(finding.exit_code)
    return problems[0] if problems else Exit.OK


def _dashboard(args: argparse.Namespace) -> int:
    from monitor.stream.subscriber import subscribe
    from monitor.views.dashboard import Dashboard, show

    since = args.since or datetime.now(UTC) - timedelta(hours=1)  # the strip shows an hour
    waiting = f"waiting for messages from {args.connect}; is a daemon running there?"
    dashboard = Dashboard(waiting=waiting)
    with (
        log_beside(dashboard, "warning", "text"),
        subscribe(args.connect, since=since, key=args.key) as subscription,
    ):
        show(_messages(subscription, tick=0.25), dashboard)
    return Exit.OK


def _subscribe(args: argparse.Namespace) -> int:
    from monitor.stream.subscriber import subscribe

    configure_logging("warning", "text")
    write = json_line if args.json else TextLines()
    with subscribe(
        args.connect, since=args.since, after=args.after, types=args.type, key=args.key
    ) as subscription:
        messages = _messages(subscription, tick=WAIT_SECONDS)
        first = next(messages)
        if first is None and not (subscription.heard or subscription.refusal):
            log.warning("nothing heard yet from %s; is a daemon running there?", args.connect)
        for message in itertools.chain([first], messages):
            write(message)
    return Exit.OK


def _homeassistant(args: argparse.Namespace) -> int:
    from monitor.stream.keys import credential
    from monitor.stream.subscriber import subscribe

    try:
        from monitor.views import broker, homeassistant
    except ModuleNotFoundError as exc:
        text = f"{exc.name} is missing; install activity-monitor[homeassistant]"
        raise MonitorError(text, Exit.UNAVAILABLE) from exc
    configure_logging("info", "text")
    login = broker.login(args.mqtt, args.password_file, args.ca_file, os.environ)
    key = args.key or credential(os.environ)
    with subscribe(args.connect, types={"label", "event", "health"}, key=key) as subscription:
        homeassistant.run(subscription, args.connect, login)


def _timeline(args: argparse.Namespace) -> int:
    from monitor.stream import past
    from monitor.stream.subscriber import subscribe
    from monitor.views import timeline, timeline_file, timeline_rows

    configure_logging("warning", "text")
    types = {"label", "gap"}
    if args.journal:
        drawn = timeline.collect(past.of_journal(args.journal, args.since, types), args.since)
    else:
        start = datetime.now(UTC) - args.since
        with subscribe(args.connect, since=start, types=types, key=args.key) as subscription:
            drawn = timeline.collect(past.of_daemon(subscription, args.connect), args.since)
    if args.out:
        timeline_file.write(drawn, args.out)
    else:
        timeline_rows.show(drawn)
    return Exit.OK


def _keys_folder(args: argparse.Namespace) -> Path:
    from monitor.stream.keys import default_folder

    return _settings(args).keys or default_folder()


def _keys_init(args: argparse.Namespace) -> int:
    from monitor.stream import keys

    folder = _keys_folder(args)
    keys.init(folder)
    print(f"made {safe(str(folder))}: run the monitor with --keys {safe(str(folder))}")
    return Exit.OK


def _keys_add(args: argparse.Namespace) -> int:
    from monitor.stream import keys

    file = Path(f"{args.client}.key_secret")
    keys.add(_keys_folder(args), args.client, file)
    print(
        f"made {file}, all that {args.client} needs: move it there, where only its user can read it, for "
        f"activity-monitor subscribe --connect tcp://THIS-MACHINE:5556 --key {file}"
    )
    return Exit.OK


def _keys_revoke(args: argparse.Namespace) -> int:
    from monitor.stream import keys

    keys.revoke(_keys_folder(args), args.client)
    print(f"{args.client} may not listen any more")
    return Exit.OK


def _keys_list(args: argparse.Namespace) -> int:
    from monitor.stream import keys

    for name in keys.load(_keys_folder(args)).clients.values():
        print(name)
    return Exit.OK


def _messages(subscription: Subscription, tick: float) -> Iterator[Message | None]:
    """Messages for ever, and None after `tick` seconds without one."""
    while True:
        yield subscription.receive(tick)


def _bundle_show(args: argparse.Namespace) -> int:
    from monitor.inference import bundle, cost
    from monitor.inference.recognise import Recogniser
    from monitor.views.inventory import show

    loaded = bundle.load(args.path)
    show(loaded, cost.measure(Recogniser(loaded)))
    return Exit.OK


def _bundle_verify(args: argparse.Namespace) -> int:
    from monitor.inference import bundle, selftest
    from monitor.inference.recognise import Recogniser

    loaded = bundle.load(args.path)
    difference = selftest.check(Recogniser(loaded))
    whole = f"{len(loaded.files)} files are whole"
    print(f"{loaded.model_id}: {whole}; scores as where it was made, within {difference:.1g}")
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
