"""Reads records strictly, in two forms: JSON Lines, each line by itself, or one JSON document, whole or not at all.

Nothing is repaired. A line that cannot be read costs no other line; a document that cannot be read holds no record.
"""

import gzip
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from json import JSONDecodeError, JSONDecoder
from types import SimpleNamespace
from typing import Any, BinaryIO, cast

from ._errors import shown

_BLANK = b" \t\r\n"
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"')
_LONG = sys.get_int_max_str_digits() or 10**9
# A string, and the colon after it if it is a key; the start or end of an object; a number that is refused; another.
_TOKEN = rf"({_STRING.pattern})\s*+(:)?|([{{}}])|(NaN|-?Infinity|-?\d{{{_LONG + 1},}}+(?![.eE]))|-?\d[\d.eE+-]*+"
# The marks of UTF-16 and of formats that may begin like text; a NUL near the start; control characters that text has
# not, on a line that does not begin like a record.
_BINARY = re.compile(
    rb"\xff\xfe|\xfe\xff|\x1f\x8b|BZh|\(\xb5/\xfd|\x89PNG|.{0,3}\0|\s*[^\s{\[].*[\0-\6\x0e-\x1a\x1c-\x1f]", re.DOTALL
)
_FORMS = {"HTML or XML": rb"<", "CSV": rb"[^{]*[,;\t|](?! )", "plain text": rb""}
# The members of a reject, and its text up to what it holds: only texts and null come before that.
_REJECTS = [{"reason", "path", "place", "record"}, {"reason", "path", "place", "line"}]
_BEFORE = re.compile(rf'{{(?:\s*"\w+"\s*:\s*(?:{_STRING.pattern}|null)\s*,)*\s*"(?:record|line)"\s*:\s*')

# A line's number, its place in an earlier run whose reject it is, its text, and its value or the error instead of one.
Found = tuple[int, str | None, str, Any]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key occurs twice")
    return record


_STRICT = JSONDecoder(object_pairs_hook=_unique, parse_constant=int)  # int("NaN") is a ValueError
_LENIENT = JSONDecoder(parse_int=float)


def decode(text: str, at: int = 0) -> tuple[Any, int]:
    """Return the JSON value that begins at **at**, and its end, or raise a ``JSONDecodeError``."""
    try:
        return _STRICT.raw_decode(text, at)
    except RecursionError:
        raise JSONDecodeError("Nested too deep", text, at) from None
    except JSONDecodeError:
        raise
    except ValueError:
        raise _fault(text, at) from None


def _fault(text: str, at: int) -> JSONDecodeError:
    """Find what is well formed and yet refused: Python's own parser does not say where it is."""
    tokens, objects = re.compile(_TOKEN).finditer(text, at), list[set[str]]()
    while True:
        string, colon, brace, number = (token := next(tokens)).groups()
        if brace == "{":
            objects.append(set())
        elif brace:
            objects.pop()
        elif number:
            problem = f"The constant {number} is not JSON" if number[-1] in "Ny" else "An integer has too many digits"
            return JSONDecodeError(problem, text, token.start())
        elif colon:
            key = json.loads(string)
            if key in objects[-1]:
                return JSONDecodeError(f"The key {shown(key)} occurs twice in one object", text, token.start())
            objects[-1].add(key)


def read_records(file: BinaryIO, document: bool | None) -> Iterator[Found]:
    """Yield each record of **file**, a JSON document or JSON Lines; by **document**, or else by its first line."""
    if not (first := file.readline()):
        return  # a terminal would be asked for its end again
    if first.startswith(b"\x1f\x8b"):
        head, rest = io.BytesIO(first), file

        def read(size: int) -> bytes:
            return head.read(size) or rest.read(size)

        file = cast("BinaryIO", gzip.GzipFile(fileobj=cast("Any", SimpleNamespace(read=read))))
        first = file.readline()
    lines = enumerate(chain([first.removeprefix(b"\xef\xbb\xbf")], file), 1)
    start, first = next((pair for pair in lines if pair[1].strip(_BLANK)), (1, b""))
    if _BINARY.match(first):
        raise OSError("it is UTF-16 or other binary data, not text in UTF-8")
    if document is not False and first.lstrip(_BLANK)[:1] not in b"{[":
        form = next(form for form, mark in _FORMS.items() if re.match(mark, first.strip(_BLANK)))
        raise OSError(f'it looks like {form}, not JSON: see "What is not JSON" in docs/command.md')
    if document or (document is None and _begins_document(first)):
        yield from _read(start, first + file.read(), "; no record of the document is translated")
        return
    for number, line in chain([(start, first)], lines):
        try:  # nearly every line is one object, and needs no more than this
            text = line.decode().strip(" \t\r\n")
            value, end = _STRICT.raw_decode(text)
        except (ValueError, RecursionError):
            text, value, end = "", None, -1
        if end != len(text) or type(value) is not dict:
            yield from _read(number, line)
        elif len(value) == 4 and value.keys() in _REJECTS and (before := _BEFORE.match(text)):
            held, end = decode(text, before.end())
            found: Iterable[Found] = [(number, None, text[before.end() : end], held)]
            if "line" in value and isinstance(held, str):
                found = _read(number, held.encode(errors="surrogatepass"))
            for _, _, part, item in found:
                yield number, str(value["place"]), part, item
        else:
            yield number, None, text, value


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


def _read(number: int, data: bytes, consequence: str = "") -> Iterator[Found]:
    """Yield the records of **data**, whose first line is **number**, or the error that makes all of them unreadable."""
    try:
        text, records = _parse(data.rstrip(_BLANK))
    except JSONDecodeError as error:
        line = error.doc[error.doc.rfind("\n", 0, error.pos) + 1 :].partition("\n")[0]
        problem = f"not readable at column {error.colno}: {error.msg[0].lower()}{error.msg[1:]}{consequence}"
        yield number + error.lineno - 1, None, line, ValueError(problem)
        return
    counted = 0
    for start, end, value in records:
        number += text.count("\n", counted, start)
        counted = start
        yield number, None, text[start:end], value


def _parse(data: bytes) -> tuple[str, list[tuple[int, int, Any]]]:
    """Return the text, and the members of its array, or its one other value, each with its start and end."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        text, before = data.decode(errors="backslashreplace"), data[: error.start].decode()
        raise JSONDecodeError(f"Byte {data[error.start]:#04x} is not UTF-8", text, len(before)) from None
    found: list[tuple[int, int, Any]] = []
    at = _past_space(text, 0)
    in_array = text.startswith("[", at)
    at = _past_space(text, at + in_array)
    more = at < len(text) and not (in_array and text.startswith("]", at))
    while more:
        value, end = decode(text, at)
        found.append((at, end, value))
        at = _past_space(text, end)
        more = in_array and text.startswith(",", at)
        at = _past_space(text, at + more)
    if in_array and not text.startswith("]", at):
        raise JSONDecodeError("Expecting ',' or ']'", text, at)
    if (at := _past_space(text, at + in_array)) < len(text):
        raise JSONDecodeError("Unexpected text after the value", text, at)
    return text, found


def _past_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]
