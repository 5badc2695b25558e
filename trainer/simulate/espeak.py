"""A program of its own that speaks with espeak-ng: requests as JSON on stdin, 16-bit samples on stdout.

A fresh process for every list of requests, because espeak-ng carries hidden state from one phrase to the
next: only from its very first phrase on is the same list always the same sound.

For each request `[text, voice, rate, pitch, range]` it writes the number of samples, as a little-endian
32-bit number, and the samples at `RATE`. It imports neither numpy nor this package, to start at once.
"""

from __future__ import annotations

import ctypes
import json
import struct
import sys

import espeakng_loader

RATE = 22050
"""Hertz, of every voice of espeak-ng that is not of MBROLA"""

# From speak_lib.h of espeak-ng.
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_SPEED, _PITCH, _RANGE = 1, 3, 4
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def main() -> None:
    """Speak every request; end with a message on stderr if espeak-ng cannot."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    if (
        library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), _DONT_EXIT)
        != RATE
    ):
        sys.exit("espeak-ng does not start")
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # it starts from the time of day
    spoken = bytearray()

    def receive(samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        spoken.extend(ctypes.string_at(samples, 2 * count) if samples else b"")
        return 0

    callback = _CALLBACK(receive)
    library.espeak_SetSynthCallback(callback)
    for text, voice, rate, pitch, pitch_range in json.load(sys.stdin):
        spoken.clear()
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            sys.exit(f"espeak-ng has no voice {voice}")
        for parameter, value in ((_SPEED, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        phrase = text.encode() + b"\0"
        library.espeak_Synth(phrase, ctypes.c_size_t(len(phrase)), 0, 0, 0, _UTF8, None, None)
        sys.stdout.buffer.write(struct.pack("<I", len(spoken) // 2) + spoken)


if __name__ == "__main__":
    main()
