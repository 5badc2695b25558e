"""How the MQTT broker is named, and what is needed to get in."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.errors import Exit, MonitorError
from monitor.views.broker import login


@pytest.mark.parametrize(
    ("url", "host", "port", "user"),
    [
        ("mqtt://broker", "broker", 1883, None),
        ("mqtts://broker/", "broker", 8883, None),
        ("mqtt://me@10.0.0.2:1884", "10.0.0.2", 1884, "me"),
        ("mqtts://a%40b@[::1]:8884", "::1", 8884, "a@b"),
    ],
)
def test_addresses(url: str, host: str, port: int, user: str | None) -> None:
    """The port is the usual one of the scheme; only mqtts is encrypted, and checks certificates."""
    found = login(url, None, None, {})
    assert (found.host, found.port, found.user, found.password) == (host, port, user, None)
    assert (found.tls is not None) == url.startswith("mqtts:")
    assert found.tls is None or found.tls.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "url",
    [
        *("", "broker", "http://broker", "mqtt://", "mqtt://:1883", "mqtt://broker:port", "mqtt://broker:0"),
        *("mqtt://broker:70000", "mqtt://broker/topic", "mqtt://broker?a=b", "mqtt://a..b", "mqtt://[x"),
        *("mqtt://me:secret@broker:port", "mqtt://me:secret@[x"),
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """In words, and without showing what may be a password."""
    with pytest.raises(MonitorError, match="mqtt://HOST or mqtts://USER@HOST:PORT wanted, not") as error:
        login(url, None, None, {})
    assert error.value.exit_code == Exit.USAGE
    assert "secret" not in str(error.value)


def test_a_password_in_the_address_is_refused() -> None:
    """It is not repeated."""
    with pytest.raises(MonitorError, match="put it into a file, for --password-file") as error:
        login("mqtt://me:secret@broker", None, None, {})
    assert error.value.exit_code == Exit.USAGE
    assert "secret" not in str(error.value)


def test_everything_may_come_from_the_environment(tmp_path: Path) -> None:
    """What is given on the command line counts more."""
    environment = {"MQTT_URL": "mqtt://me@broker", "MQTT_PASSWORD": "secret"}
    found = login(None, None, None, environment)
    assert (found.host, found.user, found.password) == ("broker", "me", "secret")
    assert "secret" not in repr(found)
    (tmp_path / "password").write_text("other\n")
    found = login("mqtt://you@here", str(tmp_path / "password"), None, environment)
    assert (found.host, found.user, found.password) == ("here", "you", "other")


def test_a_password_needs_a_user() -> None:
    """Brokers would refuse it."""
    with pytest.raises(MonitorError, match="a password, but no user"):
        login("mqtt://broker", None, None, {"MQTT_PASSWORD": "secret"})


def test_password_files_that_are_none(tmp_path: Path) -> None:
    """Missing, a folder, empty, binary: the file is named."""
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.touch()
    binary.write_bytes(b"\xff\xfe")
    cases = [
        (tmp_path / "none", "No such file", Exit.NO_INPUT),
        (tmp_path, "Is a directory", Exit.NO_INPUT),
        (empty, "empty", Exit.CONFIG),
        (binary, "not UTF-8 text", Exit.CONFIG),
    ]
    for path, text, code in cases:
        with pytest.raises(MonitorError, match=f"password file {path}: {text}") as error:
            login("mqtt://me@broker", str(path), None, {})
        assert error.value.exit_code == code


def test_ca_files_that_are_none(tmp_path: Path) -> None:
    """Missing, not PEM, or for a connection that is not encrypted."""
    text = tmp_path / "text"
    text.write_text("no certificate")
    cases = [
        ("mqtts://broker", tmp_path / "none", "CA file .*: No such file", Exit.NO_INPUT),
        ("mqtts://broker", text, "no certificates in PEM form", Exit.CONFIG),
        ("mqtt://broker", text, "--ca-file needs mqtts://", Exit.USAGE),
    ]
    for url, path, words, code in cases:
        with pytest.raises(MonitorError, match=words) as error:
            login(url, None, str(path), {})
        assert error.value.exit_code == code


def test_without_paho_it_is_said_what_to_install() -> None:
    """One line, exit code 69."""
    program = (
        "import sys; sys.modules['paho'] = None; from monitor.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", program, "homeassistant", "--mqtt", "mqtt://broker"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == Exit.UNAVAILABLE
    assert done.stderr.endswith("is missing; install activity-monitor[homeassistant]\n")
    assert done.stderr.count("\n") == 1
