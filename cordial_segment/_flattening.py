"""Nested data to one flat dict, with nothing lost: of use to anyone, Cordial or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from math import inf
from typing import Any

from ._errors import InvalidFieldError, KeyCollisionError, NestingError, PayloadTooLargeError, cut, shown

__all__ = ["CONTAINERS", "MAX_DEPTH", "Container", "Place", "dotted", "entries", "flatten", "flatten_within"]

MAX_DEPTH = 100

# Beyond its key, an entry of a JSON object takes two quotes, a colon, a value of one character and a comma or brace.
_LEAST_ENTRY = 5

CONTAINERS = (dict, list, tuple, Mapping)
_SCALARS = frozenset({str, int, float, bool, type(None)})
_TEXT = frozenset({str})
_INDEXES = tuple(map(str, range(100)))

Container = Mapping[Any, Any] | list[Any] | tuple[Any, ...]

# The way from the root to a value, last step first: (place of the parent, key). Cheap to make for every leaf.
Place = tuple["Place | None", object]


def dotted(place: Place | None) -> str | None:
    """Write **place** as its keys joined by dots; the root is ``None``."""
    steps: list[str] = []
    while place is not None:
        place, key = place
        steps.append(key if isinstance(key, str) else shown(key))
    return ".".join(reversed(steps)) if steps else None


def flatten(data: Container, *, separator: str = "_", max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Turn nested mappings, lists and tuples into one dict, in document order.

    A child's key is its parent's key, the **separator**, then its own key or list index. Nothing is lost: an empty
    mapping or list stays under its own key, as a new empty one, and ``0``, ``""``, ``False`` and ``None`` stay as
    they are. Strings, bytes, sets and every other object are leaves and come out as the very object that went in.
    Any ``Mapping`` counts as a mapping, any list or tuple as a list. **data** is not changed, and the result shares no
    mapping and no list with it.

    The result has no size limit, and repeats a parent's key for each of its leaves: a key of *n* characters over *n*
    leaves makes *n*² characters. For data from strangers, limit its size first, or use ``build_track_payload``, which
    stops at Segment's 32 KB.

    :param data: A mapping, list or tuple.
    :param separator: What stands between the parts of a key.
    :param max_depth: How many containers may lie in each other, **data** itself being the first.
    :raises KeyCollisionError: If two places give one key.
    :raises InvalidFieldError: If a key is no string or integer (a bool is neither), or a container cannot be read.
    :raises NestingError: If containers lie deeper than **max_depth**, or one contains itself.
    :raises TypeError: If **data** is no mapping, list or tuple.

    >>> from cordial_segment import flatten
    >>> flatten({"d": {"type": "phone", "tags": ["new", "vip"]}, "cart": []})
    {'d_type': 'phone', 'd_tags_0': 'new', 'd_tags_1': 'vip', 'cart': []}
    >>> flatten([{"a": 0}, {"a": None}], separator=".")
    {'0.a': 0, '1.a': None}

    Source of the form: the payload in Cordial's article "Send data from Cordial to Segment".
    """
    if not isinstance(data, CONTAINERS):
        raise TypeError(f"data must be a mapping, list or tuple, not {shown(data)}")
    if not isinstance(separator, str):
        raise TypeError(f"separator must be a string, not {shown(separator)}")
    if not isinstance(max_depth, int) or isinstance(max_depth, bool):
        raise TypeError(f"max_depth must be an integer, not {shown(max_depth)}")
    if max_depth < 1:
        raise ValueError(f"max_depth must be at least 1, not {shown(max_depth)}")
    # A wide flat dict is its own flattening; copying it whole is ten times as fast as key by key.
    if (
        type(data) is dict
        and len(data) > len(_INDEXES)
        and _SCALARS.issuperset(map(type, data.values()))
        and _TEXT.issuperset(map(type, data))
    ):
        return data.copy()
    return flatten_within(None, data, separator, max_depth)


def flatten_within(limit: int | None, data: Container, separator: str, max_depth: int) -> dict[str, Any]:
    """Flatten **data**, and stop once its JSON form cannot fit in **limit** bytes.

    Plain JSON data takes the short way, which only ever succeeds; whatever else there is (other types, any kind of
    error) takes the careful way, which knows each leaf's place.
    """
    flat: dict[str, Any] = {}
    if type(data) is dict or type(data) is list:
        try:
            if _flatten_plain(data, "", flat, separator, max_depth, None if limit is None else [limit]) == len(flat):
                return flat
        except (TypeError, RuntimeError):
            pass
        flat = {}
    for place, key, value in entries(data, separator, max_depth, limit):
        if key in flat:
            twin = next(earlier for earlier, same, _ in entries(data, separator, max_depth, limit) if same == key)
            first, second = dotted(twin) or "", dotted(place) or ""
            raise KeyCollisionError(
                f"flattens to {shown(key)}, and so does {cut(first)}: rename one, or use another separator",
                path=second,
                key=key,
                paths=(first, second),
            )
        flat[key] = value
    return flat


def _flatten_plain(
    container: Any, prefix: str, flat: dict[str, Any], separator: str, depth: int, budget: list[int] | None
) -> int:
    """Put the leaves of a non-empty dict or list into **flat**; give their number, which collisions make too high.

    Raises ``TypeError`` at the first thing that is not plain. Recursion, exact types and the bare loop make it twice
    as fast as the careful way.
    """
    count = len(container)
    if budget:
        # Each child but the first adds an entry whose key starts with the prefix; the first is its parent's entry.
        budget[0] -= (count - 1) * (len(prefix) + _LEAST_ENTRY)
        if budget[0] < len(prefix):
            raise TypeError
    if not depth:
        raise TypeError
    children: Iterable[tuple[str, Any]]
    if type(container) is dict:
        children = container.items()
    else:
        children = zip(_INDEXES if count <= len(_INDEXES) else map(str, range(count)), container)
    for key, value in children:
        kind = type(value)
        if kind in _SCALARS:
            flat[prefix + key] = value
        elif value and (kind is dict or kind is list):
            count += _flatten_plain(value, prefix + key + separator, flat, separator, depth - 1, budget) - 1
        elif depth == 1:
            raise TypeError
        elif kind is dict:
            flat[prefix + key] = {}
        elif kind is list:
            flat[prefix + key] = []
        else:
            raise TypeError
    return count


def entries(data: Container, separator: str, max_depth: int, limit: int | None) -> Iterator[tuple[Place, str, Any]]:
    """Give each leaf's place, flat key and value, in document order."""
    left = inf if limit is None else limit
    stack: list[tuple[Place | None, str, Iterator[tuple[object, Any]]]] = [(None, "", _children(data, None))]
    while stack:
        parent, prefix, children = stack[-1]
        for own_key, value in children:
            place = (parent, own_key)
            key = prefix + _text(own_key, place)
            if len(key) + _LEAST_ENTRY > left:
                raise PayloadTooLargeError(
                    f"flattened up to here, the payload is over {limit} bytes: send less, or in several events",
                    path=dotted(place),
                )
            if isinstance(value, CONTAINERS):
                if len(stack) == max_depth:
                    raise NestingError(
                        f"containers nest deeper than {max_depth}, or one contains itself: send it flatter",
                        path=dotted(place),
                    )
                grandchildren = _children(value, place)
                first = next(grandchildren, None)
                if first is not None:
                    stack.append((place, key + separator, chain((first,), grandchildren)))
                    break
                value = {} if isinstance(value, Mapping) else []
            left -= len(key) + _LEAST_ENTRY
            yield place, key, value
        else:
            stack.pop()


def _children(container: Any, place: Place | None) -> Iterator[tuple[object, Any]]:
    try:
        yield from container.items() if isinstance(container, Mapping) else enumerate(container)
    except Exception as error:
        raise InvalidFieldError(
            f"reading it raised {type(error).__name__}: give a plain dict or list", path=dotted(place)
        ) from error


def _text(key: object, place: Place) -> str:
    # The str() of an enum or another subclass may be anything; the base types' own methods give what it holds.
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, int) and not isinstance(key, bool):
        try:
            return int.__repr__(key)
        except ValueError:
            pass
    raise InvalidFieldError(f"{shown(key)} is no key: keys are strings or integers", path=dotted(place))
