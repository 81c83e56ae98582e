"""Checking the arguments of a call. One of the wrong kind is the caller's mistake: a ``TypeError`` that names it."""

from collections.abc import Mapping

from ._errors import shown
from ._records import Record, canonical, is_blank, plain


def as_record(value: object, name: str) -> Record:
    """Return the mapping passed as the argument **name** as a dict. Paths begin at the event, so it has none itself."""
    if type(value) is dict:
        return value
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping, not {shown(value)}")
    record: Record = plain(value, () if name == "event" else (name,))
    return record


def as_text(value: object, name: str) -> str:
    """Return the string passed as the argument **name**, of a subclass too, as a plain one."""
    if isinstance(value, str):
        return str.__str__(value)  # str() of an enum's member may be anything
    raise TypeError(f"{name} must be a string, not {shown(value)}")


def as_optional_text(value: object, name: str) -> str:
    """Return the string passed as the argument **name**, or ``""`` for ``None`` and a blank one."""
    return "" if value is None or is_blank(text := as_text(value, name)) else text


def require_limit(value: object, name: str) -> None:
    """Raise unless the argument **name** is an integer of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, not {shown(value)}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {shown(value)}")


def as_action(value: object) -> str:
    """Return the action passed as an argument in its canonical spelling."""
    if is_blank(action := as_text(value, "action")):
        raise ValueError("action must not be empty")
    return canonical(action)
