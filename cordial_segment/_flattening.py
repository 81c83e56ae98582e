"""Nested data to one flat dict, with nothing lost.

One fast walk does it: ``_add`` calls itself for each container, and knows no paths. If it gives up, ``leaves`` walks
the same data slowly, with paths, and the error is raised with its place. If only the caller's stack was too full for
the fast walk, the slow one gives the same result.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from ._errors import KeyCollisionError, NestingError, shown
from ._records import CONTAINERS, SCALARS, Container, as_plain, as_text, is_container, key_text

MAX_DEPTH = 100

# Beside its key and its value, an entry of a JSON object takes two quotes, a colon, and a comma or brace.
LEAST_ENTRY = 4

Path = tuple[str, ...]


def flatten(data: Container, *, separator: str = "_", max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Turn nested mappings, lists and tuples into one dict, in document order.

    A child's key is its parent's key, the **separator**, then its own key or list index. Nothing is lost: an empty
    mapping or list stays under its own key, as a new empty one, and ``0``, ``""``, ``False`` and ``None`` stay as
    they are. All other objects are leaves and come out as the very objects that went in. **data** is not changed, and
    the result shares no mapping and no list with it.

    The result has no size limit, and repeats a parent's key for each of its leaves: a key of *n* characters over *n*
    leaves makes *n* times *n*. Limit the size of data from strangers first, or use ``build_track_payload``.

    :param data: Any ``Mapping``, list or tuple. Its keys are strings or integers.
    :param max_depth: How many containers may be nested, counting **data** itself.
    :raises KeyCollisionError: If two places give the same key.
    :raises InvalidFieldError: If a key is not a string or integer (a bool is neither), or a container cannot be read.
    :raises NestingError: If containers are nested deeper than **max_depth**, or one contains itself.

    >>> from cordial_segment import flatten
    >>> flatten({"d": {"type": "phone", "tags": ["new", "vip"]}, "cart": []})
    {'d_type': 'phone', 'd_tags_0': 'new', 'd_tags_1': 'vip', 'cart': []}
    """
    if not is_container(data):
        raise TypeError(f"data must be a mapping, list or tuple, not {shown(data)}")
    if not isinstance(max_depth, int) or isinstance(max_depth, bool):
        raise TypeError(f"max_depth must be an integer, not {shown(max_depth)}")
    if max_depth < 1:
        raise ValueError(f"max_depth must be at least 1, not {shown(max_depth)}")
    return flatten_into({}, data, as_text(separator, "separator"), max_depth)


class _GaveUpError(Exception):
    """What begins with this flat key is nested too deep, or there twice."""


class NoRoomError(Exception):
    """There is no room for a leaf, or, with arguments, for a container: the prefix of its keys, and its bytes."""


def flatten_into(
    flat: dict[str, Any], data: Container, separator: str, max_depth: int, room: int | None = None
) -> dict[str, Any]:
    """Put the leaves of **data** into the empty dict **flat**, and return it.

    With **room**, it raises ``NoRoomError`` once the keys take more, with ``LEAST_ENTRY`` bytes for each.
    """
    wanted = None
    try:
        _add(as_plain(data), "", flat, separator, max_depth, room)
    except _GaveUpError as error:
        (wanted,) = error.args
    except (RecursionError, ValueError):  # a ValueError is raised again below, with its place
        flat.clear()
        for path, value in leaves(data, separator, max_depth):
            key = separator.join(path)
            if key in flat:
                wanted = key
                break
            flat[key] = value
            if room is not None and (room := room - len(key) - LEAST_ENTRY) < 0:
                raise NoRoomError from None
    if wanted is None:
        return flat
    first, second = islice(places(wanted, data, separator, max_depth), 2)
    raise KeyCollisionError(wanted, (first, second))


def _add(container: Any, prefix: str, flat: dict[str, Any], separator: str, depth: int, room: int | None) -> int | None:
    """Add the leaves of a dict, list or tuple to **flat**, and return the room that is left.

    **depth** is how many containers may still be nested, this one included.
    """
    # An only child needs no call: chains of brackets are the most costly JSON for its size. A prefix longer than the
    # room ends the chain, before it is copied once for each level.
    while len(container) == 1 and depth > 1 and (room is None or len(prefix) < room):
        ((key, value),) = container.items() if type(container) is dict else (("0", container[0]),)
        if type(key) is not str or type(value) not in CONTAINERS or not value:
            break
        container, prefix, depth = value, prefix + key + separator, depth - 1
    if not depth:
        raise _GaveUpError(prefix)
    # Before any key is built: a long key above many leaves would fill the memory.
    if room is not None and (size := len(container) * (len(prefix) + LEAST_ENTRY)) > room:
        raise NoRoomError(prefix, size)
    for key, value in container.items() if type(container) is dict else enumerate(container):
        if type(key) is not str:
            key = str(key) if type(key) is int else key_text(key)
        kind = type(value)
        if kind not in SCALARS and (kind in CONTAINERS or is_container(value)):
            if kind not in CONTAINERS:
                value = as_plain(value)
            if value:
                room = _add(value, prefix + key + separator, flat, separator, depth - 1, room)
                continue
            if depth == 1:
                raise _GaveUpError(prefix + key)
            value = {} if type(value) is dict else []
        name = prefix + key
        if name in flat:
            raise _GaveUpError(name)
        flat[name] = value
        if room is not None and (room := room - len(name) - LEAST_ENTRY) < 0:
            raise NoRoomError
    return room


def places(
    wanted: str | None, data: Container, separator: str, max_depth: int, *, below: bool = False
) -> Iterator[str]:
    """Yield the dotted path of each leaf that ``leaves`` finds."""
    return (".".join(path) for path, _ in leaves(data, separator, max_depth, wanted, below=below))


def leaves(
    data: Container, separator: str, max_depth: int, wanted: str | None = None, *, below: bool = False
) -> Iterator[tuple[Path, Any]]:
    """Yield each leaf of **data** with its path, in order, and raise at the place of whatever is wrong with it.

    With a **wanted** flat key, it yields only the leaves that have it; with **below**, only the leaves of containers
    whose keys all begin with it. It enters only what leads there. It keeps its own stack, so it works where the
    interpreter's has no room for recursion.
    """
    above: list[str] = []
    stack = [(_children(as_plain(data)), wanted)]
    while stack:
        children, rest = stack[-1]
        for key, value in children:
            if type(key) is not str:
                key = key_text(key, above)
            kind = type(value)
            if kind in CONTAINERS or (kind not in SCALARS and is_container(value)):
                prefix = key + separator
                leads = rest is None or rest.startswith(prefix)
                if not leads and rest != key:
                    continue
                if len(stack) == max_depth:
                    problem = f"containers are nested deeper than {max_depth}, or one contains itself: nest it less"
                    raise NestingError(problem, path=".".join((*above, key)))
                if kind not in CONTAINERS:
                    value = as_plain(value, (*above, key))
                if value and leads:
                    above.append(key)
                    inner = None if rest is None or (below and rest == prefix) else rest[len(prefix) :]
                    stack.append((_children(value), inner))
                    break
                if value:
                    continue
                value = {} if type(value) is dict else []
            if rest is None or (rest == key and not below):
                yield (*above, key), value
        else:
            stack.pop()
            del above[len(stack) - 1 :]


def _children(plain: Any) -> Iterator[tuple[Any, Any]]:
    return iter(plain.items() if type(plain) is dict else enumerate(plain))
