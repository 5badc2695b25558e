"""Publisher, doorbell and client, over real sockets and processes."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import zmq

from monitor.errors import Exit, MonitorError
from monitor.stream import doorbell
from monitor.stream.doorbell import Doorbell
from monitor.stream.journal import Journal
from monitor.stream.journal_format import Entry
from monitor.stream.messages import Message, catch_up_endpoint, from_bytes, to_bytes, topic
from monitor.stream.subscriber import Subscription, subscribe
from tests.toys import MOMENT, gap_message, health_message, label_message

LIMIT = 60
"""Seconds for anything to happen"""


class Stream:
    """A journal with its publisher, as the core uses them."""

    def __init__(self, path: Path, endpoint: str) -> None:
        self.endpoint = endpoint
        self.journal = Journal(path, durable=False)
        self.doorbell = Doorbell(path, endpoint, self.journal.last_seq)

    def send(self, *messages: Message) -> None:
        """Append and ring."""
        for message in messages:
            self.journal.append(message)
            self.doorbell.ring()

    def supervise(self, seconds: float) -> None:
        """What the core's loop does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.doorbell.supervise()
            time.sleep(0.05)

    def close(self) -> None:
        """End the publisher."""
        self.doorbell.close()
        self.journal.close()


@pytest.fixture
def stream(tmp_path: Path, endpoint: str) -> Iterator[Stream]:
    """A running publisher."""
    with closing(Stream(tmp_path / "journal.sqlite", endpoint)) as stream:
        yield stream


def seqs(subscription: Subscription, last: int, timeout: float = LIMIT) -> list[int]:
    """Numbers received until `last`."""
    received: list[int] = []
    deadline = time.monotonic() + timeout
    while (not received or received[-1] < last) and time.monotonic() < deadline:
        message = subscription.receive(0.2)
        if message is not None:
            received.append(message.seq)
    return received


def wait_until_published(stream: Stream, seq: int) -> None:
    """Until the publisher, a process of its own, has sent everything up to `seq`."""
    with subscribe(stream.endpoint) as subscription:
        while (message := subscription.receive(LIMIT)) and message.seq < seq:
            pass


def test_frames_on_the_wire(stream: Stream) -> None:
    """Two frames, topic and JSON; a subscription to one type of one array gets nothing else."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context.socket(zmq.SUB) as socket:
        socket.connect(stream.endpoint)
        socket.set(zmq.SUBSCRIBE, b"activity/attic/kitchen/gap/")
        time.sleep(0.3)
        stream.send(label_message(1), gap_message(2, array="kitchen2"), gap_message(3))
        assert socket.poll(1000 * LIMIT)
        name, body = socket.recv_multipart()
    context.destroy()
    assert name == b"activity/attic/kitchen/gap/"
    assert from_bytes(body) == gap_message(3)


def test_a_late_joiner_gets_the_last_label_and_health_of_each_array(stream: Stream) -> None:
    """At once, and without asking."""
    stream.send(label_message(1), label_message(2), health_message(3), gap_message(4))
    stream.send(label_message(5, array="hall"))
    wait_until_published(stream, 5)
    with subscribe(stream.endpoint, types={"label", "health"}) as subscription:
        received = [subscription.receive(LIMIT) for _ in range(3)]
    assert received == [label_message(2), health_message(3), label_message(5, array="hall")]


def test_an_array_long_silent_does_not_bring_its_past(stream: Stream) -> None:
    """Its last values are old, and what came after them was not asked for."""
    stream.send(label_message(1, array="hall"), *(label_message(seq) for seq in range(2, 301)))
    wait_until_published(stream, 300)
    with subscribe(stream.endpoint) as subscription:
        assert seqs(subscription, 300) == [1, 300]
        stream.send(*(label_message(seq) for seq in range(301, 401)))
        assert seqs(subscription, 400) == list(range(301, 401))


def test_since_gives_the_past_and_goes_on_live(stream: Stream) -> None:
    """The client joins journal and live stream without a hole and without a double."""
    stream.send(*(label_message(seq) for seq in range(1, 2501)))
    with subscribe(stream.endpoint, since=MOMENT) as subscription:
        stream.send(*(label_message(seq) for seq in range(2501, 2601)))
        assert seqs(subscription, 2600) == list(range(1, 2601))


def test_the_past_is_not_loaded_at_once(stream: Stream) -> None:
    """It is asked for piece by piece, as it is read; the live stream waits meanwhile."""
    stream.send(*(label_message(seq) for seq in range(1, 5001)))
    with subscribe(stream.endpoint, since=MOMENT) as subscription:
        assert subscription.receive(LIMIT) == label_message(1)
        assert subscription._seq == 1
        stream.send(label_message(5001))
        assert seqs(subscription, 5001) == list(range(2, 5002))


def test_after_goes_on_where_somebody_stopped(stream: Stream) -> None:
    """The last label and health are not told again."""
    stream.send(*(label_message(seq) for seq in range(1, 21)), health_message(21))
    wait_until_published(stream, 21)
    with subscribe(stream.endpoint, after=15) as subscription:
        assert seqs(subscription, 21) == list(range(16, 22))
    with subscribe(stream.endpoint, after=21) as subscription:
        assert subscription.receive(0.5) is None
        stream.send(label_message(22))
        assert subscription.receive(LIMIT) == label_message(22)


def test_a_publisher_killed_while_it_is_asked_is_asked_again(stream: Stream) -> None:
    """The past goes on where the answer broke off."""
    stream.send(*(label_message(seq) for seq in range(1, 3001)))
    with subscribe(stream.endpoint, since=MOMENT) as subscription:
        assert subscription.receive(LIMIT) == label_message(1)
        stream.doorbell._process.kill()
        stream.doorbell._process.wait()
        stream.supervise(0.1)
        assert seqs(subscription, 3000) == list(range(2, 3001))


def test_what_the_journal_does_not_have_is_said_to_be_lost(
    stream: Stream, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as what it dropped because it was too old, or could not store."""
    stream.send(label_message(1))
    with subscribe(stream.endpoint, since=MOMENT) as subscription:
        assert seqs(subscription, 1) == [1]
        stream.send(label_message(5), label_message(6))
        assert seqs(subscription, 6) == [5, 6]
    assert caplog.messages == ["messages 2 to 4 are lost: the journal does not have them"]


def test_a_message_that_could_not_be_stored_is_published(stream: Stream) -> None:
    """It goes to the publisher directly, and what is stored later comes after it."""
    with subscribe(stream.endpoint, since=MOMENT) as subscription:
        stream.send(label_message(1))
        assert seqs(subscription, 1) == [1]
        body = to_bytes(label_message(2, array="hall"))
        stream.doorbell.ring(Entry(2, topic(label_message(2, array="hall")), body))
        assert subscription.receive(LIMIT) == label_message(2, array="hall")
        stream.send(label_message(3))
        assert subscription.receive(LIMIT) == label_message(3)


def test_a_damaged_part_of_the_journal_ends_nothing(stream: Stream) -> None:
    """Whoever asks for it is told; the rest is served, live and from the past."""
    stream.send(*(label_message(seq) for seq in range(1, 11)))
    wait_until_published(stream, 10)
    stream.journal._database.execute("UPDATE messages SET body = x'ff' WHERE seq = 5")
    ((kind, text),) = ask(stream.endpoint, b'{"after_seq": 0}')
    assert kind == b"error"
    assert b"journal.sqlite: Error -3 while decompressing" in text
    assert len(ask(stream.endpoint, b'{"after_seq": 6}')[0]) == 1 + 4
    with subscribe(stream.endpoint) as subscription:
        stream.send(label_message(11))
        assert seqs(subscription, 11)[-1] == 11


def test_since_now_gives_nothing_old(stream: Stream) -> None:
    """The journal is asked for what is newer than the moment."""
    stream.send(label_message(1), gap_message(2))
    with subscribe(stream.endpoint, since=MOMENT + timedelta(days=1), types={"gap"}) as subscription:
        assert subscription.receive(0.5) is None
        stream.send(gap_message(3))
        assert subscription.receive(LIMIT) == gap_message(3)


def test_a_killed_publisher_loses_nothing(stream: Stream) -> None:
    """It is replaced, and the client fetches what was published meanwhile: every number once."""
    with subscribe(stream.endpoint, since=MOMENT) as subscription:
        stream.send(*(label_message(seq) for seq in range(1, 11)))
        assert seqs(subscription, 10) == list(range(1, 11))
        for first in (11, 21):
            stream.doorbell._process.kill()
            stream.doorbell._process.wait()
            stream.send(*(label_message(seq) for seq in range(first, first + 9)))
            stream.supervise(2.0)
            stream.send(label_message(first + 9))
            assert seqs(subscription, first + 9) == list(range(first, first + 10))


def test_a_frozen_publisher_is_replaced(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was rung for in vain reaches the client from its successor and the journal."""
    monkeypatch.setattr(doorbell, "ANSWER_LIMIT", 1.0)
    with subscribe(stream.endpoint, since=MOMENT) as subscription:
        stream.send(label_message(1))
        assert seqs(subscription, 1) == [1]
        while stream.doorbell._unanswered:
            stream.supervise(0.05)
        frozen = stream.doorbell._process
        frozen.send_signal(signal.SIGSTOP)
        stream.send(label_message(2))
        deadline = time.monotonic() + LIMIT
        while stream.doorbell._process is frozen and time.monotonic() < deadline:
            stream.supervise(0.1)
        assert frozen.poll() == -signal.SIGKILL
        stream.send(label_message(3))
        assert seqs(subscription, 3) == [2, 3]


def test_a_publisher_that_answers_stays(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often and however seldom it is rung."""
    monkeypatch.setattr(doorbell, "ANSWER_LIMIT", 1.0)
    first = stream.doorbell._process
    for seq in range(1, 2001):
        stream.send(label_message(seq))
    stream.supervise(1.5)
    assert stream.doorbell._process is first


def test_a_slow_subscriber_misses_nothing(stream: Stream) -> None:
    """What overflows its queue is fetched from the journal."""
    with subscribe(stream.endpoint) as subscription:
        stream.send(label_message(1))
        assert subscription.receive(LIMIT) == label_message(1)
        stream.send(*(label_message(seq) for seq in range(2, 15_001)))
        time.sleep(0.5)
        stream.send(label_message(15_001))
        received = seqs(subscription, 15_001, timeout=60.0)
    assert received == list(range(2, 15_002))


def test_a_new_daemon_with_a_new_journal_starts_over(tmp_path: Path, endpoint: str) -> None:
    """A client that outlives a replay follows the next one, whose numbers begin at 1 again."""
    with subscribe(endpoint) as subscription:
        for boot in ("one", "two"):
            with closing(Stream(tmp_path / boot, endpoint)) as stream:
                stream.send(*(label_message(seq, boot_id=boot) for seq in (1, 2, 3)))
                received = [subscription.receive(LIMIT)]
                while received[-1] is not None and received[-1].seq < 3:
                    received.append(subscription.receive(LIMIT))
                assert {message.boot_id for message in received if message} == {boot}


def test_nothing_of_a_new_daemon_is_missed(tmp_path: Path, endpoint: str) -> None:
    """What it published before the client had found it comes from its journal."""
    with subscribe(endpoint, since=MOMENT) as subscription:
        for boot, count in (("one", 3), ("two", 2)):
            with closing(Stream(tmp_path / boot, endpoint)) as stream:
                stream.send(*(label_message(seq, boot_id=boot) for seq in range(1, count + 1)))
                assert seqs(subscription, count) == list(range(1, count + 1))


def test_a_client_that_was_there_first_gets_the_past(tmp_path: Path, endpoint: str) -> None:
    """`since` holds for a daemon that is started later, too."""
    subscription = subscribe(endpoint, since=MOMENT)
    with subscription, closing(Stream(tmp_path / "journal", endpoint)) as stream:
        stream.send(gap_message(1), gap_message(2), label_message(3))
        assert seqs(subscription, 3) == [1, 2, 3]


@pytest.mark.parametrize("text", ["foo", "tcp://127.0.0.1", "tcp://127.0.0.1:port", "ipc://", ""])
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    """In words, and with the exit code of a usage error."""
    with pytest.raises(MonitorError, match="is no endpoint such as") as error:
        subscribe(text)
    assert error.value.exit_code == Exit.USAGE


def ask(endpoint: str, request: bytes) -> list[list[bytes]]:
    """All replies to a raw catch-up request."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    replies = []
    with context.socket(zmq.DEALER) as socket:
        socket.set(zmq.LINGER, 0)
        socket.connect(catch_up_endpoint(endpoint))
        socket.send(request)
        while socket.poll(1000 * LIMIT):
            replies.append(socket.recv_multipart())
            if replies[-1][0] != b"messages":
                break
    context.destroy()
    return replies


@contextmanager
def stranger(endpoint: str, tail: bytes) -> Iterator[None]:
    """Some other program that answers every catch-up request."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context.socket(zmq.ROUTER) as socket, ThreadPoolExecutor() as threads:
        socket.bind(catch_up_endpoint(endpoint))
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                if socket.poll(50):
                    client, *_ = socket.recv_multipart()
                    socket.send_multipart([client, b"end", tail])

        served = threads.submit(serve)
        yield
        over.set()
        served.result()
    context.destroy(linger=0)


@pytest.mark.parametrize(
    "tail",
    [b"", b"[]", b"{}", b'{"last_seq": "all", "more": 0}', b'{"last_seq": 1e400, "more": 0}', b"[" * 9999],
)
def test_a_bad_answer_is_none(endpoint: str, caplog: pytest.LogCaptureFixture, tail: bytes) -> None:
    """Whoever answers in place of the daemon: the client says that messages may be missing, and goes on."""
    with stranger(endpoint, tail), subscribe(endpoint, after=0) as subscription:
        assert subscription.receive(0.0) is None
    assert caplog.messages == [f"no answer from {catch_up_endpoint(endpoint)}; messages may be missing"]


def test_catch_up_comes_in_bounded_pieces(stream: Stream) -> None:
    """At most 100 messages in a reply, at most 1000 for a request, and it says whether there are more."""
    stream.send(*(label_message(seq) for seq in range(1, 1201)))
    *pieces, (end, tail) = ask(stream.endpoint, b'{"after_seq": 10}')
    assert [len(piece) - 1 for piece in pieces] == [100] * 10
    assert (end, json.loads(tail)) == (b"end", {"last_seq": 1010, "more": True})
    *pieces, (_, tail) = ask(stream.endpoint, b'{"after_seq": 1100, "limit": 60, "types": ["label"]}')
    assert [len(piece) - 1 for piece in pieces] == [60]
    assert json.loads(tail) == {"last_seq": 1160, "more": True}
    assert ask(stream.endpoint, b'{"after_seq": 5, "types": ["gap"]}') == [
        [b"end", b'{"last_seq": 1005, "more": true}']
    ]


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"text",
        b"[]",
        b"{}",
        b'{"after_seq": "many"}',
        b'{"after_seq": 1e400}',
        b'{"after_seq": null}',
        b'{"since": "yesterday"}',
        b'{"since": 5}',
        b'{"after_seq": 1, "types": 7}',
        b"[" * 3000,
        b"\xff\xfe",
        b'{"after_seq": ' + b"9" * 4000 + b"e}",
        b'{"after_seq": 1, "types": [["label"]]}',
        b'{"after_seq": 1, "limit": "all"}',
        b'{"since": "' + b"x" * 4000 + b'"}',
    ],
)
def test_a_bad_request_is_answered_and_harmless(stream: Stream, request_: bytes) -> None:
    """The client is told, and the next one is served."""
    stream.send(label_message(1))
    assert ask(stream.endpoint, request_) == [[b"error", b"bad request"]]
    assert ask(stream.endpoint, b'{"after_seq": -5}')[-1] == [b"end", b'{"last_seq": 1, "more": false}']


def test_an_endpoint_in_use_is_named(stream: Stream, tmp_path: Path) -> None:
    """A second daemon is told which endpoint is taken, with exit code 69."""
    Journal(tmp_path / "other.sqlite").close()
    with pytest.raises(MonitorError, match="is in use: another daemon may be running") as error:
        Doorbell(tmp_path / "other.sqlite", stream.endpoint, 0)
    assert error.value.exit_code == Exit.UNAVAILABLE


def test_ipc_endpoints(tmp_path: Path) -> None:
    """A socket in the file system serves as well, and a second daemon does not take it over."""
    endpoint = f"ipc://{tmp_path}/stream"
    with (
        closing(Stream(tmp_path / "journal.sqlite", endpoint)) as stream,
        subscribe(endpoint) as subscription,
    ):
        time.sleep(0.3)
        stream.send(label_message(1))
        assert subscription.receive(LIMIT) == label_message(1)
        with pytest.raises(MonitorError, match="is in use: another daemon may be running"):
            Doorbell(tmp_path / "journal.sqlite", endpoint, 0)
