"""The command: a filter from Cordial event records to Segment track payloads.

$ cordial-segment events.jsonl > payloads.jsonl
"""

import argparse
import io
import json
import os
import signal
import stat
import sys
import time
import tomllib
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from . import ORIGIN_FIELDS, Block, Channel, Policy, build_track_payload, channel_of, is_blocked, open_envelope
from ._errors import InvalidFieldError, cut, shown
from ._reading import Found, decode, read_records

VERSION = "0.2.0"
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_ABOUT = """Translate Cordial event records to Segment track payloads, one on a line, in order. FILE holds JSON Lines
(*.jsonl, *.ndjson), each an object or an array of objects, or one JSON document (*.json). With any other name, the
first line decides. It may be compressed by gzip. {"contact": ..., "event": ...} is an envelope. A line of an earlier
run's rejects is read as the record that it holds."""
_STATUS = """Exit status: 0 if no record failed; 1 if a record or the output failed; 2 for wrong usage or a file that
cannot be read; 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP. Translated records are always written."""
# The columns of the summary, and its rows without an event. Each event that comes after the first 1,000 is another.
_TRANSLATED, _LOOP, _ROBOT, _POLICY, _FAILED = range(5)
_HEADS = [("", "", *["blocked:"] * 3, "", ""), ("channel", "translated", "loop", "robot", "policy", "failed", "event")]
_UNREADABLE, _NAMELESS, _OTHERS = (("-", name) for name in ("(unreadable)", "(no event name)", "(all other events)"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status. A signal ends the run in order instead of killing the process."""
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    run = _Run()
    try:
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup ignores SIGHUP
                signal.signal(number, run.stop)
        run.translate(_options(arguments))
        run.waiting = False
    except KeyboardInterrupt:  # raised at most once: what follows is not interrupted
        pass
    except Exception:  # a fault of this program must not lose what is translated
        run.waiting = False
        run.failed += 1
        run.say(f"{run.name}:{run.number}: a bug in cordial-segment, please report it:\n{traceback.format_exc()[:-1]}")
    return run.finish()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("cordial-segment", description=_ABOUT, epilog=_STATUS, allow_abbrev=False)
    add = parser.add_argument
    add("files", nargs="*", default=["-"], metavar="FILE", help="input files; standard input if none, or for -")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--lines", dest="document", action="store_false", default=None, help="read each line by itself")
    form.add_argument("--document", action="store_true", default=None, help="read each FILE as one JSON document")
    add("--channel", help=f"the channel of every record: {', '.join(Channel)}, or Cordial's own name for it")
    add("--policy", metavar="FILE", help="which events to send, in JSON, or in TOML if FILE is named *.toml")
    add("--messages", metavar="FILE", help="the name and subject of each bmID's message, in JSON or TOML")
    add("--user-id", metavar="PATH", help="where the input has the userId, such as contact.attributes.id")
    add("--context", metavar="FILE", help="a JSON or TOML object to merge into each payload's context")
    add("--integrations", metavar="FILE", help="each payload's integrations: a JSON or TOML object")
    add("--origin-field", dest="origins", action="append", metavar="PATH", help="look for Segment's mark there too")
    add("--block-robots", action="store_true", help="block opens and clicks by robots")
    add("--separator", default="_", metavar="TEXT", help="the text between the parts of a property's name (default: _)")
    add("--indent", action="store_const", const=2, help="print each payload over several lines")
    add("--line-buffered", action="store_true", help="write each payload at once, for a pipe that is read live")
    add("--rejects", metavar="FILE", help="write each failed record to FILE, one line of JSON with the reason")
    add("--summary", action="store_true", help="end with a table of counts by channel and event")
    add("--version", action="version", version=f"cordial-segment {VERSION}")
    options = parser.parse_args(arguments)
    parser.usage = argparse.SUPPRESS  # from here on, an error is one line
    if options.user_id == "":
        parser.error("argument --user-id: it is empty: use a path such as contact.attributes.id")
    _refuse_to_overwrite(options, parser.error)
    for option, read in _READ.items():
        if (given := getattr(options, option)) is not None:
            try:
                setattr(options, option, read(given))
            except (OSError, ValueError, TypeError, RecursionError) as error:
                name = "" if option == "channel" else f"{given}: "
                parser.error(f"argument --{option}: {name}{getattr(error, 'strerror', None) or error}")
    robots, origins = Block("open", "click") if options.block_robots else None, tuple(options.origins or ())
    options.blocking = {"channel": options.channel, "robots": robots, "origin_fields": ORIGIN_FIELDS + origins}
    options.building = {name: getattr(options, name) for name in ("channel", "context", "integrations", "separator")}
    return options


def _refuse_to_overwrite(options: argparse.Namespace, error: Callable[[str], Any]) -> None:
    """End with an **error** if a file that would be written is an input, or is written already, but by ``2>&1``."""
    settings = [options.policy, options.messages, options.context, options.integrations]
    inputs = [("standard input", sys.stdin) if name == "-" else (name, name) for name in options.files]
    outputs = [("standard error", sys.stderr), ("standard output", sys.stdout), ("--rejects", options.rejects)]
    seen: dict[Any, str] = {}
    for name, file in [*inputs, *zip(settings, settings), *outputs]:
        try:
            found = Path(file).stat() if isinstance(file, str) else os.fstat(file.fileno())
            one: Any = stat.S_ISREG(found.st_mode) and (found.st_dev, found.st_ino)  # a pipe may be used twice
        except (OSError, ValueError, AttributeError):
            one = isinstance(file, str) and os.path.realpath(file)
        if one in seen and (name, file) in outputs and (name, seen[one]) != ("standard output", "standard error"):
            if file is sys.stderr:  # the error would be written into an input
                sys.stderr = io.StringIO()
            error(f"{name} is the same file as {seen[one]}")
        if one:
            seen[one] = name


def _settings(name: str) -> dict[str, Any]:
    text = Path(name).read_text(encoding="utf-8-sig").rstrip()
    if name.lower().endswith(".toml"):
        return tomllib.loads(text)
    value, end = decode(text, len(text) - len(text.lstrip()))
    if end < len(text):
        raise JSONDecodeError("Unexpected text after the value", text, end)
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {shown(value)}")
    return value


def _usable(**argument: Any) -> Any:
    build_track_payload({"action": "open", "cID": "c1"}, **argument)
    return next(iter(argument.values()))


# How an option's value is read. The file to write is opened last: a mistake in another option leaves it as it is.
_READ: dict[str, Callable[[str], Any]] = {
    "channel": Channel,
    "policy": lambda name: Policy.from_dict(_settings(name)),
    "messages": lambda name: {key: _usable(message=value) for key, value in _settings(name).items()},
    "context": lambda name: _usable(context=_settings(name)),
    "integrations": lambda name: _usable(integrations=_settings(name)),
    "rejects": lambda name: io.FileIO(name, "w"),
}


class _Run:
    """One run of the command: where it is, what it counts, and what it has still to write."""

    def __init__(self) -> None:
        self.translated = self.blocked = self.failed = self.signal = 0
        self.unread = self.quiet = False
        self.name, self.number, self.lost, self.waiting = "cordial-segment", 0, "", True
        self._held: list[tuple[str, str, int, list[int]]] = []
        self._size, self._due = 0, 0.0
        self._rows = {key: [0] * 5 for key in (_NAMELESS, _UNREADABLE, _OTHERS)}
        self._wipe = "\r\x1b[K" if sys.stderr.isatty() and sys.stdout and not sys.stdout.isatty() else ""

    def stop(self, number: int, _frame: object) -> None:
        """Handle a signal: at once while waiting for input, otherwise when the record at hand is done."""
        self.signal = self.signal or number
        if self.waiting:
            self.waiting = False
            raise KeyboardInterrupt

    def translate(self, options: argparse.Namespace) -> None:
        if sys.stdout is None:
            self.lost = "; standard output is closed"
            return
        self._options = options
        encode = json.JSONEncoder(indent=options.indent).encode
        room = 0 if options.line_buffered or sys.stdout.isatty() else 1 << 16
        for number, place, text, item in self._records():
            self.waiting, self.number = False, number
            if self._wipe and time.monotonic() > self._due:
                self._due = time.monotonic() + 0.5
                self.say(f"{self.translated + len(self._held) + self.blocked + self.failed:,} records", end="")
            try:
                payload = self._payload(item)
                row = self._row(item, payload)
                if payload:
                    line = encode(payload) + "\n"
                    self._held.append((line, self.name, number, row))
                    self._size += len(line)
                else:
                    self.blocked += 1
                    row[self._why_blocked(item)] += 1
            except ValueError as error:
                self._reject(error, place, text)
                self._row(item, None)[_FAILED] += 1
            if self._size > room:
                self._flush()
            self.waiting = True  # before the signal is looked at, so that none is missed
            if self.signal or self.lost:
                break
        if options.rejects:
            options.rejects.close()

    def _records(self) -> Iterator[Found]:
        for name in self._options.files:
            self.name, self.number = "<stdin>" if name == "-" else _printable(name), 0
            plain, document = name.lower().removesuffix(".gz"), self._options.document
            if document is None and plain.endswith((".json", ".jsonl", ".ndjson")):
                document = plain.endswith(".json")
            try:
                with self._open(name) as file:
                    yield from read_records(file, document)
            except (OSError, EOFError, MemoryError, zlib.error) as error:
                self.unread = True
                problem = getattr(error, "strerror", None) or str(error) or type(error).__name__
                self.say(f"{self.name}: cannot be read{f' past line {self.number}' if self.number else ''}: {problem}")

    def _open(self, name: str) -> AbstractContextManager[Any]:
        if name != "-":
            return Path(name).open("rb")
        if sys.stdin is None:
            raise OSError("standard input is closed")
        with suppress(OSError, ValueError, AttributeError):  # where it never blocks, its end is not told from a pause
            os.set_blocking(sys.stdin.fileno(), True)
        if sys.stdin.buffer.isatty():
            self.say("Waiting for records on standard input. End with Ctrl-D; see --help.")
        return nullcontext(sys.stdin.buffer)

    def _payload(self, item: Any) -> Mapping[str, object] | None:
        if isinstance(item, ValueError):
            raise item
        options = self._options
        event, contact = open_envelope(item)
        if is_blocked(event, options.policy, **options.blocking):
            return None
        message = None
        if options.messages and isinstance(key := event.get("bmID"), (str, int, float)):
            message = options.messages.get(str(key))
        user_id = options.user_id and _user_id(item, options.user_id)
        return build_track_payload(event, contact=contact, message=message, user_id=user_id, **options.building)

    def _row(self, item: Any, payload: Mapping[str, object] | None) -> list[int]:
        """Return the counts of the row of the summary that **item** belongs to."""
        if not self._options.summary:
            return [0] * 5
        row = _UNREADABLE if isinstance(item, ValueError) else _NAMELESS
        with suppress(ValueError):
            event, _ = open_envelope(item)
            channel = self._options.channel or channel_of(event)
            named = {"action": event.get("action"), "a": event.get("a")}
            payload = payload or build_track_payload(named, channel=channel, user_id="u1")
            row = channel.value, cut(str(payload["event"]))
            row = row if row in self._rows or len(self._rows) < 1000 + 3 else _OTHERS
        return self._rows.setdefault(row, [0] * 5)

    def _why_blocked(self, item: Any) -> int:
        (event, _), blocking = open_envelope(item), self._options.blocking
        by_robot = is_blocked(event, **blocking)
        return _LOOP if is_blocked(event, **blocking | {"robots": None}) else _ROBOT if by_robot else _POLICY

    def _reject(self, error: ValueError, first_place: str | None, text: str) -> None:
        self.failed += 1
        place = _printable(first_place) if first_place else f"{self.name}:{self.number}"
        self.say(f"{place}: {error}")
        rejects = self._options.rejects
        if rejects and not rejects.closed:
            entry = json.dumps({"reason": str(error), "path": getattr(error, "path", None), "place": place})
            unread = type(error) is ValueError  # as it was yielded in place of a record
            # What was read is JSON, whose lines break between values only.
            kept = json.dumps(text) if unread else text.replace("\r", " ").replace("\n", " ")
            _, problem = _write(rejects, [f'{entry[:-1]}, "{"line" if unread else "record"}": {kept}}}\n'])
            if problem:
                self.say(f"{rejects.name}: cannot be written, further rejects are not saved: {problem.strerror}")
                rejects.close()

    def _flush(self) -> None:
        held, self._held, self._size = self._held, [], 0
        written, problem = _write(getattr(sys.stdout.buffer, "raw", sys.stdout.buffer), [line for line, *_ in held])
        self.translated += written
        for *_, row in held[:written]:
            row[_TRANSLATED] += 1
        if problem:
            self.quiet = isinstance(problem, BrokenPipeError)
            self.lost = f"; not written from {held[written][1]}:{held[written][2]} on: {problem.strerror}"

    def say(self, text: str, end: str = "\n") -> None:
        """Say **text** on standard error, over the progress that was shown there."""
        try:
            print(f"{self._wipe}{text}", end=end, file=sys.stderr, flush=True)
        except OSError:  # the exit status still tells; what Python holds back must not fail when it exits
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())

    def finish(self) -> int:
        """Write what is translated, say the closing line, and return the exit status."""
        if self._held:
            self._flush()
        if not self.quiet:
            closing = f"{self.translated} translated, {self.blocked} blocked, {self.failed} failed{self.lost}"
            self.say("\n".join([*self._table(), closing]))
        for number in _SIGNALS if self.signal else ():  # Python lets them kill it while it exits
            signal.signal(number, signal.SIG_IGN)
        return 128 + self.signal if self.signal else 2 if self.unread else 1 if self.failed or self.lost else 0

    def _table(self) -> Iterator[str]:
        """Yield the lines of the summary, if it is asked for and there is something to count."""
        rows = sorted((row for row in self._rows.items() if any(row[1])), key=lambda row: (row[0][0] == "-", row[0]))
        forms = ["{:,}", "{:,}", "{:,}" if rows and self._options.block_robots else "-", "{:,}", "{:,}"]
        table = [*_HEADS, *((channel, *map(str.format, forms, counts), name) for (channel, name), counts in rows)]
        widths = [max(map(len, column)) for column in zip(*table)]
        for channel, *counts, name in table if rows else ():
            yield "  ".join([channel.ljust(widths[0]), *map(str.rjust, counts, widths[1:]), name]).rstrip()


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)[1:-1]


def _user_id(item: Any, path: str) -> str | None:
    for step in path.split("."):
        item = item.get(step) if isinstance(item, dict) else None
    if item is None or isinstance(item, str):
        return item
    if isinstance(item, int) and not isinstance(item, bool):
        return str(item)
    raise InvalidFieldError(f"{shown(item)} is neither text nor an integer", path=path)


def _write(file: Any, lines: Sequence[str]) -> tuple[int, OSError | None]:
    """Write **lines** to an unbuffered file; return how many are written whole, and the error that stopped the rest."""
    data = "".join(lines).encode()
    left = memoryview(data)
    try:
        while left:
            left = left[file.write(left) or 0 :]  # None where another program made it a stream that never blocks
    except OSError as error:
        part, whole = len(data) - len(left), 0
        while part >= (length := len(lines[whole].encode())):
            part, whole = part - length, whole + 1
        with suppress(OSError):  # a file takes half a line back, unlike a pipe
            if part and file.tell() == file.seek(0, os.SEEK_END):
                file.truncate(file.seek(-part, os.SEEK_END))
        return whole, error
    return len(lines), None


if __name__ == "__main__":
    sys.exit(main())
