"""What a label message tells of a recognition."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.inference.recognise import Recognition
from monitor.inference.smooth import UNKNOWN
from monitor.stream.messages import AudioTag, MemberVote

DECIMALS = 6
"""Of probabilities; more would be noise that fills the journal"""
TAGS = 5
"""Classes of AudioSet that a label tells, of 527"""


def verdict(recognition: Recognition, labels: tuple[str, ...], unknown_below: float) -> dict[str, Any]:
    """Label, confidence, scores, members and tags of a `LabelMessage`.

    Args:
        recognition: of a window.
        labels: in the order of its scores.
        unknown_below: the label is `unknown` if its probability, 0 to 1, is lower.
    """
    best = int(recognition.scores.argmax())
    confidence = float(recognition.scores[best])
    return {
        "label": UNKNOWN if confidence < unknown_below else labels[best],
        "confidence": round(confidence, DECIMALS),
        "scores": dict(zip(labels, _rounded(recognition.scores), strict=True)),
        "members": {
            name: MemberVote(labels[int(scores.argmax())], round(float(scores.max()), DECIMALS))
            for name, scores in recognition.members.items()
        },
        "tags": None if recognition.tags is None else _tags(recognition.tags),
    }


def _rounded(scores: npt.NDArray[np.floating]) -> list[float]:
    return [round(score, DECIMALS) for score in scores.tolist()]


def _tags(probabilities: npt.NDArray[np.floating]) -> list[AudioTag]:
    best = (-probabilities).argsort(kind="stable")[:TAGS].tolist()
    return [AudioTag(index, round(float(probabilities[index]), DECIMALS)) for index in best]
