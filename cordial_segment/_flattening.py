"""Nested data to one flat dict, with nothing lost: of use to anyone, Cordial or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from math import inf
from typing import TYPE_CHECKING, Any, TypeGuard

from ._errors import InvalidFieldError, KeyCollisionError, NestingError, PayloadTooLargeError, cut, is_a, shown

__all__ = ["INDEXES", "MAX_DEPTH", "Container", "Place", "dotted", "flatten", "is_container", "is_mapping", "leaves"]

MAX_DEPTH = 100

# Beyond its key, an entry of a JSON object takes two quotes, a colon, a value of one character and a comma or brace.
_LEAST_ENTRY = 5

_CONTAINERS = (dict, list, tuple, Mapping)
_SCALARS = frozenset({str, int, float, bool, type(None)})
_TEXT = frozenset({str})
INDEXES = tuple(map(str, range(100)))

if TYPE_CHECKING:
    Container = Mapping[Any, Any] | list[Any] | tuple[Any, ...]

# The way from the root to a value, last step first: (place of the parent, key). Cheap to make for every leaf.
Place = tuple["Place | None", object]


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Tell whether **value** is a mapping of any type."""
    return isinstance(value, (dict, Mapping))  # a dict is told by its type, other mappings by a slow look at theirs


def is_container(value: object) -> TypeGuard[Container]:
    """Tell whether **value** has leaves of its own: a mapping, list or tuple."""
    return isinstance(value, _CONTAINERS)


def dotted(place: Place | None) -> str | None:
    """Write **place** as its keys joined by dots; the root is ``None``."""
    steps: list[str] = []
    while place is not None:
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
    if not isinstance(max_depth, int) or isinstance(max_depth, bool):
        raise TypeError(f"max_depth must be an integer, not {shown(max_depth)}")
    if max_depth < 1:
        raise ValueError(f"max_depth must be at least 1, not {shown(max_depth)}")
    if not isinstance(separator, str):
        raise TypeError(f"separator must be a string, not {shown(separator)}")
    kind = type(data)
    # A wide flat dict is its own flattening, and a copy of it all takes a third of the time of one key by key.
    if kind is dict and len(data) > len(INDEXES) and _is_flat(data):
        return dict(data)
    if kind is dict or kind is list:
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


# Strategy: plain JSON data takes a short way that can only succeed or give up. Whatever else there is (other types,
# deeper nesting than the interpreter's stack, any kind of error) takes the careful way, which knows each leaf's place.
def _flatten_plain(container: Any, prefix: str, flat: dict[str, Any], separator: str, depth: int) -> int:
    """Put the leaves of a dict or list into **flat**, and give their number, which collisions make too high.

    Raises ``TypeError`` at whatever is not plain. Recursion and exact types make it four times as fast as ``leaves``.
    """
    if not depth:
        raise TypeError
    count = len(container)
    outer = type(container)
    children: Iterable[tuple[str, Any]]
    if outer is dict:
        children = container.items()
    else:
        children = zip(INDEXES if count <= len(INDEXES) else map(str, range(count)), container)
    for key, value in children:
        if type(key) is not str:  # a sum with another type need not fail: a pandas NA makes another NA
            raise TypeError
        kind = type(value)
        if kind is str or kind in _SCALARS:
            flat[prefix + key] = value
        elif (kind is dict or kind is list) and value:
            count += _flatten_plain(value, prefix + key + separator, flat, separator, depth - 1) - 1
        elif depth == 1:
            raise TypeError
        elif kind is dict:
            flat[prefix + key] = {}
        elif kind is list:
            flat[prefix + key] = []
        else:
            raise TypeError
    return count


def leaves(
    data: Container, separator: str, max_depth: int, limit: int | None = None
) -> Iterator[tuple[Place, str, Any]]:
    """Give each leaf's place, flat key and value, in document order; all of them within **limit** bytes of JSON."""
    left = inf if limit is None else limit
    keys: set[str] = set()
    stack: list[tuple[Place | None, str, Iterator[tuple[object, Any]]]] = [(None, "", _children(data, None))]
    while stack:
        parent, prefix, children = stack[-1]
        for own_key, value in children:
            place = (parent, own_key)
            key = prefix + _text(own_key, place)
            if len(key) + _LEAST_ENTRY > left:
                raise PayloadTooLargeError(
                    f"up to here the record takes over {limit} bytes: send less",
                    path=dotted(place),
                )
            if is_container(value):
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
                leaf: Any = {} if is_mapping(value) else []
            else:
                leaf = value
            if key in keys:
                twins = (earlier for earlier, same, _ in leaves(data, separator, max_depth) if same == key)
                raise _collision(key, next(twins, place), place)
            keys.add(key)
            left -= len(key) + _LEAST_ENTRY
            yield place, key, leaf
        else:
            stack.pop()


def _collision(key: str, first: Place, second: Place) -> KeyCollisionError:
    paths = dotted(first) or "", dotted(second) or ""
    return KeyCollisionError(
        f"flattens to {shown(key)}, and so does {cut(paths[0])}: rename one, or use another separator",
        path=paths[1],
        key=key,
        paths=paths,
    )


def _children(container: Any, place: Place | None) -> Iterator[tuple[object, Any]]:
    try:
        yield from container.items() if is_mapping(container) else enumerate(container)
    except Exception as error:
        raise InvalidFieldError(
            f"reading it raised {type(error).__name__}: give a plain dict or list", path=dotted(place)
        ) from error


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
