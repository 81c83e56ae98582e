"""Code that all programs here use: the options of a translation, the translation of an item, and rejects files.

A line of a rejects file is an object with a ``reason``, the ``path`` of the wrong field, the ``place`` in the input,
and what failed: a ``record``, a ``line`` that is not JSON, or a ``payload`` that was not delivered. The programs also
read such lines as input, so a rejects file can be sent again.
"""

import argparse
import json
import os
import threading
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

from cordial_segment import (
    ORIGIN_FIELDS,
    Block,
    Channel,
    Policy,
    TrackPayload,
    build_track_payload,
    is_blocked,
    open_envelope,
)

ROBOTS = Block("open", "click")
MAX_PAYLOAD_BYTES = 32 * 1024

Outcome = tuple[str, Any]


class Parser(argparse.ArgumentParser):
    """Reads the options of a translation, which all programs have, and reports an error in one line."""

    def __init__(self, description: str, prog: str | None = None) -> None:
        super().__init__(prog, description=description)
        self.add_argument("--policy", type=option(policy), metavar="FILE", help="rules: JSON, or TOML if named *.toml")
        self.add_argument("--channel", type=option(Channel), help="the channel of every record")
        self.add_argument("--messages", type=option(messages), default={}, metavar="FILE", help="JSON, by bmID")
        self.add_argument("--separator", default="_", metavar="TEXT", help="between the parts of a property")
        self.add_argument("--origin-field", action="append", metavar="PATH", help="look for Segment's mark there too")
        self.add_argument("--block-robots", action="store_true", help="block opens and clicks by robots")
        self.set_defaults(payloads=False)

    def error(self, message: str) -> None:
        self.exit(2, f"{self.prog}: {message}\n")


def option(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Make an option's reader, so that the parser reports its errors."""

    def read_option(text: str) -> Any:
        try:
            return read(text)
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise argparse.ArgumentTypeError(f"{text}: {error}") from None

    return read_option


def policy(name: str) -> Policy:
    text = Path(name).read_text(encoding="utf-8-sig")
    return Policy.from_dict(tomllib.loads(text) if name.endswith(".toml") else json.loads(text))


def messages(name: str) -> dict[str, dict[str, Any]]:
    found = json.loads(Path(name).read_text(encoding="utf-8-sig"))
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise ValueError("expected an object from each bmID to an object of name and subject")
    return found


def translate(item: Any, options: argparse.Namespace) -> TrackPayload | None:
    """Translate an item of a webhook body or an export; return ``None`` if it is blocked."""
    record, contact = open_envelope(item)
    robots = ROBOTS if options.block_robots else None
    origin_fields = (*ORIGIN_FIELDS, *options.origin_field) if options.origin_field else ORIGIN_FIELDS
    if is_blocked(record, options.policy, channel=options.channel, robots=robots, origin_fields=origin_fields):
        return None
    message = options.messages.get(str(record.get("bmID")))
    payload = build_track_payload(
        record, channel=options.channel, contact=contact, message=message, separator=options.separator
    )
    return with_id(payload)


def with_id(payload: TrackPayload) -> TrackPayload:
    """Give a payload its messageId before it is first sent, so that Segment recognises a retry."""
    if not payload.get("messageId"):
        payload["messageId"] = str(uuid4())
    return payload


def check_payload(item: Any) -> TrackPayload:
    """Check a payload that was translated elsewhere."""
    if not isinstance(item, dict) or item.get("type") != "track" or not isinstance(item.get("event"), str):
        raise ValueError("not the payload of a track call")
    if not isinstance(item.get("messageId", ""), str | None):
        raise ValueError("the messageId is not a string")  # noqa: TRY004 -- of a line that is read, not of a call
    text = json.dumps(item, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if len(text.encode("utf-8", "backslashreplace")) > MAX_PAYLOAD_BYTES:
        raise ValueError("over 32 KB")
    return with_id(item)


def outcome(item: Any, place: str, options: argparse.Namespace, kind: str = "record") -> Outcome:
    """Return an item's outcome: ``payload`` and the payload, ``blocked`` and the item, ``rejected`` and the reject."""
    try:
        payload = check_payload(item) if kind == "payload" else translate(item, options)
    except ValueError as error:
        return "rejected", reject(str(error), place, getattr(error, "path", None), kind, item)
    return ("payload", payload) if payload else ("blocked", item)


def outcomes(line: bytes | str, place: str, options: argparse.Namespace) -> list[Outcome]:
    """Return the outcomes of a line: an item, an array of items, or a line of a rejects file."""
    try:
        found = json.loads(line)
        return [each for item in in_list(found) for each in _outcomes_of(item, place, options)]
    except (ValueError, RecursionError) as error:
        return [("rejected", reject_text(error, place, line))]


def _outcomes_of(item: Any, place: str, options: argparse.Namespace) -> list[Outcome]:
    kind = "payload" if options.payloads else "record"
    if isinstance(item, dict) and len(item) == 4 and item.keys() >= {"reason", "path", "place"}:
        (kept,) = item.keys() - {"reason", "path", "place"}
        if kept == "line" and isinstance(item["line"], str):
            return outcomes(item["line"], place, options)
        if kept in ("record", "payload"):
            kind, item = kept, item[kept]
    return [outcome(item, place, options, kind)]


def in_list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def reject(reason: str, place: str, path: str | None, kind: str, value: Any) -> dict[str, Any]:
    """Make a line of a rejects file. What JSON cannot express, such as NaN, is kept as text."""
    found = {"reason": reason, "path": path, "place": place}
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return found | {"line": json.dumps(value)}
    return found | {kind: value}


def reject_text(error: Exception, place: str, text: bytes | str) -> dict[str, Any]:
    """Make a line of a rejects file for text that is not JSON or is nested too deeply."""
    line = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text
    return reject(f"not JSON: {error}", place, None, "line", line.strip("\r\n"))


class Rejects:
    """A rejects file. Any number of threads and processes can add whole lines to it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._file = Path(name).open("ab+", buffering=0)  # noqa: SIM115 -- open for as long as the program runs

    def add(self, found: Iterable[dict[str, Any]]) -> None:
        """Add lines."""
        lines = b"".join(json.dumps(each).encode() + b"\n" for each in found)
        if not lines:
            return
        with self._lock:
            # A full disk or a crash may have cut the last line short.
            if self._file.seekable() and self._file.seek(0, os.SEEK_END):
                self._file.seek(-1, os.SEEK_END)
                lines = lines if self._file.read(1) == b"\n" else b"\n" + lines
            while lines:
                lines = lines[self._file.write(lines) :]

    def fileno(self) -> int:
        return self._file.fileno()
