"""A record's leaves as the properties of a payload: flat, fit for JSON, and counted while they are made."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

from ._errors import InvalidFieldError, KeyCollisionError, PayloadTooLargeError, TranslationError, is_a, shown
from ._flattening import (
    EMPTY_KINDS,
    INDEXES,
    LEAST_ENTRY,
    MAX_DEPTH,
    collision,
    dotted,
    is_container,
    leaves,
    too_deep,
    too_large,
)

__all__ = ["flatten_to_json"]

# Integers within these bounds, which is nearly all of them, need no look at their length.
_WORD = 1 << 64
_MAX_BITS = 1 << 17


def flatten_to_json(record: dict[Any, Any], separator: str, limit: int) -> tuple[dict[str, Any], int]:
    """Flatten **record**, and count the characters in its keys and strings; stop once they are over **limit**.

    As in ``flatten`` there is a short way for plain data, and a careful way for all else. Here the short way also says
    what is wrong and where: what comes from JSON, and so from strangers, never takes the other.
    """
    if not isinstance(separator, str):
        raise TypeError(f"separator must be a string, not {shown(separator)}")
    flat: dict[str, Any] = {}
    counts: list[int] = []
    try:
        left = _flatten_plain(record, "", flat, separator, MAX_DEPTH, limit, counts)
        "".join(flat)  # fails where a key is no string: adding one to a string need not
        # A container within another stands for one of its children less; what is missing then was overwritten.
        if len(flat) == sum(counts) - len(counts) + 1:
            return flat, limit - left
        _flatten_plain(record, "", _Once(), separator, MAX_DEPTH, limit, [])
    except KeyCollisionError as error:
        raise collision(error.key, ".".join(_way_to(error.key, record, "", separator)), error.path) from None
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


class _Once(dict[str, Any]):
    """A dict that takes each key once."""

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self:
            raise KeyCollisionError("", key=key)
        super().__setitem__(key, value)


def _flatten_plain(  # noqa: PLR0917 (by position, as a call by keywords takes longer)
    container: Any, prefix: str, flat: dict[str, Any], separator: str, depth: int, left: int, counts: list[int]
) -> int:
    """Put the leaves of a dict, list or tuple into **flat**, and give what of **left** characters they leave.

    Adds each container's number of children to **counts**. A ``TranslationError`` gets its path on its way out; any
    other error says that there is more here than plain data.
    """
    number = len(container)
    counts.append(number)
    if number * (len(prefix) + LEAST_ENTRY) > left:
        raise PayloadTooLargeError("")  # flatten_to_json() knows the limit
    key: Any = None
    chain: list[Any] | tuple[()] = ()
    outer = type(container)
    children: Iterable[tuple[str, Any]]
    if outer is dict:
        children = container.items()
    else:
        children = zip(INDEXES if number <= len(INDEXES) else map(str, range(number)), container)
    try:
        for key, value in children:
            kind = type(value)
            if kind is str:
                flat[name := prefix + key] = value
                left -= len(name) + len(value)
            elif kind is bool or value is None or (kind is int and -_WORD < value < _WORD):
                flat[name := prefix + key] = value
                left -= len(name)
            elif kind is dict or kind is list or kind is tuple:
                name = prefix + key
                if depth == 1:
                    raise too_deep(MAX_DEPTH)
                if not value:
                    flat[name] = EMPTY_KINDS[kind]()
                    left -= len(name)
                    continue
                below = depth - 1
                if number == 1:
                    value, chain = _only_children(value, below)
                    name = separator.join([name, *chain])
                    below -= len(chain)
                left = _flatten_plain(value, name + separator, flat, separator, below, left, counts)
            elif kind is float and isfinite(value):
                flat[name := prefix + key] = value
                left -= len(name)
            elif is_container(value):
                raise TypeError
            else:
                flat[name := prefix + key] = value
                left -= len(name) + _length(value)
                if left < 0:  # to count an integer's digits takes long
                    raise PayloadTooLargeError("")
    except TranslationError as error:
        error.path = ".".join([key, *chain] if error.path is None else [key, *chain, error.path])
        raise
    return left


def _only_children(container: Any, depth: int) -> tuple[Any, list[Any]]:
    """Go down while a container's only child is another, **depth** steps at most; give the last, and the keys to it.

    Nothing holds more for its size than brackets in brackets: without a call for each, they cost a fifth.
    """
    steps: list[Any] = []
    while len(container) == 1 and len(steps) < depth - 1:
        outer = type(container)
        if outer is dict:
            ((key, child),) = container.items()
        else:
            key, child = "0", container[0]
        if type(child) not in EMPTY_KINDS or not child:
            break
        steps.append(key)
        container = child
    return container, steps


def _way_to(wanted: str, container: Any, prefix: str, separator: str) -> list[Any]:
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
