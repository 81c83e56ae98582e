"""A record's leaves as the properties of a payload: flat, fit for JSON, and counted while they are made."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

from ._errors import InvalidFieldError, PayloadTooLargeError, is_a, shown
from ._flattening import INDEXES, MAX_DEPTH, dotted, leaves

__all__ = ["flatten_to_json"]

# Integers within these bounds, which is nearly all of them, need no look at their length.
_WORD = 1 << 64
_MAX_BITS = 1 << 17


def flatten_to_json(record: dict[Any, Any], separator: str, limit: int) -> tuple[dict[str, Any], int]:
    """Flatten **record**, and count the characters in its keys and strings; stop once they are over **limit**.

    As in ``flatten`` there is a short way for plain data, and a careful way that knows what is wrong and where.
    """
    if not isinstance(separator, str):
        raise TypeError(f"separator must be a string, not {shown(separator)}")
    try:
        flat: dict[str, Any] = {}
        counts: list[int] = []
        left = _flatten_plain(record, "", flat, separator, MAX_DEPTH, limit, counts)
        "".join(flat)  # fails where a key is no string: adding one to a string need not
        # A container within another stands for one of its children less; what is missing then was overwritten.
        if len(flat) == sum(counts) - len(counts) + 1:
            return flat, limit - left
    except Exception:  # noqa: S110 (whatever a value's own code may raise, the careful way says it)
        pass
    flat, characters = {}, 0
    for place, key, value in leaves(record, separator, MAX_DEPTH, limit):
        try:
            characters += len(key) + _length(value)
        except ValueError as error:
            raise InvalidFieldError(f"{shown(value)} has no JSON form: {error}", path=dotted(place)) from None
        if characters > limit:
            raise PayloadTooLargeError(f"up to here the record takes over {limit} bytes: send less", path=dotted(place))
        flat[key] = value
    return flat, characters


def _flatten_plain(  # noqa: PLR0917 (by position, as a call by keywords takes longer)
    container: Any, prefix: str, flat: dict[str, Any], separator: str, depth: int, left: int, counts: list[int]
) -> int:
    """Put the leaves of a dict or list into **flat**, and give what of **left** characters they leave.

    Adds each container's number of children to **counts**. Raises ``TypeError`` at whatever is not plain, and where
    **left** is too little.
    """
    count = len(container)
    counts.append(count)
    if count * (len(prefix) + 1) > left or not depth:
        raise TypeError
    outer = type(container)
    children: Iterable[tuple[str, Any]]
    if outer is dict:
        children = container.items()
    else:
        children = zip(INDEXES if count <= len(INDEXES) else map(str, range(count)), container)
    for key, value in children:
        kind = type(value)
        if kind is str:
            flat[key := prefix + key] = value
            left -= len(key) + len(value)
        elif kind is bool or value is None or (kind is int and -_WORD < value < _WORD):
            flat[key := prefix + key] = value
            left -= len(key)
        elif kind is dict or kind is list:
            if value:
                left = _flatten_plain(value, prefix + key + separator, flat, separator, depth - 1, left, counts)
            elif depth > 1:
                flat[key := prefix + key] = kind()
                left -= len(key)
            else:
                raise TypeError
        elif kind is float and isfinite(value):
            flat[key := prefix + key] = value
            left -= len(key)
        else:
            raise TypeError
    return left


def _length(value: object) -> int:
    """Give the characters in **value**, 0 for one of a fixed width; ``ValueError`` says what would have a JSON form."""
    if is_a(value, str):
        return str.__len__(value)
    if is_a(value, int):
        if int.bit_length(value) <= _MAX_BITS:
            try:
                return len(int.__repr__(value))
            except ValueError:  # more digits than sys.set_int_max_str_digits allows
                pass
        raise ValueError("give a shorter integer, or a string")
    if is_a(value, float):
        if isfinite(value):
            return 0
        raise ValueError("give a finite number or null")
    if value is None or type(value) in (dict, list):  # an empty one, which flattening made
        return 0
    raise ValueError("give a string, number, bool, null, mapping or list")
