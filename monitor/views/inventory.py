"""What a bundle holds, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.errors import safe
from monitor.inference.bundle import Bundle
from monitor.inference.cost import Cost
from monitor.inference.manifest import Manifest, Member
from monitor.views.words import percent


def show(bundle: Bundle, cost: Cost) -> None:
    """Print a bundle: facts, then a row for each member, and of a stack also what each is good for.

    Args:
        bundle: verified.
        cost: of it on this machine.
    """
    console = Console()
    console.print(_facts(bundle, cost), _members(bundle, cost), sep="\n")
    if bundle.manifest.stack:
        console.print("", _worth(bundle.manifest, cost), sep="\n")


def _facts(bundle: Bundle, cost: Cost) -> Table:
    manifest = bundle.manifest
    rows = {
        "bundle": bundle.model_id,
        "made": manifest.created,
        "labels": ", ".join(manifest.labels),
        "hears": f"windows of {manifest.window_seconds:g} s at {manifest.sample_rate} Hz",
        "publishes": _published(manifest),
        "reached": f"accuracy {_share(manifest, 'accuracy')}, macro F1 {_share(manifest, 'macro_f1')}",
        "channels": _told(manifest.scores, "channels") if "channels" in manifest.scores else "",
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
    members = _columns(("member", "kind", "file", "channels"), ("MB", "ms alone"))
    for member in bundle.manifest.members:
        megabytes = f"{len(bundle.files[member.file]) / 1e6:.1f}"
        texts = (member.name, member.kind, member.file, member.channels, megabytes, _alone(cost, member))
        members.add_row(*map(Text, texts))
    return members


def _worth(manifest: Manifest, cost: Cost) -> Table:
    """What each member of a stack is good for, beside what it costs."""
    worth = _columns(("member",), ("accuracy alone, %", "it adds, points", "ms alone"))
    for member in manifest.members:
        scores = _found(manifest.scores, "members", member.name)
        accuracy = _points(_found(scores, "accuracy"), "{:.1f}")
        texts = (member.name, accuracy, _gain(_found(scores, "adds")), _alone(cost, member))
        worth.add_row(*map(Text, texts))
    return worth


def _columns(names: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in names:
        table.add_column(title, overflow="fold")
    for title in numbers:
        table.add_column(title, justify="right")
    return table


def _alone(cost: Cost, member: Member) -> str:
    return f"{cost.members[member.name]:.1f}"


def _published(manifest: Manifest) -> str:
    if manifest.stack:
        members = ", ".join(manifest.stack.members)
        return f"scores of a stack on {members} (temperature {manifest.stack.temperature:.3g})"
    return "the mean of its members' scores" if len(manifest.members) > 1 else "its member's scores"


def _share(manifest: Manifest, score: str) -> str:
    scores = manifest.scores.get("nested", manifest.scores)  # what was chosen on the folds flatters
    found = _found(scores, score)
    return percent(found).strip() if isinstance(found, float) else "not stated"


def _gain(adds: Any) -> str:
    """By how much the stack's accuracy falls without a member, with its interval."""
    interval = _found(adds, "interval")
    several = [_found(adds, "value"), *(interval if isinstance(interval, list) else [])]
    value, *ends = (_points(share, "{:+.1f}") for share in several)
    return f"{value} ({' to '.join(ends)})" if ends else value


def _points(share: Any, form: str) -> str:
    return form.format(100 * share) if isinstance(share, float) else ""


def _told(document: Any, *keys: str) -> str:
    text = _found(document, *keys)
    return text if isinstance(text, str) and text else "not stated"


def _found(document: Any, *keys: str) -> Any:
    """A value in what export wrote, of which no form is promised; None if it is not there."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document
