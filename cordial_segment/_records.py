"""Reading a record: its containers as plain ones, its fields by name, its action."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import NoneType
from typing import Any, TypeGuard

from ._errors import InvalidFieldError, MissingFieldError, shown

Record = dict[Any, Any]
Container = Mapping[Any, Any] | list[Any] | tuple[Any, ...]

CONTAINERS = frozenset({dict, list, tuple})
SCALARS = frozenset({str, int, float, bool, NoneType})


def is_container(value: object) -> TypeGuard[Container]:
    """Whether **value** has leaves of its own: a mapping, list or tuple."""
    return type(value) not in SCALARS and isinstance(value, (dict, list, tuple, Mapping))


def is_blank(text: str) -> bool:
    """Whether **text** counts as missing: it is empty, or only white space."""
    return not text or text.isspace()


def dotted(keys: Sequence[str]) -> str | None:
    """Return the path of the place that **keys** lead to; the event itself has none."""
    return ".".join(keys) if keys else None


def plain(container: Any, keys: Sequence[str]) -> Any:
    """Return a mapping as a dict, another container as a list or tuple; **keys** lead to it."""
    if type(container) in CONTAINERS:
        return container
    try:
        if not isinstance(container, Mapping):
            return list(container)
        pairs: list[tuple[Any, Any]] = list(container.items())
        record = dict(pairs)
    except RecursionError:
        raise
    except Exception as error:
        problem = f"reading it raised {type(error).__name__}: use a plain dict or list"
        raise InvalidFieldError(problem, path=dotted(keys)) from error
    if len(record) < len(pairs):  # as a MultiDict may
        raise InvalidFieldError("it has a key twice: use a plain dict", path=dotted(keys))
    return record


def children(container: Any, keys: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Return each child of a plain **container** with its key as text; **keys** lead to the container."""
    if not isinstance(container, dict):
        return zip(map(str, range(len(container))), container)
    return ((_key_text(key, keys), value) for key, value in container.items())


def _key_text(key: object, keys: Sequence[str]) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, int) and not isinstance(key, bool):
        with suppress(ValueError):  # more digits than Python agrees to print
            return int.__repr__(key)
    path = dotted([*keys, shown(key)])
    raise InvalidFieldError(f"{shown(key)} is not a key: keys are strings or integers", path=path)


def read_mapping(record: Record, field: str, *before: str) -> Record:
    """Return the mapping under **field**, or an empty one; the keys **before** lead to the record."""
    value = record.get(field)
    if type(value) is dict:
        return value
    return {} if value is None or not isinstance(value, Mapping) else plain(value, (*before, field))


def sections_of(record: Record) -> dict[str, Record]:
    """Return what Cordial's system wrote into **record**, under either name."""
    return {"system_properties": read_mapping(record, "system_properties"), "sp": read_mapping(record, "sp")}


def read_text(record: Record, field: str, *before: str) -> str:
    """Return the text of **field**, or ``""`` if it is missing; the keys **before** lead to the record."""
    value = record.get(field)
    if value is None:
        return ""
    if isinstance(value, str):
        return "" if is_blank(value) else value
    raise InvalidFieldError(f"{shown(value)} is not a string", path=dotted((*before, field)))


def canonical(action: str) -> str:
    """Return **action** in the spelling of the tables: Cordial stores ``message_sent`` as ``message-sent`` too."""
    return "message_sent" if action == "message-sent" else action


def read_action(record: Record) -> str:
    """Return the record's action in its canonical spelling, or ``""`` if it has none."""
    return canonical(read_text(record, "action") or read_text(record, "a"))


def read_required_action(record: Record) -> str:
    """Return the record's action, or raise ``MissingFieldError``."""
    if action := read_action(record):
        return action
    raise MissingFieldError("missing: set action or a to the event's name, or pass an envelope's event", path="action")
