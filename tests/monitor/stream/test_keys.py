"""The folder of keys, and the command that fills it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq

from monitor.errors import Exit
from monitor.stream import keys
from monitor.stream.keys import KeysError

HERE = {key: value for key, value in os.environ.items() if not key.startswith(("ACTIVITY_MONITOR", "XDG_"))}


def test_what_a_client_carries_is_what_the_daemon_lets_in(folder: Path) -> None:
    """The public halves are where they belong, and each secret is in one file only."""
    server, client = keys.load(folder), keys.load_client(folder.parent / "laptop.key_secret")
    assert server.clients == {client.pair.public: "laptop"}
    assert client.server == server.pair.public
    for pair in (server.pair, client.pair):
        assert zmq.curve_public(pair.secret) == pair.public
    everything = {path: path.read_bytes() for path in folder.parent.rglob("*.*") if path.is_file()}
    assert [path.name for path, text in everything.items() if client.pair.secret in text] == [
        "laptop.key_secret"
    ]
    assert [path.name for path, text in everything.items() if server.pair.secret in text] == [keys.SERVER]


def test_nobody_else_can_read_them(folder: Path) -> None:
    """Whatever the umask is; and no secret is shown by a traceback."""
    old = os.umask(0)
    try:
        keys.add(folder, "tablet", folder.parent / "tablet.key_secret")
    finally:
        os.umask(old)
    paths = [folder, *folder.rglob("*"), *folder.parent.glob("*.key_secret")]
    assert len(paths) == 7
    for path in paths:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)
    loaded = keys.load(folder)
    assert loaded.pair.secret.decode() not in repr(loaded)


def test_a_revoked_client_can_be_added_again_with_a_new_key(folder: Path) -> None:
    """The old key stays out."""
    old = keys.load(folder).clients
    keys.revoke(folder, "laptop")
    assert keys.load(folder).clients == {}
    keys.add(folder, "laptop", folder.parent / "second.key_secret")
    assert keys.load(folder).clients.keys().isdisjoint(old)


@pytest.mark.parametrize(
    ("attempt", "message", "code"),
    [
        (lambda folder, _: keys.init(folder), "has keys already", Exit.CONFIG),
        (lambda folder, file: keys.add(folder, "laptop", file), "is a client laptop already", Exit.CONFIG),
        (
            lambda folder, _: keys.add(folder, "tablet", folder.parent / "laptop.key_secret"),
            "is there already; move it away first",
            Exit.CONFIG,
        ),
        (lambda folder, file: keys.add(folder, "../tablet", file), "is no name of a client", Exit.USAGE),
        (lambda folder, file: keys.add(folder, "tab\x1b[2Jlet", file), "is no name", Exit.USAGE),
        (lambda folder, file: keys.add(folder, "", file), "is no name", Exit.USAGE),
        (lambda folder, file: keys.add(folder, "t" * 65, file), "is no name", Exit.USAGE),
        (lambda folder, file: keys.add(folder, "tablet", file / "x"), "No such file", Exit.CONFIG),
        (lambda folder, _: keys.revoke(folder, "tablet"), "no client tablet", Exit.CONFIG),
        (lambda folder, _: keys.revoke(folder, "../server"), "is no name of a client", Exit.USAGE),
        (lambda folder, _: keys.load(folder / "none"), "make some with `keys init`", Exit.CONFIG),
        (lambda folder, _: keys.load_client(folder / "none"), "no key file", Exit.CONFIG),
        (lambda folder, _: keys.load_client(folder), "no key file", Exit.CONFIG),
        (lambda folder, _: keys.load_client(folder / keys.SERVER), "not say whom to listen", Exit.CONFIG),
        (
            lambda folder, _: keys.load_client(folder / keys.CLIENTS / "laptop.key"),
            "holds no secret key",
            Exit.CONFIG,
        ),
    ],
)
def test_what_cannot_be_done(
    folder: Path, attempt: Callable[[Path, Path], object], message: str, code: Exit
) -> None:
    """One clear line, and nothing has changed."""
    before = keys.load(folder)
    with pytest.raises(KeysError, match=message) as error:
        attempt(folder, folder.parent / "new.key_secret")
    assert error.value.exit_code == code
    assert str(error.value).isprintable()
    assert keys.load(folder) == before
    assert not (folder.parent / "new.key_secret").exists()


def other(text: str) -> str:
    """With a secret that does not belong to the public key."""
    return "".join(
        f'    secret-key = "{zmq.curve_keypair()[1].decode()}"\n' if "secret-key" in line else line
        for line in text.splitlines(keepends=True)
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("public-key", "public-kex"),
        lambda text: text.replace("public-key =", "public-key"),
        lambda text: text.replace('"', "'#"),
        lambda text: text.replace("secret-key =", "secret-key = 0"),
        lambda text: text[:-20] + "é" * 18 + '"\n',
        other,
    ],
)
@pytest.mark.parametrize("whose", ["server", "client"])
def test_a_damaged_file_is_named(folder: Path, damage: Callable[[str], str], whose: str) -> None:
    """Emptied, cut off, changed, or with halves that do not belong together."""
    client = folder.parent / "laptop.key_secret"
    path = folder / keys.SERVER if whose == "server" else client
    path.write_text(damage(path.read_text()))
    with pytest.raises(KeysError, match=rf"{path} (is damaged|holds no secret key)"):
        keys.load(folder) if whose == "server" else keys.load_client(client)


def test_a_damaged_public_key_is_named(folder: Path) -> None:
    """A client that would silently be shut out."""
    listed = folder / keys.CLIENTS / "laptop.key"
    listed.write_text("curve\n    public-key = short\n")
    with pytest.raises(KeysError, match=r"laptop\.key is damaged"):
        keys.load(folder)


@pytest.mark.parametrize("name", [".", keys.SERVER, "../laptop.key_secret"])
def test_what_others_can_read_is_refused(folder: Path, name: str) -> None:
    """A secret that was open may be known."""
    path = folder / name
    path.chmod(0o740)
    with pytest.raises(KeysError, match=r"open to other users \(mode 740\); chmod [67]00") as error:
        keys.load_client(path) if "laptop" in name else keys.load(folder)
    assert error.value.exit_code == Exit.NO_PERMISSION


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to its group")
def test_a_credential_is_not_open_to_others(folder: Path) -> None:
    """As systemd hands it over: the group is root's, and its permissions stand for the service's alone."""
    given = (folder.parent / "laptop.key_secret").rename(folder.parent / keys.CREDENTIAL)
    given.chmod(0o440)
    os.chown(given, 0, 0)
    assert keys.load_client(given).server == keys.load(folder).pair.public
    os.chown(given, 0, 1)
    with pytest.raises(KeysError, match=r"open to other users \(mode 440\)"):
        keys.load_client(given)


def test_where_a_credential_is(tmp_path: Path) -> None:
    """Where systemd says; most services have none."""
    assert keys.credential({}) is None
    variables = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert keys.credential(variables) is None
    (tmp_path / keys.CREDENTIAL).touch()
    assert keys.credential(variables) == tmp_path / keys.CREDENTIAL


def test_the_command(tmp_path: Path) -> None:
    """A folder beside the journal, a file in the working directory, clear words and exit codes."""

    def run(*words: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "monitor.cli", "keys", *words]
        environment = HERE | {"XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
        return done.returncode, done.stdout, done.stderr

    folder = tmp_path / "activity-monitor" / "keys"
    nothing = (78, "", f"activity-monitor: error: no keys in {folder}; make some with `keys init`\n")
    assert run("list") == nothing
    assert run("init") == (0, f"made {folder}: run the monitor with --keys {folder}\n", "")
    code, said, _ = run("add", "laptop")
    assert (code, said.splitlines()[0][:52]) == (0, "made laptop.key_secret, all that laptop needs: move ")
    assert keys.load_client(tmp_path / "laptop.key_secret").server == keys.load(folder).pair.public
    assert run("list", "--keys", str(folder)) == (0, "laptop\n", "")
    assert run("revoke", "laptop") == (0, "laptop may not listen any more\n", "")
    assert run("list") == (0, "", "")
    assert run("add", "Mein Laptop")[0] == 2
