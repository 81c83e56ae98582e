"""Nested data to one flat dict, with nothing lost.

The quick walk reads JSON's own types, and can only succeed or give up. The careful one reads all that the contract
allows, however deep, and knows where it is, so that errors can name the place.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ._arguments import as_text, require_limit
from ._errors import KeyCollisionError, NestingError, shown
from ._records import CONTAINERS, SCALARS, Container, Record, children, dotted, is_container, plain

MAX_DEPTH = 100

_LEAST_ENTRY = len('"":0,')  # what an entry of a JSON object takes at least, beside its key
_INDEXES = tuple(map(str, range(1_000)))  # most lists are shorter
_LONG_PREFIX = 1_000  # a hundred longer ones, one in the other, would take much memory


def flatten(data: Container, *, separator: str = "_", max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Turn nested mappings, lists and tuples into one dict, in document order.

    A child's key is its parent's key, the **separator**, then its own key or list index. Nothing is lost: an empty
    container stays under its own key, as a new empty dict or list, and ``0``, ``""``, ``False`` and ``None`` stay as
    they are. All other objects are leaves and come out as the very objects that went in. **data** is not changed, and
    the result shares no mapping and no list with it.

    The result has no size limit: a key of *n* characters over *n* leaves makes *n* times *n*.

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
    require_limit(max_depth, "max_depth")
    return flat_dict(data, as_text(separator, "separator"), max_depth, math.inf)


class NoRoomError(Exception):
    """The flat keys take more than the room there is."""


def flat_dict(data: Container, separator: str, max_depth: int, room: float) -> Record:
    """Return the leaves of **data** by their flat keys.

    ``NoRoomError`` is raised before what these take beside **data** is much more than **room** characters.
    """
    flat: Record = {}
    try:
        leaves, _ = _fill(flat, plain(data, ()), "", separator, max_depth, room)
        if len(flat) == leaves:  # otherwise two leaves have one key
            return flat
    except (TypeError, RecursionError):  # the quick walk gave up
        pass
    flat = {}
    for keys, leaf in leaves_of(data, max_depth):
        if len(key := separator.join(keys)) > room:
            raise NoRoomError
        room -= len(key)
        if key in flat:
            first = next(".".join(keys) for keys, _ in leaves_of(data, max_depth) if separator.join(keys) == key)
            raise KeyCollisionError(key, (first, ".".join(keys)))
        flat[key] = leaf
    return flat


def _fill(flat: Record, container: Any, prefix: str, separator: str, max_depth: int, room: float) -> tuple[int, float]:
    """The quick walk: put the leaves of **container** into **flat**; return their number and the room that is left.

    It gives up with a ``TypeError`` at a key or container that it does not read, or that is too deep.
    """
    leaves = len(container)
    # The parent has charged the container as one of its children. A child's own key is in the data already.
    if (charge := (leaves - 1) * (len(prefix) + _LEAST_ENTRY)) > room:
        raise NoRoomError
    room -= charge
    indexes = _INDEXES if leaves <= len(_INDEXES) else map(str, range(leaves))
    for key, value in container.items() if type(container) is dict else zip(indexes, container):
        kind = type(value)
        if kind is str or kind in SCALARS or (kind not in CONTAINERS and not is_container(value)):
            flat[prefix + key] = value
        elif kind not in CONTAINERS or max_depth == 1 or len(prefix) > _LONG_PREFIX:
            raise TypeError
        elif value:
            below, room = _fill(flat, value, prefix + key + separator, separator, max_depth - 1, room)
            leaves += below - 1
        else:
            flat[prefix + key] = {} if kind is dict else []
    return leaves, room


def leaves_of(data: Container, max_depth: int) -> Iterator[tuple[list[str], Any]]:
    """The careful walk: yield each leaf of **data** with the keys that lead to it, a list that each step changes."""
    keys: list[str] = []
    open_containers = [children(plain(data, keys), keys)]  # whenever one is read, the keys are those that lead to it
    while open_containers:
        for key, value in open_containers[-1]:
            keys.append(key)
            if is_container(value):
                if len(keys) == max_depth:
                    problem = f"containers are nested deeper than {max_depth}, or one contains itself: nest it less"
                    raise NestingError(problem, path=dotted(keys))
                if inner := plain(value, keys):
                    open_containers.append(children(inner, keys))
                    break
                value = {} if isinstance(value, Mapping) else []
            yield keys, value
            keys.pop()
        else:
            open_containers.pop()
            del keys[-1:]  # the outermost has none
