"""Nested data to one flat dict, with nothing lost: of use to anyone, Cordial or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from math import inf
from typing import Any, TypeGuard

from ._errors import InvalidFieldError, KeyCollisionError, NestingError, PayloadTooLargeError, cut, is_a, shown

__all__ = [
    "EMPTY_KINDS",
    "INDEXES",
    "LEAST_ENTRY",
    "MAX_DEPTH",
    "Container",
    "Place",
    "collision",
    "dotted",
    "flatten",
    "is_container",
    "is_mapping",
    "leaves",
    "too_deep",
    "too_large",
    "unreadable",
]

MAX_DEPTH = 100

# Beside its key and its value, an entry of a JSON object takes two quotes, a colon, and a comma or brace.
LEAST_ENTRY = 4

_SCALARS = frozenset({str, int, float, bool, type(None)})
_TEXT = frozenset({str})
INDEXES = tuple(map(str, range(100)))
PREPARED = len(INDEXES)

# Plain containers, and what an empty one becomes.
EMPTY_KINDS: dict[type, type] = {dict: dict, list: list, tuple: list}

_END = object()
_NO_CHILD: tuple[Any, Any] = (_END, None)

Container = Mapping[Any, Any] | list[Any] | tuple[Any, ...]

# The way from the root to a value, last step first: (place of the parent, key). Cheap to make for every leaf.
Place = tuple["Place | None", object]


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Tell whether **value** is a mapping of any type; one whose class raises when it is asked is none."""
    try:
        return is_a(value, dict) or isinstance(value, Mapping)  # a slow look, as some only claim to be mappings
    except Exception:
        return False


def is_container(value: object) -> TypeGuard[Container]:
    """Tell whether **value** has leaves of its own: a mapping, list or tuple."""
    try:
        kind = type(value)
        return kind not in _SCALARS and (issubclass(kind, (dict, list, tuple)) or isinstance(value, Mapping))
    except Exception:
        return False


def dotted(place: Place | None) -> str | None:
    """Write **place** as its keys joined by dots; the root is ``None``."""
    steps: list[str] = []
    while place:
        place, key = place
        steps.append(str.__str__(key) if is_a(key, str) else shown(key))
    return ".".join(reversed(steps)) if steps else None


def flatten(data: Container, *, separator: str = "_", max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Turn nested mappings, lists and tuples into one dict, in document order.

    A child's key is its parent's key, the **separator**, then its own key or list index. Nothing is lost: an empty
    mapping or list stays under its own key, as a new empty one, and ``0``, ``""``, ``False`` and ``None`` stay as
    they are. Strings, bytes, sets and every other object are leaves and come out as the very object that went in.
    Any ``Mapping`` counts as a mapping, any list or tuple as a list. **data** is not changed, and the result shares no
    mapping and no list with it.

    The result has no size limit, and repeats a parent's key for each of its leaves: a key of *n* characters over *n*
    leaves makes *n* times *n*. For data from strangers, limit its size first, or use ``build_track_payload``, which
    stops at Segment's 32 KB.

    :param data: A mapping, list or tuple.
    :param separator: What stands between the parts of a key.
    :param max_depth: How many containers may lie in each other, **data** itself being the first.
    :raises KeyCollisionError: If two places give one key.
    :raises InvalidFieldError: If a key is no string or integer (a bool is neither), or a container cannot be read.
    :raises NestingError: If containers lie deeper than **max_depth**, or one contains itself.
    :raises TypeError: If **data** is no mapping, list or tuple, or an option of the wrong type.
    :raises ValueError: If **max_depth** is less than 1.

    >>> from cordial_segment import flatten
    >>> flatten({"d": {"type": "phone", "tags": ["new", "vip"]}, "cart": []})
    {'d_type': 'phone', 'd_tags_0': 'new', 'd_tags_1': 'vip', 'cart': []}
    >>> flatten([{"a": 0}, {"a": None}], separator=".")
    {'0.a': 0, '1.a': None}

    Source of the form: the payload in Cordial's article "Send data from Cordial to Segment".
    """
    if not is_container(data):
        raise TypeError(f"data must be a mapping, list or tuple, not {shown(data)}")
    if not is_a(max_depth, int) or is_a(max_depth, bool):
        raise TypeError(f"max_depth must be an integer, not {shown(max_depth)}")
    if max_depth < 1:
        raise ValueError(f"max_depth must be at least 1, not {shown(max_depth)}")
    if not is_a(separator, str):
        raise TypeError(f"separator must be a string, not {shown(separator)}")
    kind = type(data)
    # A wide flat dict is its own flattening, and a copy of it all takes a third of the time of one key by key.
    if kind is dict and len(data) > len(INDEXES) and _is_flat(data):
        return dict(data)
    if kind in EMPTY_KINDS:
        flat: dict[str, Any] = {}
        try:
            if _flatten_plain(data, "", flat, separator, max_depth) == len(flat):
                return flat
        except Exception:  # noqa: S110 (whatever a value's own code may raise, the careful way says it)
            pass
    return {key: value for _, key, value in leaves(data, separator, max_depth)}


def _is_flat(data: Container) -> bool:
    return (
        isinstance(data, dict) and _TEXT.issuperset(map(type, data)) and _SCALARS.issuperset(map(type, data.values()))
    )


# Strategy: plain data takes a short way that can only succeed or give up. Whatever else there is (other kinds of
# containers or keys, deeper nesting than the interpreter's stack, any error) takes the careful way, which knows places.
def _flatten_plain(container: Any, prefix: str, flat: dict[str, Any], separator: str, depth: int) -> int:
    """Put the leaves of a dict, list or tuple into **flat**, and give their number, which collisions make too high.

    Raises ``TypeError`` at whatever is not plain. Recursion and exact types make it four times as fast as ``leaves``.
    """
    number = len(container)
    outer = type(container)
    children: Iterable[tuple[str, Any]]
    if outer is dict:
        children = container.items()
    else:
        children = zip(INDEXES if number <= len(INDEXES) else map(str, range(number)), container)
    for key, value in children:
        if type(key) is not str:  # a sum with another type need not fail: a pandas NA makes another NA
            raise TypeError
        kind = type(value)
        if kind is str or kind in _SCALARS:
            flat[prefix + key] = value
        elif kind is dict or kind is list or kind is tuple:
            if depth == 1:
                raise TypeError
            if value:
                number += _flatten_plain(value, prefix + key + separator, flat, separator, depth - 1) - 1
            else:
                flat[prefix + key] = EMPTY_KINDS[kind]()
        elif is_container(value):
            raise TypeError
        else:
            flat[prefix + key] = value
    return number


def leaves(
    data: Container, separator: str, max_depth: int, limit: float = inf
) -> Iterator[tuple[Place | None, str, Any]]:
    """Give each leaf's place, flat key and value, in document order; all of them within **limit** bytes of JSON."""
    left = limit
    keys: set[str] = set()
    stack: list[tuple[Place | None, str, Iterator[tuple[Any, Any]]]] = [(None, "", _children(data, None))]
    place: Place | None
    value: Any = data
    entered = False  # whether the last step was into a container: where no child follows, it is itself a leaf
    while stack:
        parent, prefix, children = stack[-1]
        try:
            own_key, child = next(children, _NO_CHILD)
        except Exception as error:
            raise unreadable(error, parent) from error
        if own_key is not _END:
            place, value = (parent, own_key), child
            key = prefix + (own_key if type(own_key) is str else _text(own_key, place))
            entered = is_container(value)
        elif entered:
            stack.pop()
            place, key, value = parent, prefix.removesuffix(separator), {} if is_mapping(value) else []
            entered = False
        else:
            stack.pop()
            continue
        if len(key) + LEAST_ENTRY > left:
            raise too_large(limit, dotted(place))
        if entered:
            if len(stack) == max_depth:
                raise too_deep(max_depth, dotted(place))
            stack.append((place, key + separator, _children(value, place)))
            continue
        if key in keys:
            twins = (earlier for earlier, same, _ in leaves(data, separator, max_depth) if same == key)
            raise collision(key, dotted(next(twins, place)), dotted(place))
        keys.add(key)
        left -= len(key) + LEAST_ENTRY
        yield place, key, value


def collision(key: str, first: str | None, second: str | None) -> KeyCollisionError:
    """Make the error for two paths that flatten to one **key**."""
    paths = first or "", second or ""
    return KeyCollisionError(
        f"flattens to {shown(key)}, and so does {cut(paths[0])}: rename one, or use another separator",
        path=paths[1],
        key=key,
        paths=paths,
    )


def too_deep(max_depth: int, path: str | None = None) -> NestingError:
    """Make the error for a container that is one too many."""
    return NestingError(f"containers nest deeper than {max_depth}, or one contains itself: send it flatter", path=path)


def too_large(limit: float, path: str | None = None) -> PayloadTooLargeError:
    """Make the error for a record that takes over **limit** bytes, counted up to **path**."""
    return PayloadTooLargeError(f"the record takes over {limit} bytes: send less", path=path)


def _children(container: Any, place: Place | None) -> Iterator[tuple[Any, Any]]:
    try:
        return iter(container.items()) if is_mapping(container) else zip(map(str, count()), container)
    except Exception as error:
        raise unreadable(error, place) from error


def unreadable(error: Exception, place: Place | None) -> InvalidFieldError:
    """Make the error for a container at **place** whose own code raised **error**."""
    return InvalidFieldError(f"reading it raised {type(error).__name__}: give a plain dict or list", path=dotted(place))


def _text(key: object, place: Place) -> str:
    # The str() of an enum or another subclass may be anything; the base types' own methods give what it holds.
    if is_a(key, str):
        return str.__str__(key)
    if is_a(key, int) and not is_a(key, bool):
        try:
            return int.__repr__(key)
        except ValueError:
            pass
    raise InvalidFieldError(f"{shown(key)} is no key: keys are strings or integers", path=dotted(place))
