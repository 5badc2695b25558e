"""Where the data sets are published: `archives.toml` as records."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.download import Remote

REGISTRY = Path(__file__).with_name("archives.toml")


@dataclass(frozen=True)
class Partition:
    """One part of a data set that can be had alone."""

    root: str
    """The folder that its archives unpack into"""
    unpacked: int
    """Bytes below `root`, roughly"""
    expect: Mapping[str, int]
    """Number of files below `root` by pattern"""
    archives: tuple[Remote, ...]


def registry() -> dict[str, dict[str, Partition]]:
    """All data sets: name -> name of a partition -> what it is made of."""
    document = tomllib.loads(REGISTRY.read_text(encoding="utf-8"))
    return {
        name: {
            part: Partition(
                root=table["root"],
                unpacked=table["unpacked"],
                expect=table["expect"],
                archives=tuple(_remote(table["base"], archive) for archive in table["archives"]),
            )
            for part, table in partitions.items()
        }
        for name, partitions in document.items()
    }


def _remote(base: str, archive: dict[str, str | int]) -> Remote:
    name = str(archive["name"])
    digest = f"md5:{archive['md5']}" if "md5" in archive else None
    return Remote(base + name, name, int(archive["size"]), digest)
