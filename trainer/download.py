"""Files from the network: several at once, resumed where they broke off, and proved by their digest.

While a file arrives it is `<name>.part`; it gets its name once its digest is right. So a kill at any time
leaves either a right file or a part that the next run continues.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from monitor.errors import Exit, MonitorError, safe
from trainer import transfer

THREADS = 4
TIMEOUT_SECONDS = 30.0
"""Without a sign of life from the server"""
RETRIES = 6
"""In a row without a new byte. With the pauses 1, 2, 4 ... 32 s they outlast the rate limits of public
servers, which count requests per minute."""
PAUSE_SECONDS = 1.0
"""Before the first retry; doubles with each"""
LONGEST_PAUSE_SECONDS = 120.0
"""Whatever the server asks for"""
DIGEST_TRIES = 3
"""How often a file may arrive wrong"""
HASH_BLOCK = 1 << 20


@dataclass(frozen=True)
class Remote:
    """One published file."""

    url: str
    name: str
    """On disk"""
    size: int
    """Bytes, roughly: for the disk and the progress bar. The digest decides"""
    digest: str | None
    """`md5:`, `sha256:` or `git:` (see `hasher`), then hex; None if the publisher's bytes change without the
    contents"""


def hasher(algorithm: str, size: int) -> hashlib._Hash:
    """What takes the bytes of a file for its digest.

    Args:
        algorithm: a name that hashlib knows, or `git` for the file's id as a blob: git's SHA-1, where a
            repository is all that its publisher gives.
        size: of the file, bytes.
    """
    if algorithm == "git":
        return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    return hashlib.new(algorithm, usedforsecurity=False)


class _Stopped(Exception):
    """Another file failed, or the user interrupted."""


def nothing_more(_remote: Remote, _path: Path) -> Iterable[object]:
    """What follows a download where nothing follows."""
    return ()


def download(
    remotes: Sequence[Remote],
    folder: Path,
    finish: Callable[[Remote, Path], Iterable[object]] = nothing_more,
) -> None:
    """Fetch files, `THREADS` at a time, into a folder that exists. What is there and right is not fetched.

    Args:
        remotes: with different names.
        folder: where they go.
        finish: what to do with each file once it is right, in the thread that fetched it; its steps are drawn
            one by one, so that an interrupt need not wait for all of them.

    Raises:
        MonitorError: exit code 69 if the server cannot be reached, 65 if a digest stays wrong. The first such
            error ends all downloads; what has arrived is kept for the next run.
    """
    if not remotes:  # nor a progress bar
        return
    with (
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        ) as progress,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        run = _Run(remotes, folder, progress)
        jobs = [pool.submit(run.get, remote, finish) for remote in remotes]
        try:
            for done, job in enumerate(as_completed(jobs), start=1):
                job.result()
                run.show(f"{done} of {len(jobs)} files")
        finally:
            run.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


def check_disk(folder: Path, needed: int) -> None:
    """Make sure that so many more bytes fit on a folder's disk.

    Raises:
        MonitorError: exit code 74, with both numbers.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise MonitorError(
            f"{safe(str(folder))} needs {_gigabytes(needed)} more, but {_gigabytes(free)} are free; "
            "make room or choose another disk",
            Exit.IO,
        )


def part_of(path: Path) -> Path:
    """Where a file is while it arrives."""
    return path.with_name(f"{path.name}.part")


def file_size(path: Path) -> int:
    """Bytes of a file, 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


class _Run:
    """What the threads of one call share."""

    def __init__(self, remotes: Sequence[Remote], folder: Path, progress: Progress) -> None:
        self.stop = threading.Event()
        self._folder = folder
        self._progress = progress
        self._sizes = {remote.name: remote.size for remote in remotes}
        self._reached = {remote.name: file_size(part_of(folder / remote.name)) for remote in remotes}
        # Given here and not later, what is there already does not count as speed.
        self._bar = progress.add_task(
            "download", total=sum(self._sizes.values()), completed=sum(self._reached.values())
        )

    def get(self, remote: Remote, finish: Callable[[Remote, Path], Iterable[object]]) -> None:
        path = self._folder / remote.name
        if not (path.exists() and self._wrong_digest(remote, path) is None):
            self._fetch(remote, path)
        self._sizes[remote.name] = path.stat().st_size
        self._advance(remote, self._sizes[remote.name])
        for _ in finish(remote, path):
            self._go_on()

    def show(self, text: str) -> None:
        self._progress.update(self._bar, description=text)

    def _fetch(self, remote: Remote, path: Path) -> None:
        part = part_of(path)
        if remote.digest is None:  # nothing would notice that its two halves are of two versions
            part.unlink(missing_ok=True)
        for _ in range(DIGEST_TRIES):
            self._receive(remote, part)
            found = self._wrong_digest(remote, part)
            if found is None:
                part.replace(path)
                return
            part.unlink()
        raise MonitorError(
            f"{safe(remote.url)} arrived wrong {DIGEST_TRIES} times: wanted {remote.digest}, found {found}; "
            "try again later, or from another network",
            Exit.DATA,
        )

    def _receive(self, remote: Remote, part: Path) -> None:
        """All of a file, over as many requests as it takes while each brings something new."""
        failures, most = 0, file_size(part)
        while True:
            try:
                self._continue(remote, part)
            except transfer.Interrupted as exc:
                if file_size(part) > most:
                    failures, most = 0, file_size(part)
                failures += 1
                self._pause(remote, exc, failures)
            else:
                return

    def _continue(self, remote: Remote, part: Path) -> None:
        with (
            transfer.get(remote.url, file_size(part), TIMEOUT_SECONDS) as answer,
            part.open("ab") as file,
        ):
            file.truncate(answer.start)
            for block in answer.blocks:
                file.write(block)
                self._advance(remote, file.tell())

    def _pause(self, remote: Remote, exc: transfer.Interrupted, failures: int) -> None:
        if failures > RETRIES:
            raise MonitorError(
                f"{safe(remote.url)} cannot be fetched: {safe(str(exc))}; "
                "what has arrived is kept, run the command again later",
                Exit.UNAVAILABLE,
            ) from exc
        seconds = min(max(PAUSE_SECONDS * 2 ** (failures - 1), exc.retry_after), LONGEST_PAUSE_SECONDS)
        self._say(f"{remote.name}: {exc}; trying again in {seconds:g} s")
        self.stop.wait(seconds)
        self._go_on()

    def _wrong_digest(self, remote: Remote, path: Path) -> str | None:
        """The digest of a file if it is not the published one."""
        if remote.digest is None:
            return None
        algorithm = remote.digest.partition(":")[0]
        digest = hasher(algorithm, file_size(path))
        with path.open("rb") as file:
            while block := file.read(HASH_BLOCK):
                digest.update(block)
                self._advance(remote, file.tell())
        found = f"{algorithm}:{digest.hexdigest()}"
        if found == remote.digest:
            return None
        self._say(f"{remote.name} is wrong: wanted {remote.digest}, found {found}")
        return found

    def _advance(self, remote: Remote, position: int) -> None:
        self._go_on()
        self._reached[remote.name] = position
        self._progress.update(
            self._bar, total=sum(self._sizes.values()), completed=sum(self._reached.values())
        )

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise _Stopped

    def _say(self, text: str) -> None:
        self._progress.console.print(safe(text), markup=False, highlight=False, soft_wrap=True)


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB ({count} bytes)"
