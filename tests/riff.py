"""WAV files of any chunks, right or wrong."""

from __future__ import annotations

import struct

from tests.toys import RATE, tone

SAMPLES = (32767 * tone("low", 1.25).T).astype("<i2").tobytes()
"""Of four channels and 16 bits"""


def wav(*chunks: tuple[bytes, bytes], form: bytes = b"RIFF") -> bytes:
    """A WAV of any chunks."""
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return form + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def header(kind: int = 1, channels: int = 4, rate: int = RATE, bits: int = 16, frame: int = 8) -> bytes:
    """A format chunk, of 16 bits and four channels unless told otherwise."""
    second = rate * frame & 0xFFFFFFFF
    return struct.pack("<HHIIHH", kind, channels, rate, second, frame, bits)


def extension(guid: bytes) -> bytes:
    """A format chunk with an extended header, as recorders of four channels write it."""
    return header(0xFFFE) + struct.pack("<HHI", 22, 16, 0xF) + guid


PCM = bytes.fromhex("0100000000001000800000aa00389b71")
"""GUID of whole numbers"""
