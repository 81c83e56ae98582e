"""The command: a filter from Cordial event records to Segment track payloads.

$ python -m cordial_segment events.jsonl > payloads.jsonl
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from . import Channel, Policy, build_track_payload, is_blocked

__all__ = ["main", "read_records"]

_OBJECT = frozenset({dict})
_CHUNK = 1 << 16
_PROGRESS_SECONDS = 0.5


class _TwiceError(ValueError):
    """A key that an object has twice."""


class _NotJSONError(ValueError):
    """Text that is no JSON, from some column on."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common()[0]
        raise _TwiceError(f"the key {twice[:60]!r} stands twice in one object")
    return record


_decode = json.JSONDecoder(object_pairs_hook=_unique).raw_decode
# Finds the end of a value that the strict decoder refuses, for a key twice or an integer too long for Python.
_decode_leniently = json.JSONDecoder(parse_int=float).raw_decode
_SPACE = re.compile(r"[ \t\r\n]*+")


def read_records(lines: Iterable[bytes]) -> Iterator[tuple[int, object]]:
    """Give each record in **lines** with its line's number; for one that cannot be read, a ``ValueError`` instead.

    The first line that is not blank tells the form. Where it holds whole values, each line is read by itself: a broken
    one costs no other, and memory stays flat. Where it ends within a value, the lines make one document.
    """
    numbered = _decoded(lines)
    for number, text in numbered:
        if isinstance(text, str) and _is_unfinished(text):
            yield from _read_document(number, text, numbered)
        else:
            yield from _read_line(number, text)
        break
    for number, text in numbered:
        # Nearly every line is one object; to read it here saves the way through four generators.
        if isinstance(text, str) and text.startswith("{"):
            try:
                value, end = _decode(text)
            except (ValueError, RecursionError):
                pass
            else:
                if not text[end:]:
                    yield number, value
                    continue
        yield from _read_line(number, text)


def _decoded(lines: Iterable[bytes]) -> Iterator[tuple[int, str | ValueError]]:
    """Number the lines, and give their text without the end of the line; blank lines are passed over."""
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip(" \t\r\n")
        except UnicodeDecodeError as error:
            yield number, ValueError(f"not UTF-8: byte {line[error.start]:#04x} at position {error.start + 1}")
        else:
            if text:
                yield number, text


def _is_unfinished(text: str) -> bool:
    """Tell whether **text** is the beginning of JSON, with nothing wrong but that it ends."""
    try:
        for _ in _values(text):
            pass
    except json.JSONDecodeError as error:
        return not text[error.pos :]
    return False


def _read_document(
    first: int, text: str, numbered: Iterator[tuple[int, str | ValueError]]
) -> Iterator[tuple[int, object]]:
    """Read the document that begins with **text**; where a line shows that **text** was one cut short, read lines."""
    read: list[tuple[int, str]] = [(first, text)]
    undecoded: list[tuple[int, ValueError]] = []
    whole = tried = 0  # how many lines stood before the last whole object, and before the last that was tried
    cut_short = False
    for number, part in numbered:
        if isinstance(part, ValueError):
            undecoded.append((number, part))
            break
        if text.startswith("{") and part.startswith("{") and _is_whole(part):
            whole = len(read)
            if whole >= 2 * tried:  # to try at each would parse a long document as often as it has such lines
                cut_short, tried = _is_cut_short(read), whole
        read.append((number, part))
        if cut_short:
            break
    if cut_short or (tried < whole and _is_cut_short(read[:whole])):
        for line in read:
            yield from _read_line(*line)
    else:
        yield from _read_text(read)
    yield from undecoded


def _is_cut_short(lines: Sequence[tuple[int, str]]) -> bool:
    """Tell whether an object cannot follow **lines**, so that one which does is a record of its own."""
    return not _is_unfinished("\n".join([*(text for _, text in lines), "{"]))


def _is_whole(text: str) -> bool:
    try:
        _, end = _decode_leniently(text)
        return not text[end:]
    except (ValueError, RecursionError):
        return False


def _read_line(number: int, text: str | ValueError) -> list[tuple[int, object]]:
    """Give the values of a line, or its error alone: a line that is to be sent again should not be half sent."""
    if isinstance(text, ValueError):
        return [(number, text)]
    values = [*_read_text([(number, text)])]
    return values[-1:] if values and isinstance(values[-1][1], _NotJSONError) else values


def _read_text(lines: Sequence[tuple[int, str]]) -> Iterator[tuple[int, object]]:
    """Give each value of a text with the number of the line that it starts on, up to where it is no JSON."""
    text = "\n".join(line for _, line in lines)
    counted = line = 0
    try:
        for at, value in _values(text):
            line += text.count("\n", counted, at)
            counted = at
            yield lines[line][0], value
    except json.JSONDecodeError as error:
        line += text.count("\n", counted, error.pos)
        rest = "; what follows is not read" if lines[1:] and text[error.pos :] else ""
        yield lines[line][0], _NotJSONError(f"not JSON from column {error.colno} on: {error.msg.lower()}{rest}")


def _values(text: str) -> Iterator[tuple[int, object]]:
    """Give each value of **text**, and in place of an array each of its values, with its position."""
    at = 0
    in_array = False
    while at < len(text) or in_array:
        if text.startswith("[", at) and not in_array:
            at = _past_space(text, at + 1)
            if text.startswith("]", at):
                at = _past_space(text, at + 1)
            else:
                in_array = True
            continue
        value, end = _value(text, at)
        yield at, value
        at = _past_space(text, end)
        if in_array:
            in_array = text.startswith(",", at)
            if not in_array and not text.startswith("]", at):
                raise json.JSONDecodeError("Expecting ',' or ']'", text, at)
            at = _past_space(text, at + 1)


def _past_space(text: str, at: int) -> int:
    return next(_SPACE.finditer(text, at)).end()  # the first match is at the start, of no space at the least


def _value(text: str, at: int) -> tuple[object, int]:
    try:
        return _decode(text, at)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise json.JSONDecodeError("Nested too deep to be read", text, at) from None
    except ValueError as error:
        problem = error if isinstance(error, _TwiceError) else ValueError("an integer is too long to be read")
        return problem, _decode_leniently(text, at)[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with **arguments**, by default the program's own, and give its exit status.

    0: no record failed. 1: some did, or output did. 2: wrong usage, or a file that cannot be read. 130: interrupted.
    """
    options = _parse(arguments)
    try:
        return _translate(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _let_output_go()
        return 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m cordial_segment",
        description="Translate Cordial event records to Segment track payloads, one a line, in the order of the input.",
        epilog="Input is JSON objects, arrays of them, or JSON Lines; {contact, event} envelopes are opened. "
        "Records that fail are reported on standard error, the rest go on. Exit status: 0 when none failed, 1 "
        "otherwise, 2 for wrong usage or a file that cannot be read.",
    )
    parser.add_argument("files", nargs="*", default=["-"], metavar="FILE", help="input; none or - is standard input")
    parser.add_argument("--channel", type=_channel, help="the channel of every record, instead of what each says")
    parser.add_argument("--policy", type=_policy, metavar="FILE", help="rules, in JSON or (named *.toml) TOML")
    parser.add_argument("--message", type=_message, metavar="FILE", help="the message's metadata, a JSON object")
    parser.add_argument("--separator", default="_", metavar="TEXT", help="between the parts of a property (default: _)")
    parser.add_argument("--indent", action="store_const", const=2, help="print payloads over several lines, for people")
    return parser.parse_args(arguments)


def _channel(name: str) -> Channel:
    try:
        return Channel(name)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _message(name: str) -> Any:
    try:
        message: Any = json.loads(Path(name).read_bytes(), object_pairs_hook=_unique)
    except (OSError, ValueError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}") from None
    if type(message) not in _OBJECT:
        raise argparse.ArgumentTypeError(f'{name}: expected a JSON object such as {{"name": ..., "subject": ...}}')
    return message


def _policy(name: str) -> Policy:
    try:
        text = Path(name).read_text(encoding="utf-8")
        return Policy.from_dict(
            tomllib.loads(text) if name.endswith(".toml") else json.loads(text, object_pairs_hook=_unique)
        )
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}") from None


def _translate(options: argparse.Namespace) -> int:
    report = _Report()
    output = _Output()
    try:
        for name in options.files:
            _translate_file(name, options, report, output)
        output.flush()
    except _OutputError as error:
        report.say(str(error))
        report.failed += 1
    report.say(f"{report.translated} translated, {report.blocked} blocked, {report.failed} failed")
    return 2 if report.unread else 1 if report.failed else 0


def _translate_file(name: str, options: argparse.Namespace, report: _Report, output: _Output) -> None:
    shown = "<stdin>" if name == "-" else name
    number = 0
    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else open(name, "rb") as file:  # noqa: PTH123
            for number, record in read_records(file):
                report.tick()
                try:
                    event = _opened(record)
                    if is_blocked(event, options.policy, channel=options.channel):
                        report.blocked += 1
                        continue
                    payload = build_track_payload(
                        event, channel=options.channel, message=options.message, separator=options.separator
                    )
                except ValueError as error:
                    report.failed += 1
                    report.say(f"{shown}:{number}: {error}")
                    continue
                report.translated += 1
                output.write(json.dumps(payload, indent=options.indent), f"{shown}:{number}")
    except (_OutputError, BrokenPipeError):
        raise
    except OSError as error:
        report.unread = True
        report.say(f"{shown}: cannot be read{f' past line {number}' if number else ''}: {error.strerror}")


def _opened(record: Any) -> Any:
    """Give the event record that **record** is, or is an envelope of."""
    if isinstance(record, ValueError):
        raise record
    if type(record) not in _OBJECT:
        raise ValueError(f"not a JSON object: {json.dumps(record)[:60]}")
    return record["event"] if "contact" in record and type(record.get("event")) in _OBJECT else record


class _Report:
    """What is counted and said on standard error; on a terminal, progress too, on a line that is written over."""

    def __init__(self) -> None:
        self.translated = self.blocked = self.failed = 0
        self.unread = False
        self._clear = "\r\x1b[K" if sys.stderr.isatty() else ""
        self._due = time.monotonic() + _PROGRESS_SECONDS if self._clear else math.inf

    def say(self, text: str) -> None:
        sys.stderr.write(f"{self._clear}{text}\n")

    def tick(self) -> None:
        if time.monotonic() > self._due:
            sys.stderr.write(f"{self._clear}{self.translated + self.blocked + self.failed:,} records")
            sys.stderr.flush()
            self._due = time.monotonic() + _PROGRESS_SECONDS


class _OutputError(Exception):
    """Output failed; what was read from some place on may be missing from it."""


class _Output:
    """Standard output in chunks, so that a failure can name the first record that it may have lost."""

    def __init__(self) -> None:
        self._at_once = sys.stdout.isatty()
        self._lines: list[str] = []
        self._size = 0
        self._first = ""

    def write(self, line: str, place: str) -> None:
        self._first = self._first or place
        self._lines.append(line + "\n")
        self._size += len(line)
        if self._at_once or self._size > _CHUNK:
            self.flush()

    def flush(self) -> None:
        left = memoryview("".join(self._lines).encode("ascii"))
        try:
            # Where Python runs unbuffered (-u) a write may take a part; print() would lose the rest in silence.
            while left:
                left = left[sys.stdout.buffer.write(left) :]
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            _let_output_go()
            raise _OutputError(f"{self._first}: writing failed from this record on: {error.strerror}") from error
        self._lines.clear()
        self._size = 0
        self._first = ""


def _let_output_go() -> None:
    # Python writes what is left in the buffer once more at exit, and would complain that it cannot.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
