"""The JSON form of data: whether it has one, and how many bytes that takes."""

import json

from ._errors import InvalidFieldError, shown
from ._flattening import MAX_DEPTH, leaves_of
from ._records import Container, dotted

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
