"""The client library: every message of a daemon, once and in order.

from monitor.stream.subscriber import subscribe

for message in subscribe("tcp://127.0.0.1:5556"):
    print(message)
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Generator, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import zmq

from monitor.errors import Exit, MonitorError, safe
from monitor.stream.connection import Connector, Live
from monitor.stream.messages import LAST_VALUES, Message, MessageError, catch_up_endpoint, from_bytes

log = logging.getLogger(__name__)

REPLY_TIMEOUT_MS = 2000
ATTEMPTS = 15
"""Requests without an answer until a hole is left: half a minute, in which a publisher that a flood ends
again and again has been replaced"""
NEVER = datetime.max.replace(tzinfo=UTC)
"""Nothing is published after it, so asking for that gives only the journal's last number"""


class Subscription:
    """Live messages, joined with those of the journal wherever some were missed.

    Args:
        endpoint: of the daemon's live stream.
        since: begin with what was published since then; the default is now. The last label and health of each
            array come in any case.
        after: begin with what comes after the message of this `seq`, the last that was dealt with; instead of
            `since`.
        types: message types wanted, such as `{"label"}`; all by default.
        key: file that `activity-monitor keys add` made, if the daemon has keys.

    Raises:
        MonitorError: exit code 2 if the endpoint is none, 77 or 78 if the key cannot be used.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        since: datetime | None = None,
        after: int | None = None,
        types: Iterable[str] | None = None,
        key: Path | None = None,
    ) -> None:
        self._connector = Connector(endpoint, key)
        self._types = None if types is None else frozenset(types)
        self._endpoint = endpoint
        try:
            catch_up_endpoint(endpoint)
            self._live = Live(self._connector)
        except (ValueError, zmq.ZMQError) as exc:
            self.close()
            raise MonitorError(
                f"{safe(endpoint)} is no endpoint such as tcp://127.0.0.1:5556 or ipc:///PATH", Exit.USAGE
            ) from exc
        self.heard = False
        """Whether there was any message yet, of whatever type"""
        self._boot_id = ""
        self._published = NEVER  # the last message
        self._since = since or NEVER
        self._seq = after  # up to here everything wanted was handed out, last values apart
        self._dealt_with = after or 0
        self._told: dict[tuple[str, str, str], int] = {}  # node, array and type -> newest `seq`
        self._deadline: float | None = None
        self._joined = self._join(past=since is not None or after is not None)

    @property
    def refusal(self) -> str:
        """Why the daemon does not let us in; empty if it does, or cannot be reached."""
        return self._live.refusal

    def receive(self, timeout: float | None = None) -> Message | None:
        """The next message, or None if `timeout` seconds passed without one."""
        self._deadline = None if timeout is None else time.monotonic() + timeout
        return next(self._joined)

    def __iter__(self) -> Iterator[Message]:
        while True:
            message = self.receive()
            if message is not None:
                yield message

    def close(self) -> None:
        """Disconnect."""
        self._connector.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _join(self, *, past: bool) -> Iterator[Message | None]:
        """Live messages for ever, each after what was missed before it; None whenever the time is up.

        Subscribed first, then asked for the past, so that nothing is missed between the two. What does not
        fit into the queue of the live stream meanwhile is a hole like any other.
        """
        if past:
            yield from self._missed(1)  # there may be no daemon yet; the first live message asks again
        while True:
            message = self._next_live()
            if message is None:
                yield None
                continue
            self.heard = True
            if self._is_of_another_journal(message):  # of a new replay, say
                self._seq, self._dealt_with, self._since, self._told = None, 0, self._published, {}
            if (
                self._seq is None or message.seq > self._seq + 1
            ):  # a last value may be older than the journal's end
                yield from self._missed(1 if self._seq is None else ATTEMPTS)
            yield from self._new(message)

    def _next_live(self) -> Message | None:
        """The next message, or None if the time is up."""
        while True:
            left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
            body = self._live.receive(left)
            if body is None:
                return None
            if message := _parsed(body):
                return message

    def _is_of_another_journal(self, message: Message) -> bool:
        behind = self._seq is not None and message.seq <= self._seq
        return behind and self._boot_id not in ("", message.boot_id)

    def _new(self, message: Message) -> Iterator[Message]:
        """The message, if it was not handed out before and is wanted."""
        kind = (message.node, message.array, message.type)
        if message.seq <= max(self._dealt_with, self._told.get(kind, 0)):
            return  # seen before: last values are sent to everybody when somebody subscribes
        if message.seq <= (self._seq or 0) and message.type not in LAST_VALUES:
            return  # on its way when the journal was asked for what is newer
        if self._seq is not None and message.seq > self._seq + 1:
            lost = f"{self._seq + 1} to {message.seq - 1}"
            log.warning("messages %s are lost: the journal does not have them", lost)
        self._told[kind] = message.seq
        self._boot_id, self._published = message.boot_id, message.published
        self._seq = max(self._seq or 0, message.seq)
        if self._types is None or message.type in self._types:
            yield message

    def _missed(self, attempts: int) -> Iterator[Message]:
        """What the journal has; if it does not answer, the live stream goes on with a hole."""
        for _ in range(attempts):
            if (yield from self._answered()) or self._live.is_refused():
                return
        log.warning("no answer from %s; messages may be missing", catch_up_endpoint(self._endpoint))

    def _answered(self) -> Generator[Message, None, bool]:
        """Ask for everything from here on; whether it came to the end."""
        socket = self._connector.socket(zmq.DEALER)
        socket.connect(catch_up_endpoint(self._endpoint))
        try:
            socket.send(self._request(), zmq.NOBLOCK)
            while socket.poll(REPLY_TIMEOUT_MS):
                kind, *parts = socket.recv_multipart()
                if kind == b"messages":
                    for body in parts:
                        if message := _parsed(body):
                            yield from self._new(message)
                    continue
                if kind != b"end":
                    break
                try:
                    end = json.loads(parts[0])
                    last, more = int(end["last_seq"]), bool(end["more"])
                except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
                    break  # of some other program
                self._seq = max(self._seq or 0, last)
                if not more:
                    return True
                socket.send(self._request(), zmq.NOBLOCK)
        except zmq.Again:  # refused meanwhile: libzmq would wait for ever
            pass
        finally:
            socket.close(linger=0)
        return False

    def _request(self) -> bytes:
        wanted = {"since": self._since.isoformat()} if self._seq is None else {"after_seq": self._seq}
        return json.dumps(wanted).encode()


def _parsed(body: bytes) -> Message | None:
    try:
        return from_bytes(body)
    except MessageError as exc:  # from a newer daemon, say
        log.warning("ignored: %s", exc)
        return None


def subscribe(
    endpoint: str,
    *,
    since: datetime | None = None,
    after: int | None = None,
    types: Iterable[str] | None = None,
    key: Path | None = None,
) -> Subscription:
    """Subscribe to a daemon; iterate over the result, for ever.

    Args:
        endpoint: such as `tcp://127.0.0.1:5556`.
        since: begin with what was published since then; the default is now.
        after: begin with what comes after the message of this `seq`, the last that was dealt with.
        types: message types wanted, such as `{"label"}`; all by default.
        key: file that `activity-monitor keys add` made, if the daemon has keys.
    """
    return Subscription(endpoint, since=since, after=after, types=types, key=key)
