"""The JSON of single values, and copies that are sure to have one."""

import json
from typing import Any

from ._errors import InvalidFieldError, KeyCollisionError, NestingError, shown
from ._flattening import MAX_DEPTH, leaves_of
from ._records import Container, children, dotted, is_container, plain

_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def size(value: object) -> int:
    """Return the bytes of **value** in its most compact JSON form; a lone surrogate counts as its escape."""
    return len(_compact(value).encode("utf-8", "backslashreplace"))


def has_json(data: object) -> bool:
    """Whether **data** has a JSON form."""
    try:
        size(data)
    except (TypeError, ValueError):
        return False
    return True


def require_json(data: Container, *before: str) -> None:
    """Raise at the first leaf of **data** that has no JSON form; the keys **before** lead to **data**."""
    for keys, leaf in leaves_of(data, MAX_DEPTH):
        if not has_json(leaf):
            right = "use a string, a finite number, a bool, null, a mapping or a list"
            raise InvalidFieldError(f"{shown(leaf)} has no JSON form: {right}", path=dotted([*before, *keys]))


def copied(value: Any, keys: list[str]) -> Any:
    """Return **value** in dicts and lists of its own, or raise at a place without a JSON form; **keys** lead to it."""
    if not is_container(value):
        require_json({keys[-1]: value}, *keys[:-1])
        return value
    if len(keys) > MAX_DEPTH:
        raise NestingError(f"containers are nested deeper than {MAX_DEPTH}, or one contains itself", path=dotted(keys))
    container = plain(value, keys)
    if not isinstance(container, dict):
        return [copied(child, [*keys, key]) for key, child in children(container, keys)]
    copy: dict[str, Any] = {}
    for key, child in children(container, keys):
        if key in copy:
            path = f"{dotted(keys)}.{key}"
            raise KeyCollisionError(key, (path, path))
        copy[key] = copied(child, [*keys, key])
    return copy
