"""A whole data set in the layout of DCASE 2018 Task 5.

    simulation.json            what it was begun with; a run goes on only with the same
    DCASE2018-task5-dev/       development partition
    DCASE2018-task5-eval/      evaluation partition
    dataset.json               name, licence and source, for model cards
    gallery.html, gallery/     pictures of some sessions

Every session depends on the seed and on its own number alone, and every file appears whole or not at all. So
the bytes are the same however many processes there are, and however often a run was broken off.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile

from monitor import __version__
from monitor.errors import MonitorError, safe
from trainer import files
from trainer.datasets.dcase2018 import ROOTS
from trainer.datasets.facts import FACTS
from trainer.download import check_disk
from trainer.simulate import gallery, layout, own_clips
from trainer.simulate.own_clips import Clips
from trainer.simulate.plan import SECONDS, Session, draw
from trainer.simulate.scene import RATE
from trainer.simulate.session import Pcm, record_session
from trainer.simulate.workers import each

BEGUN_WITH = "simulation.json"
AUDIO = "audio"
SEGMENT_BYTES = SECONDS * RATE * 4 * 2


@dataclass(frozen=True)
class _Job:
    folder: Path
    session: Session
    seed: int
    clips: Clips


def write(folder: Path, hours: float, seed: int, processes: int, sounds: Path | None = None) -> None:
    """Write a data set, or what an earlier run left to be written.

    Args:
        folder: new, empty, or of an earlier run with the same hours, seed and sounds.
        hours: of segments in the development partition; the evaluation partition adds 15 %.
        seed: decides everything random.
        processes: that work at the same time.
        sounds: a user's own clips, `<label>/<clip>`.

    Raises:
        MonitorError: as `plan.draw` and `own_clips.find`; the folder is of something else; exit code 74 if
            the disk is too small.
        OSError: a file cannot be written. What is written already stays good.
    """
    sessions = draw(hours, seed)
    clips = own_clips.find(sounds) if sounds else {}
    _begin(folder, {"hours": hours, "seed": seed, "sounds": own_clips.fingerprint(clips) if clips else None})
    missing = _missing(folder, sessions)
    if missing:
        check_disk(folder, SEGMENT_BYTES * sum(len(session.segments) for session in missing))
        for _ in each(
            _write_session, [_Job(folder, one, seed, clips) for one in missing], processes, "simulate"
        ):
            pass
    layout.write_lists(folder, sessions)
    _write_facts(folder, hours, seed, own=bool(clips))
    gallery.write(folder, sessions)


def _begin(folder: Path, arguments: dict[str, Any]) -> None:
    """Make the folder and note what it was begun with, or compare with what is noted there."""
    wanted = {**arguments, "version": __version__}
    path, shown = folder / BEGUN_WITH, safe(str(folder))
    if path.is_file():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as exc:
            raise MonitorError(f"{safe(str(path))} is damaged: {safe(str(exc))}; remove {shown}") from exc
        other = [key for key in wanted if found.get(key) != wanted[key]]
        if other:
            raise MonitorError(
                f"{shown} was begun with other {', '.join(other)}; use the same, or choose another --to"
            )
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise MonitorError(f"{shown} is not empty; choose another --to, or remove it")
    for root in ROOTS:
        (folder / root / AUDIO).mkdir(parents=True, exist_ok=True)
    files.write(path, json.dumps(wanted, indent=2).encode() + b"\n")


def _missing(folder: Path, sessions: Sequence[Session]) -> list[Session]:
    """Sessions of which not every file is there."""
    written = set()
    for root in ROOTS:
        for path in (folder / root / AUDIO).iterdir():
            if path.suffix == ".part":  # what a kill left
                path.unlink()
            written.add(f"{root}/{AUDIO}/{path.name}")
    return [
        session for session in sessions if any(segment.file not in written for segment in session.segments)
    ]


def _write_session(job: _Job) -> None:
    recordings = record_session(job.session, job.seed, job.clips)
    length = SECONDS * RATE
    for segment in job.session.segments:
        pcm = recordings[segment.node][:, segment.index * length : (segment.index + 1) * length]
        files.write(job.folder / segment.file, _wav(pcm))


def _wav(pcm: Pcm) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, pcm.T, RATE, format="WAV", subtype="PCM_16")
    return content.getvalue()


def _write_facts(folder: Path, hours: float, seed: int, *, own: bool) -> None:
    command = f"activity-trainer simulate --hours {hours:g} --seed {seed}"
    facts = {
        "name": f"simulated-{seed}",
        "licence": "generated by this program, no rights claimed",
        "source": command,
    }
    if own:
        facts["licence"] += "; mixed with clips whose own licences apply"
        facts["source"] += " --sounds DIR"
    files.write(folder / FACTS, json.dumps(facts, indent=2).encode() + b"\n")
