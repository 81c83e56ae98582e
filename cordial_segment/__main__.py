"""The command: a filter from Cordial event records to Segment track payloads.

$ cordial-segment events.jsonl > payloads.jsonl
"""

import argparse
import io
import json
import os
import signal
import sys
import time
import tomllib
import traceback
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

from . import ORIGIN_FIELDS, Block, Channel, Policy, TrackPayload, build_track_payload, is_blocked, open_envelope
from ._reading import STRICT, UnreadableError, read_records

VERSION = "0.2.0"
_ROBOTS = Block("open", "click")
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_NOTES = """\
FILE holds JSON Lines (*.jsonl, *.ndjson), each an object or an array of objects, or one JSON document (*.json). With
any other name, the first line decides. It may be compressed by gzip. {"contact": ..., "event": ...} is an envelope.

Exit status: 0 if no record failed; 1 if a record or the output failed; 2 for wrong usage or a file that cannot be read;
130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP. Translated records are always written.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status. A signal ends the run in order instead of killing the process."""
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    run = _Run()
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup ignores SIGHUP
            signal.signal(number, run.stop)
    try:
        run.translate(_options(arguments))
    except KeyboardInterrupt:
        pass
    except Exception:  # a fault of this program must not lose what is translated
        run.failed += 1
        run.say(f"{run.name}:{run.number}: a bug in cordial-segment, please report it:\n{traceback.format_exc()[:-1]}")
    return run.finish()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("cordial-segment", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.description = "Translate Cordial event records to Segment track payloads, one on a line, in order."
    parser.epilog = _NOTES
    add = parser.add_argument
    add("files", nargs="*", default=["-"], metavar="FILE", help="input files; standard input if none, or for -")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--lines", dest="document", action="store_false", default=None, help="read each line by itself")
    form.add_argument("--document", action="store_true", default=None, help="read each FILE as one JSON document")
    add("--channel", help=f"the channel of every record: {', '.join(Channel)}, or Cordial's own name for it")
    add("--policy", metavar="FILE", help="which events to send, in JSON, or in TOML if FILE is named *.toml")
    add("--message", metavar="FILE", help="the message of all records: a JSON object with its name and subject")
    add("--messages", metavar="FILE", help="the message of each record: a JSON object of such objects by bmID")
    add("--origin-field", dest="origins", action="append", metavar="PATH", help="look for Segment's mark there too")
    add("--block-robots", dest="robots", action="store_const", const=_ROBOTS, help="block opens and clicks by robots")
    add("--separator", default="_", metavar="TEXT", help="the text between the parts of a property's name (default: _)")
    add("--indent", action="store_const", const=2, help="print each payload over several lines")
    add("--line-buffered", action="store_true", help="write each payload at once, for a pipe that is read live")
    add("--rejects", metavar="FILE", help="write each failed record to FILE, one line of JSON with the reason")
    add("--version", action="version", version=f"cordial-segment {VERSION}")
    options = parser.parse_args(arguments)
    if options.rejects and os.path.realpath(options.rejects) in map(os.path.realpath, options.files):
        parser.error(f"argument --rejects: {options.rejects} is an input, and would be overwritten")
    options.origins = (*ORIGIN_FIELDS, *options.origins) if options.origins else ORIGIN_FIELDS
    for option, read in _READ.items():
        if (given := getattr(options, option)) is not None:
            try:
                setattr(options, option, read(given))
            except (OSError, ValueError, TypeError, RecursionError) as error:
                name = "" if option == "channel" else f"{given}: "
                parser.error(f"argument --{option}: {name}{getattr(error, 'strerror', None) or error}")
    return options


def _settings(name: str) -> Any:
    text = Path(name).read_text(encoding="utf-8-sig")
    return tomllib.loads(text) if name.lower().endswith(".toml") else STRICT.decode(text)


def _message(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError('expected an object such as {"name": "Fall Sale", "subject": "Last days"} for a message')
    return value


# How an option's value is read. The file to write is opened last: a mistake in another option leaves it as it is.
_READ: dict[str, Callable[[str], Any]] = {
    "channel": Channel,
    "policy": lambda name: Policy.from_dict(_settings(name)),
    "message": lambda name: _message(_settings(name)),
    "messages": lambda name: {key: _message(value) for key, value in _message(_settings(name)).items()},
    "rejects": lambda name: io.FileIO(name, "w"),
}


class _Run:
    """One run of the command: where it is, what it counts, and what it has still to write."""

    def __init__(self) -> None:
        self.translated = self.blocked = self.failed = self.signal = 0
        self.unread = self.quiet = False
        self.name, self.number, self.lost = "cordial-segment", 0, ""
        self._waiting = True
        self._held: list[tuple[str, str, int]] = []
        self._size, self._due = 0, 0.0
        self._wipe = "\r\x1b[K" if sys.stderr.isatty() and sys.stdout and not sys.stdout.isatty() else ""

    def stop(self, number: int, _frame: object) -> None:
        """Handle a signal: at once while waiting for input, otherwise when the record at hand is done."""
        if not self.signal:
            self.signal = number
            if self._waiting:
                raise KeyboardInterrupt

    def translate(self, options: argparse.Namespace) -> None:
        if sys.stdout is None:
            self.lost = "; standard output is closed"
            return
        self._options = options
        room = 0 if options.line_buffered or sys.stdout.isatty() else 1 << 16
        for number, text, value in self._records():
            self._waiting, self.number = False, number
            if self._wipe and time.monotonic() > self._due:
                self._due = time.monotonic() + 0.5
                self.say(f"{self.translated + len(self._held) + self.blocked + self.failed:,} records", end="")
            try:
                if payload := self._payload(value):
                    line = json.dumps(payload, indent=options.indent) + "\n"
                    self._held.append((line, self.name, self.number))
                    self._size += len(line)
                else:
                    self.blocked += 1
            except ValueError as error:
                self._reject(error, text)
            if self._size > room:
                self._flush()
            self._waiting = True  # before the signal is looked at, so that none is missed
            if self.signal or self.lost:
                break
        if options.rejects:
            options.rejects.close()

    def _records(self) -> Iterator[tuple[int, str, Any]]:
        for name in self._options.files:
            self.name, self.number = "<stdin>" if name == "-" else name if name.isprintable() else ascii(name)[1:-1], 0
            plain, document = name.lower().removesuffix(".gz"), self._options.document
            if document is None and plain.endswith((".json", ".jsonl", ".ndjson")):
                document = plain.endswith(".json")
            try:
                with self._open(name) as file:
                    yield from read_records(file, document)
            except (OSError, EOFError, zlib.error) as error:
                self.unread = True
                past = f" past line {self.number}" if self.number else ""
                self.say(f"{self.name}: cannot be read{past}: {getattr(error, 'strerror', None) or error}")

    def _open(self, name: str) -> AbstractContextManager[Any]:
        if name != "-":
            return Path(name).open("rb")
        if sys.stdin is None:
            raise OSError("standard input is closed")
        if sys.stdin.buffer.isatty():
            self.say("Waiting for records on standard input. End with Ctrl-D; see --help.")
        return nullcontext(sys.stdin.buffer)

    def _payload(self, value: Any) -> TrackPayload | None:
        if isinstance(value, UnreadableError):
            raise value
        options = self._options
        event, contact = open_envelope(value)
        channel, message, separator = options.channel, options.message, options.separator
        if is_blocked(event, options.policy, channel=channel, robots=options.robots, origin_fields=options.origins):
            return None
        if options.messages and isinstance(event.get("bmID"), str):
            message = options.messages.get(event["bmID"], message)
        return build_track_payload(event, channel=channel, contact=contact, message=message, separator=separator)

    def _reject(self, error: ValueError, text: str) -> None:
        self.failed += 1
        place = f"{self.name}:{self.number}"
        self.say(f"{place}: {error}")
        rejects = self._options.rejects
        if rejects and not rejects.closed:
            entry = json.dumps({"reason": str(error), "path": getattr(error, "path", None), "place": place})
            unread = isinstance(error, UnreadableError)
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
        self._waiting = False
        if self._held:
            self._flush()
        if not self.quiet:
            self.say(f"{self.translated} translated, {self.blocked} blocked, {self.failed} failed{self.lost}")
        for number in _SIGNALS if self.signal else ():  # Python lets them kill it while it exits
            signal.signal(number, signal.SIG_IGN)
        return 128 + self.signal if self.signal else 2 if self.unread else 1 if self.failed or self.lost else 0


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
