"""What each command of `activity-monitor` does with its arguments. Heavy imports stand inside."""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.config import SETTINGS, Settings, resolve
from monitor.errors import Exit, MonitorError, safe
from monitor.output import PROGRAM, TextLines, configure_logging, json_line, log_beside, view
from monitor.signals import stop_on_signals

if TYPE_CHECKING:
    from monitor.stream.messages import Message
    from monitor.stream.subscriber import Subscription

WAIT_SECONDS = 3.0
"""After so long without any message a subscriber is told that there may be no daemon"""

log = logging.getLogger(PROGRAM)


def _settings(args: argparse.Namespace) -> Settings:
    return resolve({key: value for key, value in vars(args).items() if key in SETTINGS}, args.config)


def run(args: argparse.Namespace) -> int:
    """Monitor, and show what is heard."""
    settings = _settings(args)
    with stop_on_signals() as stop, view(settings) as sink:
        from monitor import daemon

        daemon.run(settings, [sink], stop)
    return Exit.OK


def devices(args: argparse.Namespace) -> int:
    """List sound cards."""
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


def check(args: argparse.Namespace) -> int:
    """Try what a run would use."""
    from monitor import preflight

    configure_logging("warning", "text")
    problems = []
    for finding in preflight.check(_settings(args)):
        print(f"{'PROBLEM' if finding.exit_code else 'ok':<8} {finding.part}: {safe(finding.text, 2000)}")
        problems += [finding.exit_code] * bool(finding.exit_code)
    return problems[0] if problems else Exit.OK


def dashboard(args: argparse.Namespace) -> int:
    """Draw what a daemon hears."""
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


def subscribe(args: argparse.Namespace) -> int:
    """Print the messages of a daemon."""
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


def _messages(subscription: Subscription, tick: float) -> Iterator[Message | None]:
    """Messages for ever, and None after `tick` seconds without one."""
    while True:
        yield subscription.receive(tick)


def homeassistant(args: argparse.Namespace) -> int:
    """Hand messages to Home Assistant, for ever."""
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


def timeline(args: argparse.Namespace) -> int:
    """Draw the past."""
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


def keys_init(args: argparse.Namespace) -> int:
    """Make the daemon's key."""
    from monitor.stream import keys

    folder = _keys_folder(args)
    keys.init(folder)
    print(f"made {safe(str(folder))}: run the monitor with --keys {safe(str(folder))}")
    return Exit.OK


def keys_add(args: argparse.Namespace) -> int:
    """Let a client in."""
    from monitor.stream import keys

    file = Path(f"{args.client}.key_secret")
    keys.add(_keys_folder(args), args.client, file)
    print(
        f"made {file}, all that {args.client} needs: move it there, where only its user can read it, for "
        f"activity-monitor subscribe --connect tcp://THIS-MACHINE:5556 --key {file}"
    )
    return Exit.OK


def keys_revoke(args: argparse.Namespace) -> int:
    """Let a client in no more."""
    from monitor.stream import keys

    keys.revoke(_keys_folder(args), args.client)
    print(f"{args.client} may not listen any more")
    return Exit.OK


def keys_list(args: argparse.Namespace) -> int:
    """Name the clients."""
    from monitor.stream import keys

    for name in keys.load(_keys_folder(args)).clients.values():
        print(name)
    return Exit.OK


def bundle_show(args: argparse.Namespace) -> int:
    """Print what a bundle holds."""
    from monitor.inference import bundle, cost
    from monitor.inference.recognise import Recogniser
    from monitor.views.inventory import show

    loaded = bundle.load(args.path)
    show(loaded, cost.measure(Recogniser(loaded)))
    return Exit.OK


def bundle_verify(args: argparse.Namespace) -> int:
    """Check a bundle."""
    from monitor.inference import bundle, selftest
    from monitor.inference.recognise import Recogniser

    loaded = bundle.load(args.path)
    difference = selftest.check(Recogniser(loaded))
    whole = f"{len(loaded.files)} files are whole"
    print(f"{loaded.model_id}: {whole}; scores as where it was made, within {difference:.1g}")
    return Exit.OK
