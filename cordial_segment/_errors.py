"""What goes wrong with a record, said so that its sender can put it right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard, TypeVar

__all__ = [
    "InvalidFieldError",
    "KeyCollisionError",
    "MissingFieldError",
    "NestingError",
    "PayloadTooLargeError",
    "TranslationError",
    "cut",
    "is_a",
    "shown",
]

T = TypeVar("T")

_LONGEST_SHOWN = 60

_name_of: Callable[[type], str] = type.__dict__["__name__"].__get__  # a metaclass may have a __name__ of its own


def is_a(value: object, kind: type[T]) -> TypeGuard[T]:
    """Tell whether **value** is of **kind**, not only a proxy that says so in its ``__class__``."""
    return issubclass(type(value), kind)


def cut(text: str) -> str:
    """Give **text** in one short printable line, since records come from strangers and errors go to logs."""
    short = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    return short if short.isprintable() else repr(short)[1:-1]


def shown(value: object) -> str:
    """Describe **value** in a few characters, without running code that came with it."""
    if is_a(value, str):
        text = str.__str__(value)
        return repr(text) if len(text) <= _LONGEST_SHOWN else repr(text[:_LONGEST_SHOWN]) + "…"
    if is_a(value, float):
        return float.__repr__(value)
    if value is None or is_a(value, bool):
        return repr(value)
    # A long enough integer refuses to be printed; past 128 bits its type says enough.
    if is_a(value, int) and int.bit_length(value) <= 128:
        return int.__repr__(value)
    return f"a value of type {cut(_name_of(type(value)))}"


class TranslationError(ValueError):
    """A record that has no Segment form. Every error about a record's content is one of these.

    :ivar path: Where in the record, as keys and list indexes joined by dots; ``None`` where no single place is at
        fault. The whole path, however long; the message shows its beginning.

    >>> from cordial_segment import TranslationError, build_track_payload
    >>> try:
    ...     build_track_payload({"action": "open", "cID": "c1", "score": [1.5, float("nan")]})
    ... except TranslationError as error:
    ...     print(error.path, "|", error)
    score.1 | score.1: nan has no JSON form: give a finite number or null
    """

    path: str | None

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path

    def __str__(self) -> str:
        message = super().__str__()
        return message if self.path is None else f"{cut(self.path) or repr('')}: {message}"


class MissingFieldError(TranslationError):
    """A field that Segment cannot do without has no value: the action, or whose event it is."""


class InvalidFieldError(TranslationError):
    """A field holds a value of another kind than it takes, or one that JSON has no form for."""


class NestingError(TranslationError):
    """Containers lie deeper in each other than allowed.

    A structure that contains itself ends here too, unless its growing keys are over a payload's size first.
    """


class PayloadTooLargeError(TranslationError):
    """The payload cannot fit in the 32 KB (32,768 bytes) that Segment takes for one event.

    Source: Segment, "HTTP API Source", maximum request size.
    """


class KeyCollisionError(TranslationError):
    """Two places in the data flatten to one key, so that one value would be lost.

    :ivar key: The flat key; where one mapping gives a key twice, as multi-valued ones do, that key.
    :ivar paths: Both places, dotted, in document order; ``path`` is the second.

    >>> from cordial_segment import KeyCollisionError, flatten
    >>> try:
    ...     flatten({"a": {"b": 1}, "a_b": 2})
    ... except KeyCollisionError as error:
    ...     print(error.key, error.paths)
    a_b ('a.b', 'a_b')
    """

    key: str
    paths: tuple[str, str]

    def __init__(
        self, message: str, *, path: str | None = None, key: str = "", paths: tuple[str, str] = ("", "")
    ) -> None:
        super().__init__(message, path=path)
        self.key = key
        self.paths = paths
