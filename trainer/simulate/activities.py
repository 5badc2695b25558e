"""The nine activities by their labels."""

from __future__ import annotations

from trainer.simulate.conversation import social_activity
from trainer.simulate.cooking import cooking
from trainer.simulate.desk import working
from trainer.simulate.dishes import dishwashing
from trainer.simulate.other import other
from trainer.simulate.quiet import absence
from trainer.simulate.scene import Activity
from trainer.simulate.table import eating
from trainer.simulate.television import watching_tv
from trainer.simulate.vacuum import vacuum_cleaner

ACTIVITIES: dict[str, Activity] = {
    activity.__name__: activity
    for activity in (
        absence,
        cooking,
        dishwashing,
        eating,
        other,
        social_activity,
        vacuum_cleaner,
        watching_tv,
        working,
    )
}
LABELS = tuple(ACTIVITIES)
"""In alphabetical order, as in DCASE 2018 Task 5"""
