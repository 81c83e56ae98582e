"""Reading a Cordial record: what more than one step of the translation looks at."""

from __future__ import annotations

from typing import Any

from ._errors import InvalidFieldError, KeyCollisionError, MissingFieldError, is_a, shown
from ._flattening import MAX_DEPTH, Place, dotted, is_container, is_mapping, too_deep, unreadable

__all__ = ["as_record", "detached", "read_action", "read_text", "section"]


def as_record(event: Any, name: str = "event", place: Place | None = None) -> dict[Any, Any]:
    """Give a mapping as a plain dict: itself where it is one, else a shallow copy."""
    kind = type(event)
    if kind is dict:
        plain: dict[Any, Any] = event
        return plain
    if not is_mapping(event):
        raise TypeError(f"{name} must be a mapping, not {shown(event)}")
    record: dict[Any, Any] = {}
    try:
        for key, value in event.items():
            if key in record:
                twin = dotted((place, key)) or ""
                raise KeyCollisionError(  # noqa: TRY301 (a function of its own would be longer)
                    "stands twice in one mapping", path=twin, key=dotted((None, key)) or "", paths=(twin, twin)
                )
            record[key] = value
    except KeyCollisionError:
        raise
    except Exception as error:
        raise unreadable(error, place) from error
    return record


def _as_list(values: Any, place: Place | None) -> list[Any]:
    try:
        return [*values]
    except Exception as error:
        raise unreadable(error, place) from error


def section(record: dict[Any, Any], name: str) -> dict[Any, Any]:
    """Give the mapping under **name**; an empty one where there is none."""
    value = record.get(name)
    if value is None:
        return {}
    return as_record(value, name, (None, name)) if is_mapping(value) else {}


def read_text(record: dict[Any, Any], field: str) -> str | None:
    """Give the text of **field**; ``None`` and ``""`` count as missing."""
    value = record.get(field)
    kind = type(value)
    if value is None or kind is str:
        return value or None
    if is_a(value, str):
        return str.__str__(value) or None  # the plain string in an enum or another subclass
    raise InvalidFieldError(f"{shown(value)} is of the wrong type: expected a string", path=field)


def read_action(record: dict[Any, Any]) -> str:
    """Give the record's action in its canonical spelling."""
    action = read_text(record, "action") or read_text(record, "a")
    if not action:
        raise MissingFieldError("missing, and so is a: give the event's name, such as 'click'", path="action")
    return "message_sent" if action == "message-sent" else action


def detached(value: Any, place: Place | None) -> Any:
    """Copy the containers of **value**, not its leaves: a change to one is then none to the other.

    What is shared within **value** is shared within the copy, or a small structure could make a huge one.
    """
    return _detached(value, place, MAX_DEPTH, {})[0]


def _detached(value: Any, place: Place | None, depth: int, seen: dict[int, Any]) -> tuple[Any, int]:
    """Give a container's copy, and how many nest in it; **seen** has both, and the original, by the original's id."""
    number = id(value)
    _, copy, height = seen.get(number, (None, None, 0))
    if height > depth or not depth:
        raise too_deep(MAX_DEPTH, dotted(place))
    if height:
        return copy, height
    # The original stays there too: were it freed, its id could become another's. Until it is copied, it is too high.
    seen[number] = value, None, MAX_DEPTH
    height = 1
    copied: Any
    children: Any
    if is_mapping(value):
        children = as_record(value, place=place).items()
        copied = {}
    else:
        copied = _as_list(value, place)
        children = enumerate(copied)
    for key, child in children:
        if is_container(child):
            child, below = _detached(child, (place, key), depth - 1, seen)
            height = max(height, below + 1)
        copied[key] = child
    copy = tuple(copied) if is_a(value, tuple) else copied
    seen[number] = value, copy, height
    return copy, height
