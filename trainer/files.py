"""Files that appear whole or not at all, and the folder of what can be made again."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def user_cache(what: str) -> Path:
    """Where things of a kind are kept unless the command line says something else (XDG base directories)."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "activity-monitor" / what


def write(path: Path, content: bytes) -> None:
    """Write a file under another name, then give it its own.

    Raises:
        OSError: it cannot be written, such as on a full disk; with the file's name. Nothing is left behind.
    """
    part = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = Path(file.name)
            file.write(content)
        part.chmod(0o644)  # of temporary files nobody else can read one
        part.replace(path)
    except BaseException as exc:
        if part:
            part.unlink(missing_ok=True)
        if isinstance(exc, OSError):
            raise OSError(exc.errno, exc.strerror, str(path)) from exc
        raise


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table; errors as `write`."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    write(path, text.getvalue().encode())
