"""The errors about a record's content, and how they show a value: in one printable line, of a limited length."""

from typing import Any

_LONGEST_SHOWN = 60


def cut(text: str) -> str:
    """Shorten **text** to one printable line that is not empty."""
    short = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    return short if short and short.isprintable() else repr(short)[1:-1] or "''"


def shown(value: object) -> str:
    """Describe **value** in a few characters; of anything but text and numbers, only the type."""
    if isinstance(value, str):
        return repr(value[:_LONGEST_SHOWN]) + "…" * (len(value) > _LONGEST_SHOWN)
    if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and value.bit_length() <= 128):
        return repr(value)
    return f"a value of type {type_name(value)}"


def type_name(value: object) -> str:
    """Name the type of **value**, or the class that it is itself."""
    return cut(f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__)


class TranslationError(ValueError):
    """A record that cannot be translated. Every error about a record's content is one of these.

    :ivar path: Where in the record, as keys and list indexes joined by dots; ``None`` if no single place is at fault.

    >>> from cordial_segment import TranslationError, build_track_payload
    >>> try:
    ...     build_track_payload({"action": "open", "cID": "c1", "score": [1.5, b"raw"]})
    ... except TranslationError as error:
    ...     print(error.path)
    score.1
    """

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path

    def __str__(self) -> str:
        message = super().__str__()
        return message if self.path is None else f"{cut(self.path)}: {message}"


class MissingFieldError(TranslationError):
    """A field that Segment requires has no value: the action, or the id of the person."""


class InvalidFieldError(TranslationError):
    """A field holds a value of the wrong type, or one that JSON cannot express."""


class NestingError(TranslationError):
    """Containers are nested deeper than allowed. A structure that contains itself ends here too."""


class PayloadTooLargeError(TranslationError):
    """A payload takes over the 32,768 bytes that Segment accepts for one event, or that fit a batch.

    ``path`` is where to begin to cut: the deepest place of the record, or of an argument such as ``context``, whose
    leaves take over half of that; ``None`` if no place does, and for a batch. Source: "HTTP API Source".
    """


class KeyCollisionError(TranslationError):
    """Two places in the data flatten to the same key, so one value would be lost.

    :ivar key: The flat key.
    :ivar paths: Both places, dotted, in document order, such as ``("a.b", "a_b")``; ``path`` is the second.
    """

    def __init__(self, key: str, paths: tuple[str, str]) -> None:
        problem = f"flattens to {shown(key)}, and so does {cut(paths[0])}: rename one, or use another separator"
        super().__init__(problem, path=paths[1])
        self.key, self.paths = key, paths

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.key, self.paths)
