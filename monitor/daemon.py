"""The core process: opens every stage, starts the loop, closes everything; nobody else knows all stages."""

from __future__ import annotations

import itertools
import logging
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from monitor.array import Array
from monitor.audio.cards import read_cards
from monitor.audio.devices import steadier
from monitor.audio.replay import Replay
from monitor.audio.soundcard import SoundCard
from monitor.audio.sources import ArraySource
from monitor.config import ConfigError, Settings, slug
from monitor.core import Core
from monitor.errors import Exit, safe
from monitor.inference import bundle as bundles
from monitor.inference.recognise import Recogniser
from monitor.notify import Notifier
from monitor.outlet import Sink
from monitor.stream.doorbell import Doorbell
from monitor.stream.journal import Journal, default_path
from monitor.stream.journal_format import JournalError

log = logging.getLogger(__name__)

NOTHING = "nothing to monitor: give --device (`activity-monitor devices` lists them) or --replay"


def run(settings: Settings, sinks: Sequence[Sink], stop: threading.Event) -> None:
    """Monitor until all audio has ended or `stop` is set.

    Raises:
        MonitorError: nothing can be monitored, or an array's audio could not be used to its end.
    """
    if not settings.device and not settings.replay:
        raise ConfigError(NOTHING, Exit.USAGE)
    with ExitStack() as stack:
        bundle = bundles.load(settings.bundle)
        recogniser = Recogniser(bundle, settings.threads, settings.provider)
        arrays = _arrays(settings, bundle.manifest.sample_rate, stack)
        journal = stack.enter_context(closing(open_journal(settings, stack)))
        doorbell = None
        if settings.publish != "none":
            doorbell = Doorbell(journal.path, settings.publish, journal.last_seq, settings.keys)
            stack.callback(doorbell.close)
            log.info("publishing on %s", settings.publish)
        if bundle.manifest.notice:
            log.warning("bundle %s: %s", bundle.manifest.name, bundle.manifest.notice)
        notifier = stack.enter_context(closing(Notifier(bundle.manifest.window_seconds)))
        if settings.metrics is not None:
            from monitor.metrics import Metrics

            sinks = [*sinks, stack.enter_context(closing(Metrics(settings.metrics)))]
            log.info("metrics on http://127.0.0.1:%d/metrics", settings.metrics)
        core = Core(
            settings,
            recogniser=recogniser,
            arrays=arrays,
            journal=journal,
            doorbell=doorbell,
            sinks=[*sinks, notifier],
        )
        core.run(stop)
    errors = [array.error for array in arrays if array.error]
    if errors:
        raise errors[0]


def _arrays(settings: Settings, sample_rate: int, stack: ExitStack) -> list[Array]:
    """Open every array; `stack` closes them."""
    wanted = [*settings.device, *settings.replay]
    if len(settings.name) > len(wanted):
        raise ConfigError(f"more names ({len(settings.name)}) than arrays ({len(wanted)})", Exit.USAGE)
    if len(set(settings.name)) < len(settings.name):
        raise ConfigError(f"two arrays cannot have the same name: {', '.join(settings.name)}", Exit.USAGE)
    usual = [slug(device) for device in settings.device] + [slug(Path(path).stem) for path in settings.replay]
    arrays: list[Array] = []
    for number, text in enumerate(wanted):
        live = number < len(settings.device)
        source = sound_card(settings, text, sample_rate) if live else replayed(settings, text, sample_rate)
        stack.callback(source.close)
        name = settings.name[number] if number < len(settings.name) else usual[number]
        arrays.append(Array(_free(name, {array.name for array in arrays}, number + 1), source, live))
    return arrays


def _free(name: str, taken: set[str], number: int) -> str:
    numbered = (f"{name}-{count}" for count in itertools.count(number))
    return next(each for each in itertools.chain([name], numbered) if each not in taken)


def sound_card(settings: Settings, device: str, sample_rate: int) -> ArraySource:
    """Open a card as a run does, and say what it is better called."""
    card = SoundCard(device, sample_rate, settings.channel_count, settings.channel_map)
    if better := steadier(device, read_cards()):
        log.warning("%s may be another card after a reboot; %s stays this one", safe(device), better)
    return card


def replayed(settings: Settings, path: str, sample_rate: int) -> Replay:
    """Open files as a run does."""
    return Replay(
        Path(path),
        sample_rate,
        settings.channel_count,
        channel_map=settings.channel_map,
        mono_to_all=settings.mono_to_all,
        speed=settings.speed,
        loop=settings.loop,
    )


def open_journal(settings: Settings, stack: ExitStack) -> Journal:
    """The journal of a run; a replay's own is temporary, and `stack` removes it."""
    journal = partial(Journal, days=settings.journal_days, megabytes=settings.journal_mb)
    if settings.journal is None and not settings.device:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="activity-monitor-"))
        except OSError as exc:
            raise JournalError(f"no room for a temporary journal ({exc.strerror}); choose --journal") from exc
        return journal(Path(folder) / "journal.sqlite", durable=False)
    return journal(settings.journal or default_path())
