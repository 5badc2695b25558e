"""A plug that can be pulled: makes every sound card vanish from the programs that run in its environment."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

COMPILER = shutil.which("cc")
SOURCE = Path(__file__).with_name("unplugged.c")


class Plug:
    """In its socket.

    Args:
        folder: for the library, which is compiled here.
    """

    def __init__(self, folder: Path) -> None:
        assert COMPILER is not None
        library = folder / "unplugged.so"
        subprocess.run([COMPILER, "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        self._pulled = folder / "unplugged"
        self.environment = {"LD_PRELOAD": str(library), "UNPLUGGED": str(self._pulled)}

    def pull(self) -> None:
        """Out of its socket."""
        self._pulled.touch()

    def insert(self) -> None:
        """Back into it."""
        self._pulled.unlink()
