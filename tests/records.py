"""What a source yields, checked."""

from __future__ import annotations

from monitor.audio.sources import Block, Gap


def gaps(records: list[Block | Gap]) -> list[Gap]:
    """The gaps among the records, which must be contiguous."""
    end = 0
    for record in records:
        assert record.start == end
        end = record.end
    return [record for record in records if isinstance(record, Gap)]
