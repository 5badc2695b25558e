"""A page to look at and listen to: some sessions of each activity."""

from __future__ import annotations

import html
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from monitor.inference.logmel import LogMelSpec, log_mel
from monitor.inference.picture import PictureSpec, picture
from trainer import files
from trainer.datasets import EVALUATION
from trainer.simulate.plan import Session
from trainer.simulate.scene import RATE

PAGE = "gallery.html"
PICTURES = "gallery"
EACH = 4
"""Sessions of an activity"""
SPEC = LogMelSpec(RATE, window_seconds=0.064, hop_seconds=0.032)
"""Finer in time than what networks are shown, so that one sees clicks"""
LOOK = PictureSpec(cmap="magma", size=288, axis="linear")
STYLE = "body{font-family:sans-serif} figure{display:inline-block;margin:4px} audio{width:288px;height:32px}"


def write(folder: Path, sessions: Sequence[Session]) -> None:
    """Write `gallery.html` and its pictures.

    Args:
        folder: of a data set whose audio is written.
        sessions: of the data set.

    Raises:
        OSError: a file cannot be written.
    """
    (folder / PICTURES).mkdir(exist_ok=True)
    known = [session for session in sessions if session.fold != EVALUATION]
    body = ""
    for label in sorted({session.label for session in known}):
        shown = [session for session in known if session.label == label][:EACH]
        body += f"<h2>{html.escape(label)}</h2>\n" + "".join(_figures(folder, shown))
    page = (
        f'<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><title>simulated sessions</title>\n'
        f"<style>{STYLE}</style>\n<p>First 10 s of a session, first microphone: 0 Hz at the bottom, "
        f"{RATE // 2} Hz at the top; colours span 80 dB.</p>\n{body}</html>\n"
    )
    files.write(folder / PAGE, page.encode())


def _figures(folder: Path, sessions: Iterable[Session]) -> Iterable[str]:
    for session in sessions:
        segment = session.segments[0]
        samples, _ = soundfile.read(folder / segment.file, always_2d=True)
        (image,) = picture(log_mel(samples.T[:1], SPEC), LOOK, SPEC)
        name = f"{PICTURES}/{Path(segment.file).stem}.png"
        files.write(folder / name, png(image))
        level = 10.0 * np.log10(max(float(np.mean(samples**2)), 1e-12))
        yield (
            f'<figure><img src="{name}" alt="spectrogram"><figcaption>{session.number}, '
            f"array {segment.node}, {level:.0f} dBFS</figcaption>"
            f'<audio controls preload="none" src="{segment.file}"></audio></figure>\n'
        )


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """An RGB image `[3, height, width]` as a PNG file (W3C, Portable Network Graphics)."""
    _, height, width = image.shape
    rows = np.moveaxis(image, 0, 2).reshape(height, 3 * width)
    filtered = np.pad(rows, ((0, 0), (1, 0)))  # each row begins with a filter type: 0, none
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
