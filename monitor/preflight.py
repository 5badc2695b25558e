"""Would a run work here? Every part is tried; one that fails does not hide the next."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from monitor.audio.health import Health, levels_dbfs
from monitor.audio.soundcard import START_LIMIT
from monitor.audio.sources import ArraySource, SourceError
from monitor.audio.windows import Window, windows
from monitor.config import Settings
from monitor.daemon import NOTHING, open_journal, replayed, sound_card
from monitor.errors import Exit, MonitorError, safe
from monitor.inference import bundle as bundles
from monitor.inference import selftest
from monitor.inference.recognise import Recogniser
from monitor.stream.doorbell import Doorbell
from monitor.stream.journal import Journal
from monitor.stream.messages import SILENT_DBFS

HEARD_SECONDS = 3
"""A microphone's fault shows in as many windows of a second, see `health.DECLARE`"""
USUAL_RATE = 16000
"""Hertz, for listening where no bundle says it"""


@dataclass(frozen=True)
class Finding:
    """One part of a run."""

    part: str
    text: str
    """What was found, or what is wrong and how to mend it"""
    exit_code: Exit = Exit.OK
    """What a run would end with"""


def check(settings: Settings) -> Iterator[Finding]:
    """Try bundle, arrays, journal and endpoint of a run, as it would use them. Takes some seconds."""
    rate = USUAL_RATE
    try:
        bundle = bundles.load(settings.bundle)
        rate = bundle.manifest.sample_rate
    except MonitorError as exc:
        yield Finding("bundle", str(exc), exc.exit_code)
    else:
        yield _tried("bundle", _bundle, bundle, settings)
    if not settings.device and not settings.replay:
        yield Finding("array", NOTHING, Exit.USAGE)
    for device in settings.device:
        yield _tried(f"device {safe(device)}", _device, settings, device, rate)
    for path in settings.replay:
        yield _tried(f"replay {safe(path)}", _replay, settings, path, rate)
    yield _tried("journal", _journal, settings)
    if settings.publish != "none":
        yield _tried("publish", _publish, settings)


def _tried(part: str, attempt: Callable[..., str], *arguments: Any) -> Finding:
    try:
        return Finding(part, attempt(*arguments))
    except MonitorError as exc:
        return Finding(part, str(exc), exc.exit_code)


def _bundle(bundle: bundles.Bundle, settings: Settings) -> str:
    recogniser = Recogniser(bundle, settings.threads, settings.provider)
    manifest = bundle.manifest
    if manifest.self_test:
        selftest.check(recogniser)
    return (
        f"{bundle.model_id}, windows of {manifest.window_seconds:g} s at {manifest.sample_rate} Hz, "
        f"{len(manifest.labels)} labels"
    )


def _device(settings: Settings, device: str, rate: int) -> str:
    with closing(sound_card(settings, device, rate)) as source:
        silenced = threading.Timer(START_LIMIT, source.close)
        silenced.start()
        try:
            return _heard(source)
        finally:
            silenced.cancel()


def _heard(source: ArraySource) -> str:
    """The levels of an array's microphones.

    Raises:
        SourceError: no audio comes (exit code 69), or it cannot be recognised.
    """
    health = Health(source.sample_rate)
    heard = list(islice(windows(source.records(), source.sample_rate, source.sample_rate), HEARD_SECONDS))
    pieces = [piece for piece in heard if isinstance(piece, Window)]
    if len(pieces) < HEARD_SECONDS:
        reasons = {piece.reason.replace("_", " ") for piece in heard if not isinstance(piece, Window)}
        reason = " and ".join(sorted(reasons)) or f"nothing in {START_LIMIT:g} s"
        raise SourceError(f"it opens, but its audio does not arrive: {reason}", Exit.UNAVAILABLE)
    for piece in pieces:
        faults = health.update(piece.samples, piece.start)
    levels = levels_dbfs(pieces[-1].samples)
    if (levels == SILENT_DBFS).all():
        raise SourceError("only zeros arrive; is it muted?")
    if faults:
        named = ", ".join(f"microphone {k} is {fault.replace('_', ' ')}" for k, fault in faults.items())
        raise SourceError(f"{named}; a run would leave it out")
    return f"{source.channels} channels, levels {', '.join(f'{level:.0f}' for level in levels)} dBFS"


def _replay(settings: Settings, path: str, rate: int) -> str:
    with closing(replayed(settings, path, rate)) as source:
        return f"{len(source.files)} file{'s' * (len(source.files) > 1)} with {source.channels} channels"


def _journal(settings: Settings) -> str:
    with ExitStack() as stack:
        journal = stack.enter_context(closing(open_journal(settings, stack)))
        return f"{safe(str(journal.path))}, {journal.last_seq} messages so far"


def _publish(settings: Settings) -> str:
    with (
        tempfile.TemporaryDirectory(prefix="activity-monitor-") as folder,
        closing(Journal(Path(folder) / "journal.sqlite", durable=False)) as journal,
    ):
        Doorbell(journal.path, settings.publish, 0, settings.keys).close()
    return f"{settings.publish} is free{'' if settings.keys is None else ', and keys work'}"
