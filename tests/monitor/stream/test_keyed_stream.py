"""A publisher with keys, and its clients, over real sockets and processes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import zmq

from monitor.errors import Exit, MonitorError
from monitor.stream import connection, keys
from monitor.stream.messages import catch_up_endpoint
from monitor.stream.subscriber import subscribe
from tests.keyed import LIMIT, TICK, Stream
from tests.toys import MOMENT, label_message


@pytest.fixture
def stream(folder: Path, endpoint: str) -> Iterator[Stream]:
    """A running publisher with keys."""
    with closing(Stream(folder.parent, endpoint, folder)) as stream:
        yield stream


@pytest.fixture(autouse=True)
def log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], list[str]]]:
    """What was logged; who is refused tries again sooner than usual."""
    monkeypatch.setattr(connection, "RENEWAL_SECONDS", 0.2)
    with caplog.at_level(logging.WARNING):
        yield lambda: [record.getMessage() for record in caplog.records]


def anothers_key(folder: Path) -> Path:
    """A client's file for another daemon, with a key pair that is listed at ours."""
    keys.init(folder / "other")
    keys.add(folder / "other", "laptop", folder / "other.key_secret")
    public = folder / "other" / keys.CLIENTS / "laptop.key"
    (folder / "keys" / keys.CLIENTS / "other.key").write_bytes(public.read_bytes())
    return folder / "other.key_secret"


def strangers_key(folder: Path) -> Path:
    """A client's file of ours that was revoked."""
    keys.add(folder / "keys", "stranger", folder / "stranger.key_secret")
    keys.revoke(folder / "keys", "stranger")
    return folder / "stranger.key_secret"


def test_a_listed_client_gets_everything(stream: Stream) -> None:
    """Live and from the journal, once and in order."""
    for _ in range(5):
        stream.send()
    with subscribe(stream.endpoint, since=MOMENT, key=stream.key("laptop")) as subscription:
        received = [subscription.receive(LIMIT) for _ in range(5)]
        received += [(stream.send(), subscription.receive(LIMIT))[1] for _ in range(5)]
    assert received == [label_message(seq) for seq in range(1, 11)]


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (lambda _: None, ("wants a key", "it has no key")),
        (strangers_key, ("stranger.key_secret: it was never added there, or is", "its key was never added")),
        (anothers_key, ("other.key_secret is for another daemon", "it has the key of another daemon")),
    ],
)
def test_a_client_that_is_not_listed(
    folder: Path,
    endpoint: str,
    key: Callable[[Path], Path | None],
    told: tuple[str, str],
    log: Callable[[], list[str]],
) -> None:
    """Nothing of the stream or the journal; words at both ends, once; nothing changes for who is listed."""
    file, (words, logged) = key(folder.parent), told
    with (
        closing(Stream(folder.parent, endpoint, folder)) as stream,
        subscribe(endpoint, since=MOMENT, key=file) as refused,
        subscribe(endpoint, since=MOMENT, key=stream.key("laptop")) as listed,
    ):
        stream.hears(listed)
        stream.until(lambda: refused.receive(TICK) or (words in refused.refusal))
        stream.until(lambda: any(f"127.0.0.1 is refused: {logged}" in line for line in log()))
        for _ in range(3):
            stream.hears(listed)
        assert refused.receive(0.5) is None
        assert not refused.heard
    lines = log()
    assert sum(logged in line for line in lines) == 1
    assert 1 <= sum(words in line for line in lines) <= 2  # it may be known more exactly the second time
    assert not any("ended" in line for line in lines)


def test_what_a_stranger_asks_of_the_journal(stream: Stream) -> None:
    """No answer, not even an error."""
    stream.send()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context.socket(zmq.DEALER) as client:
        client.set(zmq.LINGER, 0)  # what it asks is never taken
        client.connect(catch_up_endpoint(stream.endpoint))
        client.send(b'{"after_seq": 0}')
        with subscribe(stream.endpoint, after=0, key=stream.key("laptop")) as subscription:
            assert subscription.receive(LIMIT) == label_message(1)
        assert not client.poll(500)
    context.term()


def test_a_revoked_client_is_cut_off(stream: Stream, log: Callable[[], list[str]]) -> None:
    """Though it is connected; the others miss nothing."""
    with (
        subscribe(stream.endpoint, after=0, key=stream.key("laptop")) as laptop,
        subscribe(stream.endpoint, after=0, key=stream.key("tablet")) as tablet,
    ):
        for client in (laptop, tablet):
            stream.hears(client)
        keys.revoke(stream.keys, "laptop")
        stream.until(lambda: any("the keys have changed" in line for line in log()))
        while laptop.receive(0.2):  # what was sent before
            pass
        last = laptop._seq or 0
        stream.until(lambda: "is revoked" in laptop.refusal or laptop.receive(TICK))
        numbers = []
        for _ in range(3):
            end = stream.send()
            while end not in numbers:
                numbers += [message.seq] if (message := tablet.receive(LIMIT)) else []
        assert numbers == list(range(numbers[0], end + 1))
        assert laptop.receive(0.5) is None
        assert laptop._seq == last


def test_a_key_that_is_added_later_works(stream: Stream, log: Callable[[], list[str]]) -> None:
    """Without starting the client again, and with all that it missed."""
    file = strangers_key(stream.keys.parent)
    listed = stream.keys / keys.CLIENTS / "laptop.key"
    with subscribe(stream.endpoint, after=0, key=file) as subscription:
        stream.until(lambda: "never added" in subscription.refusal or subscription.receive(TICK))
        stream.send()
        public, _ = keys._load(file)
        listed.with_name("friend.key").write_bytes(b'curve\n    public-key = "%s"\n' % public)
        stream.hears(subscription)
        assert subscription.refusal == ""
    assert sum("never added" in line for line in log()) == 2  # ours, and the publisher's


def test_a_daemon_without_keys_is_no_match_for_a_key(
    folder: Path, endpoint: str, log: Callable[[], list[str]]
) -> None:
    """A client with a key does not listen to just anybody; in words."""
    with (
        closing(Stream(folder.parent, endpoint, None)) as stream,
        subscribe(endpoint, key=folder.parent / "laptop.key_secret") as subscription,
    ):
        stream.until(lambda: subscription.receive(TICK) or "has no keys" in subscription.refusal)
        stream.send()
        assert subscription.receive(0.5) is None
    assert any("only without --key it is listened to" in line for line in log())


def test_a_forged_daemon_is_not_listened_to(stream: Stream, port: int) -> None:
    """It knows the client's public key, but not the daemon's secret one."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context.socket(zmq.XPUB) as forger:
        forger.curve_server = True
        forger.curve_secretkey = zmq.curve_keypair()[1]
        forger.bind(f"tcp://127.0.0.1:{port}")
        with subscribe(f"tcp://127.0.0.1:{port}", key=stream.key("laptop")) as subscription:
            stream.until(lambda: subscription.receive(TICK) or "another daemon" in subscription.refusal)
            assert not forger.poll(0)  # not even the subscription
    context.term()


def test_damaged_keys_let_nobody_in_until_they_are_mended(
    stream: Stream, log: Callable[[], list[str]]
) -> None:
    """The journal goes on meanwhile, and so nothing is missed."""
    server = stream.keys / keys.SERVER
    whole = server.read_bytes()
    with subscribe(stream.endpoint, after=0, key=stream.key("laptop")) as subscription:
        stream.hears(subscription)
        server.write_bytes(b"")
        stream.until(lambda: sum("is damaged" in line for line in log()) > 1)
        stream.send()
        assert subscription.receive(0.5) is None
        server.write_bytes(whole)
        stream.hears(subscription)


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.2", "[::1]"])  # noqa: S104 - with keys
def test_addresses(folder: Path, port: int, address: str, log: Callable[[], list[str]]) -> None:
    """Every address of this machine, some of them, and those of IPv6; a stranger is named by his."""
    bound = f"tcp://{address}:{port}"
    reached = address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    with (
        closing(Stream(folder.parent, bound, folder)) as stream,
        subscribe(f"tcp://{reached}:{port}", key=stream.key("laptop")) as subscription,
        subscribe(f"tcp://{reached}:{port}") as stranger,
    ):
        stream.hears(subscription)
        named = r"::1 is refused" if ":" in reached else "127.0.0.1 is refused"
        stream.until(lambda: stranger.receive(TICK) or any(named in line for line in log()))
        assert not stranger.heard


def test_ipc(folder: Path, log: Callable[[], list[str]]) -> None:
    """Keys work there, too, though there is no address to name."""
    endpoint = f"ipc://{folder.parent}/stream"
    with (
        closing(Stream(folder.parent, endpoint, folder)) as stream,
        subscribe(endpoint, key=stream.key("laptop")) as subscription,
        subscribe(endpoint) as stranger,
    ):
        stream.hears(subscription)
        stream.until(lambda: stranger.receive(TICK) or any("is refused" in line for line in log()))
        assert not stranger.heard


@pytest.mark.parametrize(
    ("spoil", "message", "code"),
    [
        (lambda folder: (folder / keys.SERVER).unlink(), "make some with `keys init`", Exit.CONFIG),
        (lambda folder: folder.chmod(0o755), "open to other users", Exit.NO_PERMISSION),
        (lambda folder: (folder / keys.SERVER).write_text("x"), "is damaged", Exit.CONFIG),
    ],
)
def test_a_daemon_does_not_start_with_keys_that_cannot_be_used(
    folder: Path, endpoint: str, spoil: Callable[[Path], object], message: str, code: Exit
) -> None:
    """And certainly not without any."""
    spoil(folder)
    with pytest.raises(MonitorError, match=message) as error:
        Stream(folder.parent, endpoint, folder)
    assert error.value.exit_code == code
