"""Reading a record: containers of any kind as plain ones, fields by name, the action.

What is plain already is used as it is, never copied. Other containers are read once, through their own methods.
"""

from collections.abc import Mapping
from typing import Any, TypeGuard

from ._errors import InvalidFieldError, MissingFieldError, shown

Record = dict[Any, Any]
Container = Mapping[Any, Any] | list[Any] | tuple[Any, ...]

CONTAINERS = frozenset({dict, list, tuple})
SCALARS = frozenset({str, int, float, bool, type(None)})
SECTIONS = ("system_properties", "sp")


def is_container(value: object) -> TypeGuard[Container]:
    """Whether **value** has leaves of its own: a mapping, list or tuple."""
    return isinstance(value, (dict, list, tuple, Mapping))


def as_plain(container: Any, path: str | None = None) -> Any:
    """Return a mapping as a dict, any other container as a list or tuple; **path** is where it stands."""
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
        raise InvalidFieldError(problem, path=path) from error
    if len(record) < len(pairs):
        raise InvalidFieldError("it has a key twice: use a plain dict", path=path)
    return record


def as_record(value: object, name: str) -> Record:
    """Return the mapping passed as the argument **name** as a dict. Paths begin at the event, so it has none itself."""
    if not isinstance(value, (dict, Mapping)):
        raise TypeError(f"{name} must be a mapping, not {shown(value)}")
    record: Record = as_plain(value, None if name == "event" else name)
    return record


def section(record: Record, name: str, prefix: str = "") -> Record:
    """Return the mapping under **name**, or an empty one if there is none; **prefix** begins its path."""
    value = record.get(name)
    if value is None or type(value) is dict:
        return value or {}
    return as_plain(value, prefix + name) if isinstance(value, Mapping) else {}


def read_text(record: Record, field: str, prefix: str = "") -> str | None:
    """Return the text of **field**, which may be empty, or ``None`` if it is missing; **prefix** begins its path."""
    value = record.get(field)
    if value is None or isinstance(value, str):
        return value
    raise InvalidFieldError(f"{shown(value)} is not a string", path=prefix + field)


def read_action(record: Record) -> str:
    """Return the record's action in its canonical spelling, or ``""`` if it has none."""
    action = read_text(record, "action") or read_text(record, "a") or ""
    return "message_sent" if action == "message-sent" else action


def require_action(record: Record) -> str:
    """Return the record's action, or raise ``MissingFieldError``."""
    if action := read_action(record):
        return action
    raise MissingFieldError("missing: set action or a to the event's name, or pass an envelope's event", path="action")


def as_text(value: object, name: str) -> str:
    """Return the string passed as the argument **name**, of a subclass too, as a plain one."""
    if isinstance(value, str):
        return str.__str__(value)  # str() of an enum's member may be anything
    raise TypeError(f"{name} must be a string, not {shown(value)}")


def require_limit(value: object, name: str) -> None:
    """Raise unless the argument **name** is an integer of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, not {shown(value)}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {shown(value)}")


def canonical_action(action: object) -> str:
    """Check an **action** passed as an argument; Cordial stores ``message_sent`` as ``message-sent`` too."""
    action = as_text(action, "action")
    if not action:
        raise ValueError("action must not be empty")
    return "message_sent" if action == "message-sent" else action
