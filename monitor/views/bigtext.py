"""A block font that can be read from across a room: letters five pixels high, drawn with half blocks."""

from __future__ import annotations

_GLYPHS = {
    "a": ".##. #..# #### #..# #..#",
    "b": "###. #..# ###. #..# ###.",
    "c": ".### #... #... #... .###",
    "d": "###. #..# #..# #..# ###.",
    "e": "### #.. ##. #.. ###",
    "f": "### #.. ##. #.. #..",
    "g": ".### #... #.## #..# .###",
    "h": "#..# #..# #### #..# #..#",
    "i": "# # # # #",
    "j": "..# ..# ..# #.# .#.",
    "k": "#..# #.#. ##.. #.#. #..#",
    "l": "#.. #.. #.. #.. ###",
    "m": "#...# ##.## #.#.# #...# #...#",
    "n": "#..# ##.# #.## #..# #..#",
    "o": ".##. #..# #..# #..# .##.",
    "p": "###. #..# ###. #... #...",
    "q": ".##. #..# #..# #.## .###",
    "r": "###. #..# ###. #.#. #..#",
    "s": ".### #... .##. ...# ###.",
    "t": "### .#. .#. .#. .#.",
    "u": "#..# #..# #..# #..# .##.",
    "v": "#...# #...# .#.#. .#.#. ..#..",
    "w": "#...# #...# #.#.# ##.## #...#",
    "x": "#.# #.# .#. #.# #.#",
    "y": "#.# #.# .#. .#. .#.",
    "z": "#### ..#. .#.. #... ####",
    "0": ".##. #..# #..# #..# .##.",
    "1": ".# ## .# .# .#",
    "2": "###. ...# .##. #... ####",
    "3": "###. ...# .##. ...# ###.",
    "4": "#..# #..# #### ...# ...#",
    "5": "#### #... ###. ...# ###.",
    "6": ".##. #... ###. #..# .##.",
    "7": "#### ...# ..#. .#.. .#..",
    "8": ".##. #..# .##. #..# .##.",
    "9": ".##. #..# .### ...# .##.",
    "-": "... ... ### ... ...",
    "'": "# # . . .",
    " ": ".. .. .. .. ..",
}
_HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def big(text: str, scale: int) -> list[str]:
    """The text in block letters, all lines of equal length; empty where a character is not in the font.

    Args:
        text: upper and lower case look the same.
        scale: columns per pixel; a pixel is half as many lines high, which makes it square.
    """
    glyphs = [_GLYPHS.get(char, "").split() for char in text.lower()]
    if not all(glyphs):
        return []
    rows = [".".join(glyph[row] for glyph in glyphs) for row in range(5) if glyphs]
    dots = ["".join(char * scale for char in row) for row in rows for _ in range(scale)]
    dots += ["." * len(dots[0])] if len(dots) % 2 else []
    return [_line(upper, lower) for upper, lower in zip(dots[::2], dots[1::2], strict=True)]


def _line(upper: str, lower: str) -> str:
    return "".join(_HALVES[a == "#", b == "#"] for a, b in zip(upper, lower, strict=True))
