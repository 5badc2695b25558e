"""A web server on a free loopback port that fails as it is told, and remembers what it was asked for."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer; several may."""

    status: int = 0
    """Instead of the file"""
    headers: dict[str, str] = field(default_factory=dict)
    """Besides, or instead of, the usual ones"""
    body: bytes | None = None
    """Sent instead of the file"""
    break_after: int | None = None
    """Bytes of the body, then the connection is closed"""
    hang_after: int | None = None
    """Bytes of the body, then nothing until the server is closed"""
    no_ranges: bool = False
    """The whole file with status 200, whatever was asked for"""


class HttpServer:
    """Files by path, and the faults that wait for the requests of each path, first come, first served."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.requests: list[tuple[str, str | None]] = []
        """Path and Range header of every request, in order"""
        self.gate: threading.Barrier | None = None
        """Where every answer waits until so many requests are there"""
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server._answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        return Handler

    def asked(self, name: str) -> list[str | None]:
        """The Range headers of the requests for one file."""
        return [asked for path, asked in self.requests if path == f"/{name}"]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        name, asked = handler.path.removeprefix("/"), handler.headers.get("Range")
        self.requests.append((handler.path, asked))
        if self.gate:
            self.gate.wait(10)
        fault = self.faults[name].pop(0) if self.faults[name] else Fault()
        start = int(re.findall(r"\d+", asked)[0]) if asked and not fault.no_ranges else 0
        status = fault.status or self._status(name, start)
        body = (fault.body or self.files[name][start:]) if status in (200, 206) else b""
        headers = {"Content-Length": str(len(body))}
        if status == 206:
            last = len(self.files[name]) - 1
            headers["Content-Range"] = f"bytes {start}-{last}/{last + 1}"
        handler.send_response(status)
        for header, value in (headers | fault.headers).items():
            handler.send_header(header, value)
        handler.end_headers()
        handler.wfile.write(body[: fault.break_after or fault.hang_after])
        if fault.hang_after:
            self.closing.wait(60)

    def _status(self, name: str, start: int) -> int:
        if name not in self.files:
            return 404
        if start and start >= len(self.files[name]):
            return 416
        return 206 if start else 200


@contextmanager
def running() -> Iterator[HttpServer]:
    """A server in a thread of its own."""
    server = HttpServer()
    thread = threading.Thread(target=server._server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server._server.shutdown()
        thread.join()
        server._server.server_close()
