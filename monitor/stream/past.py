"""What was published lately: out of a journal, or from the daemon that writes it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.errors import Exit, MonitorError, safe
from monitor.stream.journal_reader import JournalReader
from monitor.stream.messages import Message, from_bytes
from monitor.stream.subscriber import Subscription

AT_ONCE = 1000
"""Messages that are read from the journal at a time"""
TICK = 0.2
"""Seconds without a message after which the past is told"""
WAIT_SECONDS = 5.0
"""After so long without any message there is no daemon"""


def of_journal(path: Path, age: timedelta, types: set[str]) -> Iterator[Message]:
    """Messages of the last `age` before the newest one, in order; a daemon may write meanwhile.

    Args:
        path: of the journal.
        age: before the newest message.
        types: message types wanted, such as `{"label"}`.

    Raises:
        MonitorError: exit code 66 if there is no such file; if it is no journal, 74.
    """
    try:
        path.stat()
    except OSError as exc:
        raise MonitorError(f"journal {safe(str(path))}: {exc.strerror}", Exit.NO_INPUT) from exc
    reader = JournalReader(path)
    last = reader.last_seq()
    for newest in reader.after(last - 1, 1):
        seq = reader.seq_before(from_bytes(newest.body).published - age)
        while seq < last and (entries := reader.after(seq, AT_ONCE)):  # not what comes meanwhile, for ever
            seq = entries[-1].seq
            for entry in entries:
                if entry.topic.split(b"/")[3].decode() in types:
                    yield from_bytes(entry.body)


def of_daemon(subscription: Subscription, endpoint: str) -> Iterator[Message]:
    """What a subscription that begins in the past gives until now.

    Args:
        subscription: begun with `since`.
        endpoint: of the daemon, to be named when it is silent.

    Raises:
        MonitorError: exit code 69 if there is no daemon, 77 if it does not let us in.
    """
    now, deadline = datetime.now(UTC), time.monotonic() + WAIT_SECONDS
    told = False
    while True:
        message = subscription.receive(TICK)
        if message is not None:
            told = True
            yield message
        if told or subscription.heard:
            if message is None or message.published >= now:
                return
        elif subscription.refusal:
            raise MonitorError(subscription.refusal, Exit.NO_PERMISSION)
        elif time.monotonic() >= deadline:
            text = f"nothing heard from {safe(endpoint)}; start the monitor, or give --journal FILE"
            raise MonitorError(text, Exit.UNAVAILABLE)
