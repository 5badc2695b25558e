"""What to try a parser with: good input with something wrong in it, as hypothesis strategies."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from hypothesis import strategies as st

from tests.riff import PCM, extension, header, wav

EDITS = (1, 1, 1, 2, 3, 6)
"""Changes to one input: where there are many, most inputs fail early and alike"""
HEAD = 128
"""Bytes at the start of a file in which half of all changes are made"""
BEYOND = '"@1e400@"'
"""Stands for a number that JSON allows and no float holds"""

EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFF0, 0xFFFFFFFF)
"""Numbers at which sizes overflow"""
LENGTH = 32
"""Bytes that are replaced or removed at once, at most"""


def changed(originals: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """One of the originals, with bits, bytes, numbers or stretches changed, or its end cut off."""
    return st.builds(_changed, st.sampled_from(originals), st.integers(0, 1 << 32))


def _changed(original: bytes, seed: int) -> bytes:
    """By Python's chance: hypothesis would draw some places again and again."""
    data, chance = bytearray(original), random.Random(seed)
    for _ in range(chance.choice(EDITS)):
        place = chance.randrange(min(HEAD, len(data) + 1) if chance.random() < 0.5 else len(data) + 1)
        length = chance.randint(1, LENGTH)
        match chance.choice(["flip", "flip", "number", "bytes", "remove", "repeat", "cut"]):
            case "flip" if place < len(data):
                data[place] ^= 1 << chance.randrange(8)
            case "number":
                order: Literal["little", "big"] = chance.choice(["little", "big"])
                data[place : place + 4] = chance.choice(EDGES).to_bytes(4, order)
            case "bytes":
                data[place : place + length] = chance.randbytes(chance.randint(0, LENGTH))
            case "remove":
                del data[place : place + length]
            case "repeat":
                data[place:place] = data[place : place + 16 * length]
            case "cut":
                del data[place:]
    return bytes(data)


shorts = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 24, 32, 64, 255, 1024, 0xFFFE, 0xFFFF])
formats = st.builds(
    header,
    kind=st.sampled_from([0, 1, 2, 3, 6, 7, 0x11, 0x31, 0x50, 0xFFFE, 0xFFFF]),
    channels=shorts,
    rate=st.sampled_from([0, 1, 8000, 16000, 44100, 192_000, 0x7FFFFFFF, 0xFFFFFFFF]),
    bits=shorts,
    frame=shorts,
) | st.builds(extension, st.just(PCM) | st.binary(min_size=16, max_size=16))
others = st.tuples(
    st.sampled_from(
        [b"fmt ", b"data", b"LIST", b"fact", b"JUNK", b"bext", b"ds64", b"cue ", b"smpl", b"PEAK"]
    ),
    st.binary(max_size=80),
)
parts = st.tuples(
    st.tuples(st.just(b"fmt "), st.just(header()) | formats),
    st.tuples(st.just(b"data"), st.binary(max_size=400)),
    others,
    others,
)
recordings = st.builds(
    lambda chunks, form: wav(*chunks, form=form),
    parts.flatmap(st.permutations) | st.lists(others, max_size=4),
    st.sampled_from([b"RIFF", b"RIFF", b"RIFX", b"RF64"]),
)
"""WAV files whose chunks come in any order and say anything"""

whole = st.sampled_from([0, -1, 1 << 31, 1 << 63, -(10**400), 10**400])
strings = st.text(max_size=20) | st.sampled_from(
    ["", "\ud800", "\x1b[2J", "[/nope]", "\u202e", "a" * 5000, "0001-01-01T00:00:00+23:59", BEYOND[1:-1]]
)
leaves = st.one_of(st.none(), st.booleans(), whole, st.floats(), strings)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
nests = st.builds(
    lambda depth, pair: pair[0] * depth + pair[1] * depth,
    st.integers(0, 100_000),
    st.sampled_from(["[]", ['{"a":', "1}"]]),
)


@st.composite
def documents(draw: st.DrawFn, originals: Sequence[dict[str, Any]]) -> bytes:
    """One of the JSON objects, in which some values are others, or gone."""
    document = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.sampled_from(EDITS))):
        places = list(_places(document))
        if not places:
            break
        parent, key = draw(st.sampled_from(places))
        if draw(st.integers(0, 9)) or isinstance(parent, list):
            parent[key] = draw(values if draw(st.integers(0, 3)) == 0 else _alike(parent[key]))
        else:
            del parent[key]
    return json.dumps(document).replace(BEYOND, "1e400").encode()


def _alike(value: Any) -> st.SearchStrategy[Any]:
    """Values of the same type, so that some documents get past the first look at them."""
    if isinstance(value, str):
        return strings
    if isinstance(value, bool | int | float):
        return {bool: st.booleans(), int: st.integers() | whole, float: st.floats() | whole}[type(value)]
    return st.just(value)


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every object or list in the document, with each key or index of it."""
    keys: Any = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for key in keys:
        yield node, key
        yield from _places(node[key])


def texts(originals: Sequence[dict[str, Any]]) -> st.SearchStrategy[bytes]:
    """What may come in place of a JSON object."""
    good = [json.dumps(document).encode() for document in originals]
    other = st.one_of(values.map(json.dumps), nests).map(lambda text: text.replace(BEYOND, "1e400").encode())
    kinds = [documents(originals), changed(good), other, st.binary(max_size=300)]
    return st.sampled_from([0, 0, 0, 0, 1, 2, 3]).flatmap(lambda kind: kinds[kind])
