"""A picture is a list of lines, and so is each part of it: cut to a size, put side by side, made ASCII."""

from __future__ import annotations

from rich.text import Text

Lines = list[Text]
PLAIN = str.maketrans("█░●■━╸─·│…", "#:*#=-.-|~")  # blocks to ASCII, one for one


def cut(lines: Lines, width: int) -> Lines:
    """Lines of exactly `width` cells."""
    copies = [line.copy() for line in lines]
    for line in copies:
        line.truncate(max(0, width), overflow="ellipsis", pad=True)
    return copies


def padded(lines: Lines, height: int) -> Lines:
    """Exactly so many lines."""
    return (lines + [Text()] * height)[: max(0, height)]


def columns(parts: list[Lines], widths: list[int], between: str = "  ") -> Lines:
    """Parts side by side."""
    height = max(len(part) for part in parts)
    equal = [cut(padded(part, height), width) for part, width in zip(parts, widths, strict=True)]
    gap = Text.assemble((between, "dim"))
    return [gap.join(line) for line in zip(*equal, strict=True)]


def ends(left: Text, right: Text, width: int) -> Text:
    """One line with a part at each end; the left one gives way."""
    return Text.assemble(*cut([left], width - right.cell_len - 1), " ", right)


def as_ascii(line: Text) -> Text:
    """The same line in characters that every terminal has."""
    line.plain = line.plain.translate(PLAIN).encode("ascii", "replace").decode("ascii")
    return line
