"""What Cordial calls an event: its action."""

from ._arguments import as_text
from ._errors import MissingFieldError
from ._records import Record, is_blank, read_text


def canonical(action: str) -> str:
    """Return **action** in the spelling of the tables: Cordial stores ``message_sent`` as ``message-sent`` too."""
    return "message_sent" if action == "message-sent" else action


def as_action(action: object) -> str:
    """Return the **action** passed as an argument in its canonical spelling."""
    text = as_text(action, "action")
    if is_blank(text):
        raise ValueError(f"action must not be {'blank' if text else 'empty'}")
    return canonical(text)


def read_action(record: Record) -> str:
    """Return the record's action in its canonical spelling, or ``""`` if it has none."""
    return canonical(read_text(record, "action") or read_text(record, "a"))


def has_action(record: Record) -> bool:
    """Whether the record has an action. A number is one too, if of the wrong type; other objects raise."""
    return any(isinstance(record.get(field), (int, float)) or read_text(record, field) for field in ("action", "a"))


def read_required_action(record: Record) -> str:
    """Return the record's action, or raise ``MissingFieldError``."""
    if action := read_action(record):
        return action
    raise MissingFieldError("missing: set action or a to the event's name, or pass an envelope's event", path="action")
