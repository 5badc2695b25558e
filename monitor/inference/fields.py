"""JSON -> frozen dataclasses: exactly the fields of the class, each of its type."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from monitor.errors import safe

Record = TypeVar("Record")


def record(kind: type[Record], document: Any, where: str = "") -> Record:
    """A dataclass from a parsed JSON object.

    Its fields may be strings, numbers, booleans, dictionaries, `Literal` strings, dataclasses, tuples of one
    type, unions of dataclasses that are told apart by their field `kind`, and one of these or None. A field
    with a default must be given, too: what a file means must not change with the program.

    Args:
        kind: dataclass.
        document: what `json.loads` returned.
        where: path of the object in its file, for messages; empty for the file itself.

    Raises:
        ValueError: a field is missing, unknown, or ill-typed, or the class itself refuses its value.
    """
    entries = value(dict, document, where)
    names = [entry.name for entry in fields(kind)]  # type: ignore[arg-type]  # there is no type for dataclasses
    for name in names:
        if name not in entries:
            raise ValueError(f"{_join(where, name)} is missing")
    for name in entries:
        if name not in names:
            raise ValueError(f"{_join(where, safe(name, 60))} is unknown")
    hints = get_type_hints(kind)
    given = {name: value(hints[name], entries[name], _join(where, name)) for name in names}
    try:
        return kind(**given)
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"{where}: {safe(str(exc))}") from exc


def value(kind: Any, found: Any, where: str) -> Any:
    """What stands in a field of this type.

    Raises:
        ValueError: something else stands there.
    """
    if is_dataclass(kind):
        return record(kind, found, where)  # type: ignore[arg-type]  # kind is a class here
    if isinstance(kind, UnionType):
        choices = [choice for choice in get_args(kind) if choice is not NoneType]
        if found is None and len(choices) < len(get_args(kind)):
            return None
        return _one_of(choices, found, where) if len(choices) > 1 else value(choices[0], found, where)
    outer = get_origin(kind) or kind
    if outer is Literal:
        if found not in get_args(kind):
            raise ValueError(f"{where} must be {_either(get_args(kind))}, not {_shown(found)}")
        return found
    if outer is tuple:
        item = get_args(kind)[0]
        return tuple(
            value(item, entry, f"{where}[{index}]") for index, entry in enumerate(value(list, found, where))
        )
    if outer is float and type(found) is int:
        found = _to_float(found)
    # Not isinstance: to Python, True is a number.
    if type(found) is not outer or (outer is float and not math.isfinite(found)):
        raise ValueError(f"{where or 'it'} must be {_NAMES[outer]}, not {_shown(found)}")
    return found


_NAMES: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def _one_of(choices: list[Any], found: Any, where: str) -> Any:
    kinds = {kind.kind: kind for kind in choices}
    name = value(dict, found, where).get("kind")
    if not isinstance(name, str) or name not in kinds:
        raise ValueError(f"{where} is of kind {_shown(name)}; this program runs {_either(tuple(kinds))}")
    return record(kinds[name], found, where)


def _to_float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(repr(name) for name in names)


def _shown(found: Any) -> str:
    return safe(repr(found), 60)
