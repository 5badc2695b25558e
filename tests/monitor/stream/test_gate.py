"""Who is let in, and that a broken gate lets nobody in."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from zmq.utils.monitor import parse_monitor_message

from monitor.errors import Exit, MonitorError
from monitor.stream import gate, keys
from monitor.stream.gate import NO_KEY, UNKNOWN_KEY, Gate, Refusals
from monitor.stream.keys import ClientKey

LIMIT = 30.0
"""Seconds for anything to happen"""
OUTCOMES = gate.ENDED


@pytest.fixture
def friend(folder: Path) -> ClientKey:
    """The client's key."""
    return keys.load_client(folder.parent / "laptop.key_secret")


@pytest.fixture
def context() -> Iterator[gate.Context]:
    """For the daemon's sockets."""
    with zmq.Context() as context:
        yield context
        context.destroy(linger=0)


def outcome(bound: gate.Socket, key: ClientKey, meanwhile: Callable[[], object] = lambda: None) -> zmq.Event:
    """How a client's handshake ends; it gives up after a second."""
    with zmq.Context() as context, context.socket(zmq.SUB) as client:
        client.set(zmq.HANDSHAKE_IVL, 1000)
        client.set(zmq.SUBSCRIBE, b"")
        client.curve_publickey, client.curve_secretkey = key.pair.public, key.pair.secret
        client.curve_serverkey = key.server
        with client.get_monitor_socket(OUTCOMES) as events:
            client.connect(bound.get_string(zmq.LAST_ENDPOINT))
            deadline = time.monotonic() + LIMIT
            while not events.poll(20):
                assert time.monotonic() < deadline
                meanwhile()
            ended = zmq.Event(parse_monitor_message(events.recv_multipart())["event"])
            bound.send(b"secret")
            assert not client.poll(200) or ended == zmq.Event.HANDSHAKE_SUCCEEDED
            return ended


def attending(guard: Gate) -> Callable[[], None]:
    """What the publisher's loop does."""

    def attend() -> None:
        guard.attend({each for each in guard.sockets if each.poll(0)})

    return attend


def test_a_listed_key_is_let_in_and_no_other(context: gate.Context, folder: Path, friend: ClientKey) -> None:
    """Even one that has the daemon's public key."""
    guard = Gate(context, folder)
    bound = context.socket(zmq.XPUB)
    guard.guard(bound)
    bound.bind("tcp://127.0.0.1:*")
    assert outcome(bound, friend, attending(guard)) == zmq.Event.HANDSHAKE_SUCCEEDED
    stranger = ClientKey(keys.KeyPair(*zmq.curve_keypair()), friend.server)
    assert outcome(bound, stranger, attending(guard)) == zmq.Event.HANDSHAKE_FAILED_AUTH
    forged = ClientKey(friend.pair, stranger.pair.public)
    assert outcome(bound, forged, attending(guard)) == zmq.Event.HANDSHAKE_FAILED_NO_DETAIL


def dead(guard: Gate) -> Callable[[], None]:
    """Nobody would answer any more."""
    guard.questions.close()
    return lambda: None


def hung(_: Gate) -> Callable[[], None]:
    """Questions wait for ever."""
    return lambda: None


def raising(guard: Gate) -> Callable[[], None]:
    """A bug in deciding, which ends the publisher; here even that fails, and it goes on."""
    guard._let_in = None  # type: ignore[assignment]

    def attend() -> None:
        with contextlib.suppress(TypeError):
            attending(guard)()

    return attend


@pytest.mark.parametrize("broken", [dead, hung, raising])
def test_a_gate_that_breaks_lets_nobody_in(
    context: gate.Context, folder: Path, friend: ClientKey, broken: Callable[[Gate], Callable[[], None]]
) -> None:
    """Not even who is listed, and for certain no stranger."""
    guard = Gate(context, folder)
    bound = context.socket(zmq.XPUB)
    guard.guard(bound)
    bound.bind("tcp://127.0.0.1:*")
    meanwhile = broken(guard)
    for key in (friend, ClientKey(keys.KeyPair(*zmq.curve_keypair()), friend.server)):
        assert outcome(bound, key, meanwhile) == zmq.Event.HANDSHAKE_FAILED_NO_DETAIL


def admit_all(self: Gate) -> None:
    """The worst bug."""
    _, number, *_ = self.questions.recv_multipart()
    self.questions.send_multipart([b"1.0", number, b"200", b"OK", b"", b""])


def admit_nobody(self: Gate) -> None:
    """A harmless one, which would still be noticed too late."""
    _, number, *_ = self.questions.recv_multipart()
    self.questions.send_multipart([b"1.0", number, b"500", b"", b"", b""])


def hang(_: Gate) -> None:
    """No answer at all."""


@pytest.mark.parametrize(
    ("bug", "found"),
    [
        (admit_all, "HANDSHAKE_FAILED_AUTH wanted, HANDSHAKE_SUCCEEDED found"),
        (admit_nobody, "HANDSHAKE_SUCCEEDED wanted, HANDSHAKE_FAILED_AUTH found"),
        (hang, "HANDSHAKE_FAILED_AUTH wanted, nothing found"),
    ],
)
def test_nothing_is_bound_without_proof(
    context: gate.Context, folder: Path, monkeypatch: pytest.MonkeyPatch, bug: object, found: str
) -> None:
    """A key made up on the spot must be refused, and another let in, before anybody else can try."""
    monkeypatch.setattr(Gate, "_refused", bug)
    if bug is hang:
        monkeypatch.setattr(gate, "PROOF_SECONDS", 0.3)
    guard = Gate(context, folder)
    for kind in (zmq.XPUB, zmq.ROUTER):
        with pytest.raises(MonitorError, match=found) as error:
            guard.guard(context.socket(kind))
        assert error.value.exit_code == Exit.UNAVAILABLE


def test_the_key_of_the_proof_is_worth_nothing_afterwards(
    context: gate.Context, folder: Path, friend: ClientKey
) -> None:
    """Only listed keys remain."""
    guard = Gate(context, folder)
    for kind in (zmq.XPUB, zmq.ROUTER):
        guard.guard(context.socket(kind))
    assert guard._let_in == {friend.pair.public}


def test_a_change_of_the_keys_is_seen(context: gate.Context, folder: Path) -> None:
    """A client more, a client less, another key of the daemon."""
    guard = Gate(context, folder)
    assert not guard.has_changed()
    keys.add(folder, "tablet", folder.parent / "tablet.key_secret")
    assert guard.has_changed()
    keys.revoke(folder, "tablet")
    assert not guard.has_changed()
    (folder / keys.SERVER).unlink()
    keys.init(folder)
    assert guard.has_changed()


def test_refusals_are_named_once_and_not_too_many(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address again after an hour, or for another reason; ten in a minute."""
    now = 0.0
    monkeypatch.setattr(gate.time, "monotonic", lambda: now)
    refusals = Refusals()
    for address, reason in (("1.2.3.4", UNKNOWN_KEY), ("1.2.3.4", UNKNOWN_KEY), ("1.2.3.4", NO_KEY)):
        refusals.say(address, reason)
    assert capsys.readouterr().err.splitlines() == [
        f"1.2.3.4 is refused: {UNKNOWN_KEY}",
        f"1.2.3.4 is refused: {NO_KEY}",
    ]
    for number in range(100):
        refusals.say(f"10.0.0.{number}", UNKNOWN_KEY)
    assert len(capsys.readouterr().err.splitlines()) == gate.MOST_LINES - 2
    now += gate.SAME_AGAIN
    refusals.say("1.2.3.4", UNKNOWN_KEY)
    assert capsys.readouterr().err == f"1.2.3.4 is refused: {UNKNOWN_KEY}\n"
    assert len(refusals._said) == 1
