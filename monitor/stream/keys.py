"""Keys of the stream: who may listen. All files are ZeroMQ certificates.

    KEYS/server.key_secret      the daemon's key pair
    KEYS/clients/NAME.key       public key of a client that may listen

What a client needs is one file, made by `add`: its own key pair, and the daemon's public key as metadata. It
is carried to the client's machine; nothing secret of a client stays in the folder.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.auth import create_certificates, load_certificate

from monitor.errors import Exit, MonitorError, safe
from monitor.kinds import SLUG
from monitor.stream.journal import default_path

SERVER, CLIENTS = "server.key_secret", "clients"
SERVER_KEY = "server-key"
"""Metadata of a client's certificate: the public key of the daemon that it may listen to"""
OTHERS = 0o077
"""Permissions of anybody but the owner"""
CREDENTIAL = "activity-monitor.key"
"""What a service's key is called by systemd"""
AS_CREDENTIAL = (0o440, 0)
"""Permissions and group that systemd since 254 gives to what only one service can read: an access control
list shows as permissions of the group"""


class KeysError(MonitorError):
    """A folder of keys, a key file or the name of a client cannot be used."""

    exit_code = Exit.CONFIG


@dataclass(frozen=True)
class KeyPair:
    """As ZeroMQ takes them: 40 characters each, Z85."""

    public: bytes
    secret: bytes = field(repr=False)


@dataclass(frozen=True)
class ServerKeys:
    """A folder of keys."""

    pair: KeyPair
    clients: dict[bytes, str]
    """Public key -> name, of all who may listen"""


@dataclass(frozen=True)
class ClientKey:
    """A client's file."""

    pair: KeyPair
    server: bytes
    """Public key of the daemon"""


def default_folder() -> Path:
    """Beside the journal."""
    return default_path().with_name("keys")


def init(folder: Path) -> None:
    """Make a folder of keys, with the daemon's; nobody may listen yet.

    Raises:
        KeysError: exit code 78 if there are keys already, 77 if the folder cannot be written.
    """
    with _in_words(folder):
        if (folder / SERVER).exists():
            raise KeysError(f"{safe(str(folder))} has keys already; clients are added with `keys add NAME`")
        for each in (folder, folder / CLIENTS):
            each.mkdir(mode=0o700, exist_ok=True)
            _give_to_owner_of(each.parent, each)
        _check_private(folder)
        _write(folder / SERVER, _certificates("server")[1])


def add(folder: Path, name: str, file: Path) -> None:
    """Let a new client in.

    Args:
        folder: of keys.
        name: of the client.
        file: is made, for the client.

    Raises:
        KeysError: exit code 78 for a name that is none, or a client or file that is there already, 77 if
            something cannot be written.
    """
    keys = load(folder)
    listed = _listed(folder, name)
    public, secret = _certificates(name, {SERVER_KEY: keys.pair.public.decode()})
    with _in_words(file):
        if listed.exists():
            raise KeysError(f"there is a client {name} already; `keys revoke {name}` first for a new key")
        if file.exists():
            raise KeysError(f"{safe(str(file))} is there already; move it away first")
        _write(file, secret)
    with _in_words(listed):
        _write(listed, public)


def revoke(folder: Path, name: str) -> None:
    """Let a client in no more; a running daemon ends its connections.

    Raises:
        KeysError: exit code 78 if there is no such client.
    """
    load(folder)
    listed = _listed(folder, name)
    with _in_words(listed):
        if not listed.exists():
            raise KeysError(f"no client {name} in {safe(str(folder))}; `keys list` names all")
        listed.unlink()


def load(folder: Path) -> ServerKeys:
    """All keys of a folder.

    Raises:
        KeysError: exit code 78 if it holds no keys or a damaged one, 77 if others can read it.
    """
    with _in_words(folder):
        if not (folder / SERVER).exists():
            raise KeysError(f"no keys in {safe(str(folder))}; make some with `keys init`")
        _check_private(folder)
        clients = sorted((folder / CLIENTS).glob("*.key"))
    pair = _pair(folder / SERVER)
    return ServerKeys(pair, {_load(path)[0]: path.stem for path in clients})


def load_client(file: Path) -> ClientKey:
    """A client's file, as made by `add`.

    Raises:
        KeysError: exit code 78 if it is missing or no such file, 77 if others can read it.
    """
    pair = _pair(file)
    with _in_words(file):
        words = [line.split() for line in file.read_text(errors="replace").splitlines()]
    servers = [line[2].encode() for line in words if line[:2] == [SERVER_KEY, "="] and len(line) == 3]
    if len(servers) != 1 or not _is_key(servers[0]):
        raise KeysError(f"{safe(str(file))} does not say whom to listen to; take what `keys add` made")
    return ClientKey(pair, servers[0])


def credential(environment: Mapping[str, str]) -> Path | None:
    """The client's file that systemd hands to a service; None if it does not."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    file = folder and Path(folder, CREDENTIAL)
    return file if file and file.exists() else None


def _pair(path: Path) -> KeyPair:
    public, secret = _load(path)
    if secret is None:
        raise KeysError(f"{safe(str(path))} holds no secret key; take what `keys init` or `keys add` made")
    with _in_words(path):
        _check_private(path)
    if not _is_key(secret) or zmq.curve_public(secret) != public:
        raise _damaged(path)
    return KeyPair(public, secret)


def _load(path: Path) -> tuple[bytes, bytes | None]:
    with _in_words(path):
        if not path.is_file():  # nor wait for a pipe
            raise KeysError(f"no key file {safe(str(path))}")
        try:
            public, secret = load_certificate(path)
        except (ValueError, IndexError) as exc:
            raise _damaged(path) from exc
    if not _is_key(public):
        raise _damaged(path)
    return public, secret


def _is_key(text: bytes) -> bool:
    """Whether libzmq takes it for a key."""
    try:
        zmq.curve_public(text)
    except (ValueError, zmq.ZMQError):
        return False
    return True


def _damaged(path: Path) -> KeysError:
    return KeysError(f"{safe(str(path))} is damaged, or no key file; put a whole one in its place")


def _listed(folder: Path, name: str) -> Path:
    try:
        return folder / CLIENTS / f"{SLUG.parse(name)}.key"
    except ValueError as exc:
        raise KeysError(f"{safe(name)!r} is no name of a client; {SLUG.wanted}", Exit.USAGE) from exc


def _certificates(name: str, metadata: dict[str, str] | None = None) -> tuple[bytes, bytes]:
    """A new key as two files: what everybody may know, and all of it."""
    with tempfile.TemporaryDirectory(prefix="activity-monitor-") as folder:  # nobody else can look into it
        public, secret = create_certificates(folder, name, metadata)
        return Path(public).read_bytes(), Path(secret).read_bytes()


def _write(path: Path, content: bytes) -> None:
    """A file for its owner only, which is whole or not there: a daemon may be reading the folder."""
    descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        _give_to_owner_of(path.parent, Path(new))
        Path(new).replace(path)
    except OSError:
        Path(new).unlink()
        raise


def _give_to_owner_of(folder: Path, path: Path) -> None:
    """What root adds to a service's folder belongs to the service."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _check_private(path: Path) -> None:
    found = path.stat()
    mode = found.st_mode & 0o777
    if mode & OTHERS and (mode, found.st_gid) != AS_CREDENTIAL:
        wanted = "700" if path.is_dir() else "600"
        raise KeysError(
            f"{safe(str(path))} is open to other users (mode {mode:o}); chmod {wanted}, and make new keys if "
            "it was so for long",
            Exit.NO_PERMISSION,
        )


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        code = Exit.NO_PERMISSION if isinstance(exc, PermissionError) else Exit.CONFIG
        raise KeysError(f"{safe(str(path))}: {exc.strerror}", code) from exc
