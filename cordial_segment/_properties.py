"""A record's leaves as the properties of a payload: flat, fit for JSON, and counted while they are made."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from sys import maxsize
from typing import Any

from ._errors import InvalidFieldError, KeyCollisionError, PayloadTooLargeError, TranslationError, is_a, shown
from ._flattening import (
    EMPTY_KINDS,
    INDEXES,
    LEAST_ENTRY,
    MAX_DEPTH,
    PREPARED,
    collision,
    dotted,
    is_container,
    leaves,
    too_deep,
    too_large,
)

__all__ = ["flatten_to_json"]

# Integers within these bounds, which is nearly all of them, need no look at their length.
_LEAST, _MOST = 1 - (1 << 64), (1 << 64) - 1
_MAX_BITS = 1 << 17

_NO_STEPS: list[str] = []


def flatten_to_json(record: dict[Any, Any], separator: str, limit: int) -> tuple[dict[str, Any], int]:
    """Flatten **record**, and count the characters in its keys and strings; stop once they are over **limit**.

    As in ``flatten`` there is a short way for plain data, and a careful way for all else. Here the short way also says
    what is wrong and where: what comes from JSON, and so from strangers, never takes the other.
    """
    if not is_a(separator, str):
        raise TypeError(f"separator must be a string, not {shown(separator)}")
    flat: dict[str, Any] = {}
    counts: list[int] = []
    try:
        left = _flatten_plain(record, "", flat, separator, MAX_DEPTH, limit, counts)
        # A container within another stands for one of its children less; what is missing then was overwritten.
        if len(flat) == sum(counts) - len(counts) + 1:
            return flat, limit - left - len(flat) * LEAST_ENTRY
        _tell_collision(record, separator, left)
    except PayloadTooLargeError as error:
        raise too_large(limit, error.path) from None
    except TranslationError:
        raise
    except Exception:  # noqa: S110 (whatever a value's own code may raise, the careful way says it)
        pass
    flat, characters = {}, 0
    for place, key, value in leaves(record, separator, MAX_DEPTH, limit):
        try:
            characters += len(key) + _length(value)
        except InvalidFieldError as error:
            error.path = dotted(place)
            raise
        if characters > limit:
            raise too_large(limit, dotted(place))
        flat[key] = value
    return flat, characters


def _flatten_plain(  # noqa: PLR0915, PLR0917 (one loop, and by position, as calls take long)
    container: Any, prefix: str, flat: dict[str, Any], separator: str, depth: int, left: int, counts: list[int]
) -> int:
    """Put the leaves of a dict, list or tuple into **flat**, and give what of **left** bytes they leave.

    A leaf is counted as its characters and ``LEAST_ENTRY``. Adds to **counts** how many children each container has,
    but for only children. A ``TranslationError`` gets its path on its way out; any other error tells that there is more
    here than plain data.
    """
    number = len(container)
    counts.append(number)
    left -= number * LEAST_ENTRY
    if number * len(prefix) > left:
        raise PayloadTooLargeError("")  # flatten_to_json() knows the limit
    key = ""
    chain = _NO_STEPS
    outer = type(container)
    children: Iterable[tuple[Any, Any]]
    if outer is dict:
        children = container.items()
    else:
        children = zip(INDEXES if number <= PREPARED else map(str, range(number)), container)
    try:
        for key, value in children:
            if type(key) is not str:  # another type's own sum with a string may be anything
                raise TypeError
            kind = type(value)
            if kind is str:
                flat[name := prefix + key] = value
                left -= len(name) + len(value)
            elif kind is bool or value is None or (kind is int and _LEAST <= value <= _MOST):
                flat[name := prefix + key] = value
                left -= len(name)
            elif kind is dict or kind is list or kind is tuple:
                if depth == 1:
                    raise too_deep(MAX_DEPTH)
                name = prefix + key
                number = len(value)
                if number > 1:
                    inner = name + separator
                    left = _flatten_plain(value, inner, flat, separator, depth - 1, left + LEAST_ENTRY, counts)
                elif number:
                    value, chain, below = _only_child(value, depth - 1)
                    name = separator.join([name, *chain])
                    if type(value) in EMPTY_KINDS and value:
                        inner = name + separator
                        left = _flatten_plain(value, inner, flat, separator, below, left + LEAST_ENTRY, counts)
                    else:
                        left -= _put(flat, name, value)
                        if left < 0:
                            raise PayloadTooLargeError("")
                    chain = _NO_STEPS
                else:
                    flat[name] = EMPTY_KINDS[kind]()
                    left -= len(name)
            elif kind is float and isfinite(value):
                flat[name := prefix + key] = value
                left -= len(name)
            else:
                left -= _put(flat, prefix + key, value)
                if left < 0:  # to count the digits of an integer takes long
                    raise PayloadTooLargeError("")
    except TranslationError as error:
        error.path = ".".join([key, *chain] if error.path is None else [key, *chain, error.path])
        raise
    return left


def _only_child(value: Any, depth: int) -> tuple[Any, list[str], int]:
    """Go down from a container to its only child, and from that to its own; give the last, its keys and its depth.

    Nothing holds more for its size than brackets in brackets: without a call for each, they cost a fifth.
    """
    steps: list[str] = []
    kind = type(value)
    while len(value) == 1:
        if kind is dict:
            ((key, value),) = value.items()
            if type(key) is not str:
                raise TypeError
        else:
            key, value = "0", value[0]
        steps.append(key)
        kind = type(value)
        if kind not in EMPTY_KINDS:
            break
        if depth == 1:
            raise too_deep(MAX_DEPTH, ".".join(steps))
        depth -= 1
    return value, steps, depth


def _put(flat: dict[str, Any], name: str, value: Any) -> int:
    """Put a leaf of any kind into **flat**, and give its characters."""
    kind = type(value)
    if kind is str:
        flat[name] = value
        return len(name) + len(value)
    if kind in EMPTY_KINDS:
        value = EMPTY_KINDS[kind]()
    elif is_container(value):
        raise TypeError
    flat[name] = value
    return len(name) + _length(value)


class _Once(dict[str, Any]):
    """A dict that takes each key once."""

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self:
            raise KeyCollisionError("", key=key)
        super().__setitem__(key, value)


def _tell_collision(record: Any, separator: str, left: int) -> None:
    """Raise the error for the first two places of plain data that collide, unless it cannot fit anyway."""
    if left < 0:
        raise PayloadTooLargeError("")
    try:
        _flatten_plain(record, "", _Once(), separator, MAX_DEPTH, maxsize, [])
    except KeyCollisionError as error:
        first = ".".join(_way_to(error.key, record, "", separator))
        raise collision(error.key, first, error.path) from None


def _way_to(wanted: str, container: Any, prefix: str, separator: str) -> list[str]:
    """Give the keys to the first leaf of plain data that flattens to **wanted**; none where there is none."""
    outer = type(container)
    children: Any = container.items() if outer is dict else zip(map(str, range(len(container))), container)
    for key, value in children:
        name = prefix + key
        if type(value) in EMPTY_KINDS and value:
            if wanted.startswith(inner := name + separator) and (way := _way_to(wanted, value, inner, separator)):
                return [key, *way]
        elif name == wanted:
            return [key]
    return []


def _length(value: object) -> int:
    """Give the characters in **value**, 0 for one of a fixed width; an error says what would have a JSON form."""
    if is_a(value, str):
        return str.__len__(value)
    right = "give a string, number, bool, null, mapping or list"
    if is_a(value, int):
        if int.bit_length(value) <= _MAX_BITS:
            try:
                return len(int.__repr__(value))
            except ValueError:  # more digits than sys.set_int_max_str_digits allows
                pass
        right = "give a shorter integer, or a string"
    elif is_a(value, float):
        if isfinite(value):
            return 0
        right = "give a finite number or null"
    elif value is None or is_container(value):  # an empty one, which flattening made
        return 0
    raise InvalidFieldError(f"{shown(value)} has no JSON form: {right}")
