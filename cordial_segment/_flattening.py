"""Nested data to one flat dict, with nothing lost.

``flat_dict`` is one loop with its own stack, so neither deep data nor a deep caller stops it. The keys on that stack
are the path of whatever is wrong. The path of an earlier leaf is found by a second walk, only toward its flat key.
"""

from collections.abc import Iterator
from typing import Any

from ._errors import InvalidFieldError, KeyCollisionError, NestingError, shown
from ._records import CONTAINERS, SCALARS, Container, Record, as_plain, as_text, is_container, require_limit

MAX_DEPTH = 100
# The least that an entry of a JSON object takes beside its key: two quotes, a colon, a comma, and a value of one byte.
LEAST_ENTRY = 5
_LONG = 1_000  # characters of a prefix: a hundred longer ones would take more memory than the record


def flatten(data: Container, *, separator: str = "_", max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Turn nested mappings, lists and tuples into one dict, in document order.

    A child's key is its parent's key, the **separator**, then its own key or list index. Nothing is lost: an empty
    container stays under its own key, as a new empty dict or list, and ``0``, ``""``, ``False`` and ``None`` stay as
    they are. All other objects are leaves and come out as the very objects that went in. **data** is not changed, and
    the result shares no mapping and no list with it.

    The result has no size limit: a key of *n* characters over *n* leaves makes *n* times *n*. Limit the size of data
    from strangers first, or use ``build_track_payload``.

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
    return flat_dict(data, as_text(separator, "separator"), max_depth)


class NoRoomError(Exception):
    """A leaf has no room. The arguments: the flat dict so far; ``{path: length of its flat key + missing room}``."""


def path_of(key: str, data: Any, separator: str, max_depth: int) -> str:
    """Return the path of the first leaf with this flat **key**, or the key itself if no leaf has it."""
    return str(next(iter(flat_dict(data, separator, max_depth, wanted=key))))


def flat_dict(data: Any, separator: str, max_depth: int, room: int | None = None, wanted: str | None = None) -> Record:
    """Return the leaves of **data** by their flat keys.

    If the **room** is limited, a leaf takes ``LEAST_ENTRY`` and the characters of its flat key. What its container's
    prefix takes is counted when the container is entered, for all its leaves. ``NoRoomError`` is raised before a flat
    key without room is built. With a **wanted** key, the result's first key is the path of the first leaf that has it.
    """
    flat: Record = {} if wanted is None else {wanted: wanted}  # as if taken, so that the first leaf with it collides
    # The containers above the current one: what is left of each, its prefix if that is not long, and the key entered.
    above: list[tuple[Iterator[tuple[Any, Any]], str | None, str]] = []
    prefix = ""
    data = as_plain(data)
    children = iter(data.items() if type(data) is dict else enumerate(data))
    if room is not None:
        room -= len(data) * LEAST_ENTRY
    while True:
        for key, value in children:
            if type(key) is not str:
                key = _key_text(key, above)
            if room is not None:
                room -= len(key)
                if room < 0:
                    raise NoRoomError(flat, {_path(above, key): len(prefix) + len(key) - room})
            name = prefix + key
            kind = type(value)
            if kind is not str and kind not in SCALARS and (kind in CONTAINERS or is_container(value)):
                if len(above) + 1 == max_depth:
                    problem = f"containers are nested deeper than {max_depth}, or one contains itself: nest it less"
                    raise NestingError(problem, path=_path(above, key))
                value = value if kind in CONTAINERS else as_plain(value, _path(above, key))
                if value:
                    if wanted is not None and not wanted.startswith(name + separator):
                        continue
                    above.append((children, prefix if len(prefix) < _LONG else None, key))
                    children = iter(value.items() if type(value) is dict else enumerate(value))
                    prefix = name + separator
                    if room is not None:  # its first child inherits what the container was charged
                        room -= len(separator) + (len(value) - 1) * (len(prefix) + LEAST_ENTRY)
                    break
                value = {} if type(value) is dict else []
            if name in flat:
                path = _path(above, key)
                if wanted is not None:
                    return {path: value}
                raise KeyCollisionError(name, (path_of(name, data, separator, max_depth), path))
            flat[name] = value
        else:
            if not above:
                return flat
            children, kept, _ = above.pop()
            prefix = "".join([entered + separator for _, _, entered in above]) if kept is None else kept


def _path(above: list[Any], key: str) -> str:
    return ".".join([*(entered for _, _, entered in above), key])


def _key_text(key: object, above: list[Any]) -> str:
    try:
        if type(key) is int:
            return str(key)
        if isinstance(key, str):
            return str.__str__(key)
        if isinstance(key, int) and not isinstance(key, bool):
            return int.__repr__(key)
    except ValueError:  # more digits than Python agrees to print
        pass
    raise InvalidFieldError(f"{shown(key)} is not a key: keys are strings or integers", path=_path(above, shown(key)))
