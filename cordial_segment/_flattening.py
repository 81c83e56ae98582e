"""Nested data to one flat dict, with nothing lost.

One walk does it: ``_add`` calls itself for each container and can only succeed or give up. It carries no paths and
raises no readable error; the exact types that JSON has take the first branches of its loop. Where it gave up, and only
there, ``flatten_slowly`` goes over the same data again, with paths. It says what is wrong and where, or, where the
caller's stack was too full for recursion, provides the same result.
"""

from collections.abc import Iterator
from itertools import count
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


class GaveUpError(Exception):
    """What the flat key **prefix** begins is too deep or there twice, or takes **size** bytes that are not there."""

    def __init__(self, prefix: str, size: int = 0) -> None:
        super().__init__(prefix, size)
        self.prefix = prefix
        self.size = size


def flatten_into(
    flat: dict[str, Any], data: Container, separator: str, max_depth: int, room: int | None = None
) -> dict[str, Any]:
    """Put the leaves of **data** into the empty dict **flat**, and return it.

    With **room**, it raises ``GaveUpError`` once the keys would take more, with ``LEAST_ENTRY`` bytes for each.
    """
    toward = None
    try:
        if _add(as_plain(data), "", flat, separator, max_depth, None if room is None else [room]) == len(flat):
            return flat
        _add(as_plain(data), "", _Once(), separator, max_depth, None)
    except GaveUpError as error:
        if error.size:
            raise
        toward = error.prefix
    except Exception:  # noqa: S110 (whatever it was comes up again below, and its place with it)
        pass
    flat.clear()
    # Where a key is known, what leads there is enough to say what is wrong. Else all is gone over, and may be right.
    for path, value in leaves(data, separator, max_depth, toward):
        key = separator.join(path)
        if key in flat:
            raise KeyCollisionError(key, (path_of(key, data, separator, max_depth) or "", ".".join(path)))
        flat[key] = value
        if room is not None and (room := room - len(key) - LEAST_ENTRY) < 0:
            raise GaveUpError(key, len(key))
    return flat


class _Once(dict[str, Any]):
    """A dict that takes each key once."""

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self:
            raise GaveUpError(key)
        super().__setitem__(key, value)


def _add(container: Any, prefix: str, flat: dict[str, Any], separator: str, depth: int, room: list[int] | None) -> int:
    """Add the leaves of a dict, list or tuple to **flat**, and return their number.

    **depth** is how many containers may still be nested, this one included; **room** holds the bytes that are left.
    """
    number = len(container)
    # Nothing holds more containers for its size than brackets in brackets, so only children cost no call of their own.
    while number == 1 and depth > 1:
        if type(container) is dict:
            ((key, value),) = container.items()
        else:
            key, value = "0", container[0]
        if type(value) not in CONTAINERS or not value or type(key) is not str:
            break
        if room is not None:
            room[0] -= len(key) + len(separator)
            if room[0] < 0:
                raise GaveUpError(prefix, len(key))
        container, prefix, depth, number = value, prefix + key + separator, depth - 1, len(value)
    if not depth:
        raise GaveUpError(prefix)
    if room is not None:
        # Before any key is built: a long key above many leaves would fill the memory.
        size = (number - 1) * (len(prefix) + LEAST_ENTRY)
        if prefix and size <= room[0]:
            size += sum(map(len, container)) if type(container) is dict else number
        if size > room[0]:
            raise GaveUpError(prefix, size)
        room[0] -= size
    for key, value in container.items() if type(container) is dict else enumerate(container):
        if type(key) is not str:
            key = str(key) if type(key) is int else key_text(key)
        kind = type(value)
        if kind is str or kind in SCALARS:
            flat[prefix + key] = value
            continue
        if kind not in CONTAINERS:
            if not is_container(value):
                flat[prefix + key] = value
                continue
            value = as_plain(value)
        if value:
            number += _add(value, prefix + key + separator, flat, separator, depth - 1, room) - 1
        elif depth > 1:
            flat[prefix + key] = {} if type(value) is dict else []
        else:
            raise GaveUpError(prefix + key)
    return number


def leaves(data: Container, separator: str, max_depth: int, toward: str | None = None) -> Iterator[tuple[Path, Any]]:
    """Yield each leaf of **data** with its path, in order, and raise at the place of whatever is wrong with it.

    With **toward**, it enters only what leads to that flat key, and what is below it. It keeps its own stack, so it
    works where the interpreter's has no room for recursion.
    """
    above: list[str] = []
    stack = [_children(as_plain(data))]
    while stack:
        for key, value in stack[-1]:
            if type(key) is not str:
                key = key_text(key, above)
            kind = type(value)
            if kind in SCALARS or (kind not in CONTAINERS and not is_container(value)):
                yield (*above, key), value
                continue
            if toward is not None:
                prefix = separator.join((*above, key, ""))
                if not (toward.startswith(prefix) or prefix.startswith(toward)):
                    continue
            if len(stack) == max_depth:
                problem = f"containers are nested deeper than {max_depth}, or one contains itself: flatten or remove it"
                raise NestingError(problem, path=".".join((*above, key)))
            if kind not in CONTAINERS:
                value = as_plain(value, (*above, key))
            if not value:
                yield (*above, key), {} if type(value) is dict else []
                continue
            above.append(key)
            stack.append(_children(value))
            break
        else:
            stack.pop()
            del above[-1:]


def path_of(key: str, data: Container, separator: str, max_depth: int, *, below: bool = False) -> str | None:
    """Return the dotted path of the first leaf with this flat **key**, or of the first **below** the key."""
    for path, _ in leaves(data, separator, max_depth, key) if key else ():
        name = separator.join(path)
        if name == key or (below and name.startswith(key)):
            return ".".join(path)
    return None


def _children(plain: Any) -> Iterator[tuple[Any, Any]]:
    return iter(plain.items()) if type(plain) is dict else zip(map(str, count()), plain)
