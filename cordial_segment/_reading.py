"""Reads records strictly, in two forms: JSON Lines, each line by itself, or one JSON document, whole or not at all.

Nothing is repaired. A line that cannot be read costs no other line; a document that cannot be read holds no record.
"""

import gzip
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from json import JSONDecodeError, JSONDecoder
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

from ._errors import shown

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"')
# The marks of UTF-16 and of formats that may begin like text; a NUL near the start; control characters that text has
# not, on a line that does not begin like a record.
_BINARY = re.compile(
    rb"\xff\xfe|\xfe\xff|\x1f\x8b|BZh|\(\xb5/\xfd|\x89PNG|.{0,3}\0|\s*[^\s{\[].*[\0-\6\x0e-\x1a\x1c-\x1f]", re.DOTALL
)


class UnreadableError(ValueError):
    """Yielded in place of a record that cannot be read."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"The key {shown(twice)} occurs twice in one object")
    return record


def _refuse(constant: str) -> Any:
    raise ValueError(f"The constant {constant} is not JSON")


STRICT = JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
_LENIENT = JSONDecoder(parse_int=float)


def read_records(file: BinaryIO, document: bool | None) -> Iterator[tuple[int, str, Any]]:
    """Yield each record of **file**: the number of its line, its text, and its value or an ``UnreadableError``.

    **document** tells a JSON document from JSON Lines; with ``None``, the first line that is not blank decides.
    """
    if not (first := file.readline()):
        return  # a terminal would be asked for its end again
    if first.startswith(b"\x1f\x8b"):
        file = _unzipped(first, file)
        first = file.readline()
    lines = enumerate(chain([first.removeprefix(b"\xef\xbb\xbf")], file), 1)
    start, first = next((pair for pair in lines if pair[1].strip(b" \t\r\n")), (1, b""))
    if _BINARY.match(first):
        raise OSError("it is UTF-16 or other binary data, not text in UTF-8")
    if document or (document is None and _begins_document(first)):
        yield from _read(start, first + file.read(), "; no record of the document is translated")
    else:
        for number, line in chain([(start, first)], lines):
            try:  # nearly every line is one object, and needs no more than this
                text = line.decode().rstrip(" \t\r\n")
                value, end = STRICT.raw_decode(text)
            except (ValueError, RecursionError):
                text, value, end = "", None, -1
            if end == len(text) and type(value) is dict:
                yield number, text, value
            else:
                yield from _read(number, line)


def _unzipped(first: bytes, rest: BinaryIO) -> Any:
    head = io.BytesIO(first)

    def read(size: int) -> bytes:
        return head.read(size) or rest.read(size)

    return gzip.GzipFile(fileobj=cast("Any", SimpleNamespace(read=read)), mode="rb")


def _begins_document(line: bytes) -> bool:
    """Whether the JSON of **line** is right as far as it goes, and stops at its very end."""
    text = line.decode(errors="replace").strip(" \t\r\n")
    try:
        _LENIENT.raw_decode(text)
    except JSONDecodeError as error:
        return error.pos == len(text)
    except RecursionError:
        bare = Counter(_STRING.sub("", text))
        return bare["["] + bare["{"] > bare["]"] + bare["}"]
    return False


def _read(number: int, data: bytes, consequence: str = "") -> Iterator[tuple[int, str, Any]]:
    """Yield the records of **data**, whose first line is **number**, or the error that makes all of them unreadable."""
    try:
        text = _decoded(data.rstrip(b" \t\r\n"))
        records = _parse(text)
    except JSONDecodeError as error:
        line = error.doc[error.doc.rfind("\n", 0, error.pos) + 1 :].partition("\n")[0]
        problem = f"not readable at column {error.colno}: {error.msg[0].lower()}{error.msg[1:]}{consequence}"
        yield number + error.lineno - 1, line, UnreadableError(problem)
        return
    counted = 0
    for start, end, value in records:
        number += text.count("\n", counted, start)
        counted = start
        yield number, text[start:end], value


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        text, before = data.decode(errors="backslashreplace"), data[: error.start].decode()
        raise JSONDecodeError(f"Byte {data[error.start]:#04x} is not UTF-8", text, len(before)) from None


def _parse(text: str) -> list[tuple[int, int, Any]]:
    """Return the members of an array, or the one value of another **text**, each with its start and end."""
    found: list[tuple[int, int, Any]] = []
    at = _past_space(text, 0)
    in_array = text.startswith("[", at)
    at = _past_space(text, at + in_array)
    more = at < len(text) and not (in_array and text.startswith("]", at))
    while more:
        try:
            value, end = STRICT.raw_decode(text, at)
        except RecursionError:
            raise JSONDecodeError("Nested too deep", text, at) from None
        except ValueError as error:  # a key twice, a constant or an integer too long for Python has no place yet
            raise error if isinstance(error, JSONDecodeError) else JSONDecodeError(str(error), text, at) from None
        found.append((at, end, value))
        at = _past_space(text, end)
        more = in_array and text.startswith(",", at)
        at = _past_space(text, at + more)
    if in_array and not text.startswith("]", at):
        raise JSONDecodeError("Expecting ',' or ']'", text, at)
    if (at := _past_space(text, at + in_array)) < len(text):
        raise JSONDecodeError("Unexpected text after the value", text, at)
    return found


def _past_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]
