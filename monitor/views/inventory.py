"""What a bundle holds, for people."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.errors import safe
from monitor.inference.bundle import Bundle
from monitor.inference.cost import Cost
from monitor.inference.manifest import Manifest
from monitor.views.words import percent


def show(bundle: Bundle, cost: Cost) -> None:
    """Print a bundle: facts, then a row for each member.

    Args:
        bundle: verified.
        cost: of it on this machine.
    """
    console = Console()
    console.print(_facts(bundle, cost), _members(bundle, cost), sep="\n")


def _facts(bundle: Bundle, cost: Cost) -> Table:
    manifest = bundle.manifest
    rows = {
        "bundle": bundle.model_id,
        "made": manifest.created,
        "labels": ", ".join(manifest.labels),
        "hears": f"windows of {manifest.window_seconds:g} s at {manifest.sample_rate} Hz",
        "publishes": _published(manifest),
        "reached": f"accuracy {_share(manifest, 'accuracy')}, macro F1 {_share(manifest, 'macro_f1')}",
        "data": _told(manifest.training, "data", "name"),
        "licence": _told(manifest.training, "data", "licence"),
        "notice": manifest.notice,
        "costs here": f"{cost.window:.1f} ms for a window of four channels",
    }
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, text in rows.items():
        if text:
            facts.add_row(name, Text(safe(text)))
    return facts


def _members(bundle: Bundle, cost: Cost) -> Table:
    members = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("member", "kind", "file", "channels"):
        members.add_column(title, overflow="fold")
    for title in ("MB", "ms alone"):
        members.add_column(title, justify="right")
    for member in bundle.manifest.members:
        megabytes = f"{len(bundle.files[member.file]) / 1e6:.1f}"
        milliseconds = f"{cost.members[member.name]:.1f}"
        texts = (member.name, member.kind, member.file, member.channels, megabytes, milliseconds)
        members.add_row(*map(Text, texts))
    return members


def _published(manifest: Manifest) -> str:
    if manifest.stack:
        members = ", ".join(manifest.stack.members)
        return f"scores of a stack on {members} (temperature {manifest.stack.temperature:.3g})"
    return "the mean of its members' scores" if len(manifest.members) > 1 else "its member's scores"


def _share(manifest: Manifest, score: str) -> str:
    scores = manifest.scores.get("nested", manifest.scores)  # what was chosen on the folds flatters
    found = scores.get(score) if isinstance(scores, dict) else None
    return percent(found).strip() if isinstance(found, float) else "not stated"


def _told(document: Any, *keys: str) -> str:
    """A text in what export wrote, of which no form is promised."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, str) and document else "not stated"
