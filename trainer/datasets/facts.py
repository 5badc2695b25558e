"""What a model card says about clips that have no publisher: a file beside them, `dataset.json`.

{"name": ..., "licence": ..., "source": ...}, each may be missing
"""

from __future__ import annotations

import json
from pathlib import Path

from monitor.errors import MonitorError, safe

FACTS = "dataset.json"


def read_facts(folder: Path) -> dict[str, str]:
    """The facts in a data folder; empty if it has none.

    Raises:
        MonitorError: the file is damaged.
    """
    path = folder / FACTS
    if not path.is_file():
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as exc:
        raise MonitorError(f"{safe(str(path))} is not valid JSON: {safe(str(exc))}") from exc
    if not isinstance(facts, dict) or not all(isinstance(value, str) for value in facts.values()):
        raise MonitorError(f"{safe(str(path))} must be an object of strings")
    return facts
