"""One HTTP request: the bytes of an address from a position on. Knows of no files, retries or digests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from monitor import __version__

BLOCK = 1 << 18
RANGE_NOT_SATISFIABLE = 416


class Interrupted(Exception):
    """The server was not reached, refused, or broke off. Asking again may help."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        """Seconds that the server wants to be left alone"""


@dataclass(frozen=True)
class Answer:
    """What a server sends."""

    start: int
    """Position of the first byte in the file: the one asked for, or 0"""
    blocks: Iterator[bytes]
    """The file from there to its end; raises Interrupted if it breaks off"""


class _Redirects(HTTPRedirectHandler):
    """Follows a server elsewhere, but not out of encryption."""

    def redirect_request(  # noqa: PLR0917 - as in urllib
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if req.type == "https" and not newurl.startswith("https:"):
            raise URLError(f"it redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = build_opener(_Redirects)


@contextmanager
def get(url: str, start: int, timeout: float) -> Iterator[Answer]:
    """Ask for a file from byte `start` on.

    From a server that knows no ranges, or sends another one than asked for, comes the whole file. If a server
    says that nothing is there from `start` on, the answer is empty.

    Args:
        url: https; http for tests.
        start: bytes to leave out.
        timeout: seconds for the connection and for every further sign of life.

    Raises:
        Interrupted: also later, from the blocks.
    """
    request = Request(url, headers={"User-Agent": f"activity-monitor/{__version__}"})  # noqa: S310 - see Args
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        response = _OPENER.open(request, timeout=timeout)
    except HTTPError as exc:
        exc.close()
        if start and exc.code == RANGE_NOT_SATISFIABLE:
            yield Answer(start, iter(()))
            return
        raise Interrupted(f"the server answers {exc.code} {exc.reason}", _retry_after(exc)) from exc
    except (OSError, HTTPException) as exc:
        raise _interrupted(exc) from exc
    with response:
        first = _first_byte(response) if start else 0
        if first in (0, start):
            yield Answer(first, _blocks(response))
            return
    with get(url, 0, timeout) as whole:
        yield whole


def _first_byte(response: HTTPResponse) -> int | None:
    if response.status != 206:  # Partial Content
        return 0
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _blocks(response: HTTPResponse) -> Iterator[bytes]:
    length, received = response.length, 0
    try:
        while block := response.read1(BLOCK):
            received += len(block)
            yield block
    except (OSError, HTTPException) as exc:
        raise _interrupted(exc) from exc
    # http.client takes a closed connection for the end, however early.
    if length is not None and received < length:
        raise Interrupted(f"the server broke off after {received} of {length} bytes")


def _interrupted(exc: OSError | HTTPException) -> Interrupted:
    reason = exc.reason if isinstance(exc, URLError) else exc
    return Interrupted(str(reason) or type(reason).__name__)


def _retry_after(exc: HTTPError) -> float:
    seconds = exc.headers.get("Retry-After", "")
    return float(seconds) if seconds.isascii() and seconds.isdigit() else 0.0
