"""Code that both senders use: it reads files, sends batches, splits refused batches and counts the results."""

import argparse
import gzip
import os
import signal
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from records import Parser, Rejects, option, outcomes, reject

from cordial_segment import TrackPayload, batch_payloads

# Segment's answers to a batch with an event that it never accepts.
REFUSALS = {"HTTP 400", "HTTP 413"}
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

Batch = list[TrackPayload]
Lost = list[tuple[TrackPayload, str]]
# Sends a batch, and returns each payload that was not delivered with the reason. It stops soon after the event is set.
Post = Callable[[Batch, threading.Event], Lost]


def deliver(batch: Batch, post: Post, stop: threading.Event) -> Lost:
    """Send a batch; send what Segment refuses again in halves, until only the bad events are left."""
    if not batch or stop.is_set():
        return [(payload, "stopped") for payload in batch]
    lost = post(batch, stop)
    refused = [payload for payload, reason in lost if reason in REFUSALS]
    if not refused or len(batch) == 1:
        return lost
    middle = (len(refused) + 1) // 2
    others = [(payload, reason) for payload, reason in lost if reason not in REFUSALS]
    return others + deliver(refused[:middle], post, stop) + deliver(refused[middle:], post, stop)


def sender_parser(description: str) -> Parser:
    """Make the parser of a sender."""
    parser = Parser(description)
    parser.add_argument("files", nargs="*", help="JSON Lines, gzip or not, or folders of them; none is standard input")
    parser.add_argument("--payloads", action="store_true", help="the lines are payloads already")
    parser.add_argument("--rejects", type=option(Rejects), metavar="FILE", help="gets what was not sent, a line each")
    parser.add_argument("--host", type=option(host), default="https://api.segment.io")
    parser.add_argument("--timeout", type=float, default=15, help="seconds to wait for an answer")
    parser.add_argument("--retries", type=int, default=10, help="how often a request is tried again")
    return parser


def host(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected http:// or https:// and a name")
    return url


def write_key(parser: Parser) -> str:
    """Return the write key from the environment: other users of the machine can see a command line."""
    return os.environ.get("SEGMENT_WRITE_KEY") or parser.error("the environment has no SEGMENT_WRITE_KEY")


class Run:
    """One run of a sender, with its counts."""

    def __init__(self, options: argparse.Namespace, post: Post) -> None:
        self.options = options
        self.post = post
        self.stop = threading.Event()
        self.delivered = self.blocked = self.failed = 0
        self.file_failed = False
        self.read = "the start"
        # Each messageId that is not delivered or rejected yet, with the event's place and payload.
        self.in_hand: dict[str, tuple[str, TrackPayload]] = {}

    def run(self, in_flight: int = 1) -> int:
        """Send the events in the files, report those that were not sent, and return the exit status."""
        pending: set[Future[tuple[Batch, Lost]]] = set()
        status = 0
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:  # set by nohup
                signal.signal(number, self.interrupt)
        try:
            with ThreadPoolExecutor(in_flight) as pool:
                try:
                    for batch in batch_payloads(self.payloads()):
                        if len(pending) == in_flight:
                            done, pending = wait(pending, return_when=FIRST_COMPLETED)
                            self.settle(done)
                        pending.add(pool.submit(self.send, batch))
                    wait(pending)
                finally:
                    self.stop.set()
        except SystemExit as stopped:
            status = stopped.code
            say(f"stopped: nothing after {self.read} was read")
        finally:
            self.settle(pending)
            for place, payload in [*self.in_hand.values()]:
                self.fail(reject("not sent: stopped", place, None, "payload", payload))
            say(f"{self.delivered} delivered, {self.blocked} blocked, {self.failed} failed")
        return status or (2 if self.file_failed else 1 if self.failed else 0)

    def interrupt(self, number: int, _: object) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)  # save the events in hand first
        sys.exit(128 + number)

    def payloads(self) -> Iterator[TrackPayload]:
        for place, line in self.lines():
            if self.stop.is_set():
                sys.exit(2)
            found = outcomes(line, place, self.options)
            payloads = [value for kind, value in found if kind == "payload"]
            self.in_hand |= {payload["messageId"]: (place, payload) for payload in payloads}
            self.blocked += sum(kind == "blocked" for kind, _ in found)
            for kind, value in found:
                if kind == "rejected":
                    self.fail(value)
            self.read = place
            yield from payloads

    def lines(self) -> Iterator[tuple[str, bytes]]:
        for name in self.names():
            number = 0
            try:
                with open(0 if name == "-" else name, "rb", closefd=name != "-") as file:
                    if self.options.rejects and os.path.sameopenfile(file.fileno(), self.options.rejects.fileno()):
                        raise OSError("rejects are written to it")  # noqa: TRY301 -- one of the things wrong with files
                    lines = gzip.GzipFile(fileobj=file) if file.peek(2).startswith(b"\x1f\x8b") else file
                    for number, line in enumerate(lines, 1):
                        if line.strip():
                            yield f"{name}:{number}", line
            except (OSError, EOFError, zlib.error) as error:
                self.file_failed = True
                say(f"{name}: cannot be read{f' past line {number}' if number else ''}: {error}")

    def names(self) -> Iterator[str]:
        for name in self.options.files or ["-"]:
            # Spark's own files begin with one of these characters.
            yield from sorted(map(str, Path(name).glob("[!._]*"))) if Path(name).is_dir() else [name]

    def send(self, batch: Batch) -> tuple[Batch, Lost]:
        try:
            return batch, deliver(batch, self.post, self.stop)
        except Exception as error:
            return batch, [(payload, f"{type(error).__name__}: {error}") for payload in batch]

    def settle(self, futures: Iterable[Future[tuple[Batch, Lost]]]) -> None:
        for batch, lost in (future.result() for future in futures):
            for payload, reason in lost:
                place, _ = self.in_hand.get(payload["messageId"], ("", None))
                self.fail(reject(f"not delivered: {reason}", place, None, "payload", payload))
            self.delivered += len(batch) - len(lost)
            for payload in batch:
                self.in_hand.pop(payload["messageId"], None)

    def fail(self, found: dict[str, Any]) -> None:
        self.failed += 1
        say(f"{found['place']}: {found['reason']}")
        if self.options.rejects:
            try:
                self.options.rejects.add([found])
            except OSError as error:
                say(f"{self.options.rejects.name}: cannot be written: {error}")
                self.options.rejects = None
                self.file_failed = True
                self.stop.set()  # continuing would lose more events


def say(text: str) -> None:
    with suppress(OSError):
        print(text, file=sys.stderr)
