"""Send Segment track payloads, one on each line, to Segment's batch endpoint.

    export SEGMENT_WRITE_KEY=...
    cordial-segment export/*.jsonl.gz --rejects bad.jsonl |
      python send_with_httpx.py --rejects unsent.jsonl

Exit status: 0 if Segment accepted all; 1 if something was rejected; 2 for wrong
usage, an unreadable file or a stop; 130, 143, 129 by SIGINT, SIGTERM, SIGHUP.
"""

import argparse
import base64
import gzip
import io
import json
import os
import re
import signal
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from email.utils import mktime_tz, parsedate_tz
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from cordial_segment import TrackPayload, batch_payloads

REGIONS = {"us": "https://api.segment.io", "eu": "https://events.eu1.segmentapis.com"}
URL = re.compile(r"https?://(?:[\w.-]+|\[[\da-f:.]+\])(?::([1-9]\d{0,4}))?/?", re.IGNORECASE)
RANGES = {"rate": (1, 10**6), "retries": (0, 1000), "skip": (0, 10**15), "timeout": (0.1, 3600)}
REJECTS = [{"reason", "path", "place", kept} for kept in ("payload", "record", "line")]
MAX_PAYLOAD_BYTES, LONGEST_BACKOFF, LONGEST_RETRY_AFTER = 32 * 1024, 60.0, 300.0
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def main() -> int:
    """Send what the command line names. What cannot work stops it at once, with one line."""
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    # Without a usage line, an error is one line.
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("files", nargs="*", default=["-"], metavar="FILE", help="files or folders, gzip or not; - is standard input")
    add("--rejects", metavar="FILE", help="add what is rejected or not sent to FILE, a line each, to be sent again")
    add("--skip", type=int, default=0, metavar="N", help="pass over the first N lines of the input")
    add("--rate", type=float, default=1000, metavar="N", help="how many events to send a second (default: 1000)")
    where = parser.add_mutually_exclusive_group().add_argument
    where("--region", choices=REGIONS, default="us", help="where the workspace is (default: us)")
    where("--host", metavar="URL", help="another endpoint, such as https://segment.example.com")
    add("--timeout", type=float, default=15, metavar="N", help="seconds to wait for an answer (default: 15)")
    add("--retries", type=int, default=10, metavar="N", help="how often to repeat a failed request (default: 10)")
    options = parser.parse_args()
    for name, (least, most) in RANGES.items():
        if not least <= getattr(options, name) <= most:  # so does NaN
            parser.error(f"--{name} must be a number from {least} to {most:,}")
    url = REGIONS[options.region] if options.host is None else options.host
    if not (match := URL.fullmatch(url)) or int(match[1] or 1) >= 2**16:
        parser.error("--host must be https:// and a name, perhaps with a port, but without a path")
    key = os.environ.get("SEGMENT_WRITE_KEY", "")  # not an option: other users of the machine can see those
    if not re.fullmatch(r"(?!\.+$)[!-~]+", key) or key.strip("\"'") != key:
        parser.error("SEGMENT_WRITE_KEY must hold the write key, without white space or quotes")
    if "-" in options.files and sys.stdin is None:
        parser.error("standard input is closed")
    if "" in options.files:  # which would be the current folder
        parser.error("the name of a file is empty")
    try:
        files = []
        for path in map(Path, options.files):  # in a folder, names that begin with "_" or "." are Spark's own
            files += sorted(each for each in path.iterdir() if each.name[0] not in "_.") if path.is_dir() else [path]
        client = httpx.Client(base_url=url, auth=(key, ""), timeout=options.timeout)
        rejects = open_rejects(options.rejects, files) if options.rejects is not None else None
    except (OSError, ValueError, httpx.InvalidURL) as error:
        parser.error(str(error))
    return Sender(options, key, client, rejects).run(files)


def open_rejects(name: str, files: list[Path]) -> io.FileIO:
    """Open the rejects file to add to it, if it is none of the inputs."""
    for source in (Path("/dev/stdin") if str(each) == "-" else each for each in files):
        if Path(name).is_file() and source.exists() and source.samefile(name):
            raise OSError(f"{name}: is an input, so rejects cannot be written to it")
    file = io.FileIO(name, "a+")
    if file.seekable() and file.tell():
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":  # a crash has cut its last line short
            file.write(b"\n")
    return file


def encoded(text: str) -> bytes:
    """Encode JSON. Half of a surrogate pair, as in a truncated emoji, has no UTF-8 form: it becomes its JSON escape."""
    return text.encode("utf-8", "backslashreplace")


def retry_after(value: str) -> float:
    """Return the seconds to wait by the header Retry-After, which holds seconds or a date; 0 for anything else."""
    try:
        date = parsedate_tz(value)
        seconds = mktime_tz(date) - time.time() if date else float(value)
    except (ValueError, OverflowError):
        return 0.0
    return min(LONGEST_RETRY_AFTER, max(0.0, seconds))  # 0 for NaN


class Sender:  # one run, with its books
    def __init__(self, options: argparse.Namespace, key: str, client: httpx.Client, rejects: io.FileIO | None) -> None:
        self.options, self.client, self.rejects = options, client, rejects
        self.secret = re.compile(re.escape(key) + "|" + re.escape(base64.b64encode(f"{key}:".encode()).decode()))
        self.accepted = self.rejected = self.no_payloads = self.lines_read = self.signal = 0
        self.unread = self.waiting = False  # whether input is missing; whether a signal may interrupt
        # What was read and is neither accepted nor rejected, in order: an event's line, place and JSON with an id.
        self.held: list[tuple[int, str, str]] = []
        self.refused: list[str] = []  # why the first events held were refused; they are rejected soon
        self.next_request = 0.0

    def run(self, files: list[Path]) -> int:
        """Send everything, account for what was not sent, and return the exit status."""
        for each in SIGNALS:
            if signal.getsignal(each) != signal.SIG_IGN:  # set by nohup
                signal.signal(each, self.on_signal)
        stopped, saved = "", ""
        try:
            for batch in batch_payloads(self.payloads(files)):
                self.send(len(batch))
            self.reject_refused()
            self.interruptible(int)  # a signal may have come meanwhile
        except (SystemExit, Exception) as error:
            stopped = str(error) if isinstance(error, SystemExit) else repr(error)
        unsent = len(self.held)
        with suppress(SystemExit):
            while self.held and self.rejects:
                self.save(f"not sent: stopped by {stopped}", *self.held[0][1:])
                del self.held[0]
                saved = f", of which {unsent - len(self.held)} are in {self.options.rejects}"
        if stopped:
            settled = max(self.options.skip, self.held[0][0] - 1 if self.held else self.lines_read)
            also = saved and f", and send {self.options.rejects}"
            self.say(f"stopped by {stopped}; {settled} lines are settled: go on with --skip {settled}{also}")
        self.say(f"{self.accepted} accepted by Segment, {self.rejected} rejected, {unsent} not sent{saved}")
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        return 128 + self.signal if self.signal else 2 if stopped or self.unread else int(self.rejected > 0)

    def on_signal(self, number: int, _: object) -> None:
        if not self.signal:
            self.signal = number
            if self.waiting:
                sys.exit(signal.Signals(number).name)

    def interruptible(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call what may take long. A signal interrupts this, and nothing else."""
        self.waiting = True
        try:
            if self.signal:
                sys.exit(signal.Signals(self.signal).name)
            return call(*arguments)
        finally:
            self.waiting = False

    def payloads(self, files: list[Path]) -> Iterator[TrackPayload]:
        """Read the input; yield each payload after its event is held."""
        lines = self.lines(files)
        for line, place, data in iter(lambda: self.interruptible(next, lines, None), None):
            text = data.decode("utf-8-sig", "backslashreplace").strip()
            payload = self.payload(line, place, text) if text and line > self.options.skip else None
            self.lines_read = line
            if payload:
                yield payload
        if self.lines_read < self.options.skip:
            self.unread = True
            self.say(f"--skip {self.options.skip} is past the end of the input, which has {self.lines_read} lines")

    def lines(self, files: list[Path]) -> Iterator[tuple[int, str, bytes]]:
        total = 0
        for name in files:
            line = 0
            try:
                with nullcontext(sys.stdin.buffer) if str(name) == "-" else name.open("rb") as file:
                    data = gzip.GzipFile(fileobj=file) if file.peek(2).startswith(b"\x1f\x8b") else file
                    for line, text in enumerate(data, 1):
                        total += 1
                        yield total, f"{name}:{line}", text
            except (OSError, EOFError, zlib.error) as error:
                self.unread = True
                self.say(f"{name}: cannot be read{f' past line {line}' if line else ''}: {error}")

    def payload(self, line: int, place: str, text: str) -> TrackPayload | None:
        """Hold the event of a line and return its payload, or reject the line."""
        kind, kept, problem = "line", json.dumps(text), ""
        try:
            item = json.loads(text)
            if isinstance(item, dict) and item.keys() in REJECTS:
                inner = item.get("line") or json.dumps(item.get("payload", item.get("record")))
                return self.payload(line, str(item["place"]), str(inner))  # what an earlier run rejected
            if not isinstance(item, dict) or item.get("type") != "track":
                problem = "not a track payload: pipe Cordial's records through cordial-segment first"
            else:
                item["messageId"] = str(uuid4()) if item.get("messageId") in (None, "") else item["messageId"]
                kept = json.dumps(item, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
                kind, size = "payload", len(encoded(kept))
                if not isinstance(item.get("event"), str) or not isinstance(item["messageId"], str):
                    problem = "event and messageId must be strings"
                elif size > MAX_PAYLOAD_BYTES:
                    problem = f"the payload takes {size:,} bytes, over the {MAX_PAYLOAD_BYTES:,} that Segment accepts"
        except (ValueError, RecursionError) as error:
            problem = f"not JSON: {error}"
        if problem:
            return self.reject(problem, place, kept, kind)
        self.held.append((line, place, kept))
        return item

    def send(self, size: int) -> None:
        """Send the first events held as a batch; halve what Segment refuses, until the bad events are alone."""
        parts = [size]
        while parts:
            size = parts.pop()
            start = len(self.refused)
            status, reason = self.post([text for *_, text in self.held[start : start + size]])
            if status in (400, 413) and size > 1:
                parts += [size - size // 2, size // 2]
            elif reason:
                self.refused += [reason] * size
                if self.refused == [reason] * 3 and status == 400:
                    sys.exit(f"the same answer to the first three events that were sent alone: {reason}")
                if self.accepted or len(self.refused) >= 3:
                    self.reject_refused()
            else:
                self.reject_refused()
                self.accepted += size
                del self.held[:size]
            self.progress()

    def post(self, events: list[str]) -> tuple[int, str]:
        """Post events until Segment accepts or refuses them; return the status, and the reason if not accepted."""
        content, headers = encoded('{"batch":[' + ",".join(events) + "]}"), {"Content-Type": "application/json"}
        request = self.client.build_request("POST", "/v1/batch", content=content, headers=headers)
        for attempt in range(self.options.retries + 1):
            self.interruptible(time.sleep, max(0.0, self.next_request - time.monotonic()))
            self.next_request = time.monotonic() + len(events) / self.options.rate
            try:
                answer = self.interruptible(self.client.send, request)
            except httpx.RequestError as error:
                status, after, reason = 0, 0.0, f"{type(error).__name__}: {error}"
            else:
                if answer.is_success:
                    return answer.status_code, ""
                status, after = answer.status_code, retry_after(answer.headers.get("Retry-After", ""))
                text = self.secret.sub("***", answer.text)[:200]
                reason = f"HTTP {status}: {''.join(each if each.isprintable() else ' ' for each in text)}"
            if status in (401, 403, 404):
                sys.exit(reason)
            if (status not in (0, 408, 429) and status < 500) or attempt == self.options.retries:
                break
            pause = max(after, min(LONGEST_BACKOFF, 0.25 * 2.0**attempt))
            self.progress(f"; waiting {pause:.0f} seconds after {reason:.60}")
            self.interruptible(time.sleep, pause)
        return status, reason

    def reject_refused(self) -> None:
        """Reject the first events held, for the reasons that are known."""
        while self.refused:
            self.reject(self.refused[0], *self.held[0][1:])
            del self.held[0], self.refused[0]

    def reject(self, reason: str, place: str, kept: str, kind: str = "payload") -> None:
        self.save(reason, place, kept, kind)
        self.rejected += 1
        self.no_payloads += kind == "line"
        if kind == "payload" or self.no_payloads <= 3:
            self.say(f"{place}: {reason}")
        elif self.no_payloads == 4:
            self.say("More lines hold no payload: from here on, they are only counted.")

    def save(self, reason: str, place: str, kept: str, kind: str = "payload") -> None:
        """Add a line to the rejects file: what is **kept** is JSON of the **kind** "payload" or "line"."""
        start = json.dumps({"reason": reason, "path": None, "place": place})[:-1]
        left = encoded(f'{start}, "{kind}": {kept}}}\n') if self.rejects else b""
        try:
            while left:
                left = left[self.rejects.write(left) :]
        except OSError as error:
            name, self.rejects = self.rejects.name, None
            sys.exit(f"{name}, which cannot be written: {error}")

    def progress(self, note: str = "") -> None:
        if sys.stderr.isatty():
            self.say(f"{self.accepted:,} accepted by Segment, {self.rejected:,} rejected{note}", end="")

    def say(self, text: str, end: str = "\n") -> None:
        with suppress(OSError):  # perhaps nobody reads it any more
            print(("\r\x1b[K" if sys.stderr.isatty() else "") + text, end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
