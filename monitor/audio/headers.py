"""What libsndfile does not tell of a file, or only in its log: that it was cut off, or contradicts itself."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import NamedTuple

_STREAMED = 0xFFFFFFFF
"""Size of the audio in the header of a file that was written to a pipe"""
_LENGTHS = re.compile(r"^(?!RIFF|FORM).*: (\d+) \(should be (\d+)\)", re.MULTILINE)
"""Sizes in libsndfile's log that do not fit the file. Not those of all chunks together: many writers get that
wrong, and there the size of the audio stands for itself"""
_PLAIN = (1, 3, 0xFFFE)
"""Formats of a WAV whose samples are plain numbers: integers, floats, either with an extended header"""
_OGG_PAGE, _LONGEST_OGG_PAGE = 27, 27 + 255 + 255 * 255
"""Bytes of a page without and with all that it may hold (RFC 3533)"""
_LAST_PAGE = 4
"""The flag of the last page of a stream"""


class Wav(NamedTuple):
    """The header of a WAV, as far as libsndfile keeps silent about it."""

    declared: int
    """Bytes of audio that the header promises"""
    present: int
    """Bytes that follow it"""
    contradiction: str | None
    """Between two numbers of the header"""


def read_wav(file: Path) -> Wav | None:
    """The header of a WAV with a data chunk; None for others."""
    size, forms = file.stat().st_size, list[bytes]()
    with file.open("rb") as stream:
        header = stream.read(12)
        if header[:4] not in (b"RIFF", b"RF64") or header[8:] != b"WAVE":
            return None
        while len(head := stream.read(8)) == 8:
            length, body = int.from_bytes(head[4:], "little"), stream.tell()
            if head[:4] == b"data":
                present = size - body
                # The size in an RF64 stands elsewhere, in 64 bits, and libsndfile minds it.
                declared = length if header[:4] == b"RIFF" else present
                return Wav(declared, present, _contradiction(forms))
            if head[:4] == b"fmt ":
                forms.append(stream.read(16))
            stream.seek(body + length + length % 2)
    return None


def cut_off(file: Path, log: str) -> str | None:
    """In what way a file that can be opened lacks its end; None if it is whole.

    A FLAC or MP3 that lacks its end is found to when it is played to there.

    Args:
        file: to look at.
        log: what libsndfile says of its header.
    """
    for declared, present in _LENGTHS.findall(log):
        if int(declared) > int(present):
            return "was never finished" if int(declared) == _STREAMED else "is cut off"
    return "is cut off" if _ogg_lacks_end(file) else None


def _ogg_lacks_end(file: Path) -> bool:
    """Whether a file is an Ogg without its last page, which alone says how long it is."""
    with file.open("rb") as stream:
        if stream.read(4) != b"OggS":
            return False
        stream.seek(max(0, file.stat().st_size - _LONGEST_OGG_PAGE))
        tail = stream.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < _OGG_PAGE or not page[5] & _LAST_PAGE:
        return True
    segments = page[_OGG_PAGE : _OGG_PAGE + page[26]]
    return len(page) < _OGG_PAGE + page[26] + sum(segments)


def _contradiction(forms: list[bytes]) -> str | None:
    """Where sizes disagree libsndfile goes by the bits of a sample alone, and may read noise.

    A second format in an RF64 has made it write beyond its memory.
    """
    if len(forms) > 1:
        return "two formats"
    if not forms or len(forms[0]) < 16:
        return None
    kind, channels, _, _, frame, bits = struct.unpack("<HHIIHH", forms[0])
    if kind not in _PLAIN or 8 * frame == channels * bits:
        return None
    return f"{channels} samples of {bits} bits in {frame} bytes"
