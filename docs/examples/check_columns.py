"""Report what a warehouse would merge, drop or retype of Segment payloads.

    cordial-segment export.jsonl | python check_columns.py
    python check_columns.py payloads.jsonl more.jsonl.gz

It reads payloads, one per line, from files or standard input, and prints one finding per line. The exit status is 0 if
there is nothing to report, 1 if there are findings, and 2 for wrong usage or if something cannot be read.

Names become columns and tables by the rule of the public package segmentio/go-snakecase. The reserved columns are those
that Segment's page "Warehouse Schemas" lists.
"""

import argparse
import gzip
import json
import re
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

WORD = re.compile("[A-Z0-9]+[a-z0-9]*|[a-z][a-z0-9]*")
RESERVED = re.compile(
    "id|event|event_text|user_id|anonymous_id|received_at|sent_at|timestamp|original_timestamp"
    "|uuid|uuid_ts|loaded_at|context_.*"
)
TYPES = {bool: "boolean", int: "number", float: "number", str: "text", list: "text"}

Payload = tuple[str, str, list[tuple[str, Any]]]


def column_of(name: str) -> str:
    """Return the column or table of a property or event; ``""`` if there is none."""
    return "_".join(WORD.findall(name)).lower()


def leaves(properties: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each property's name and value. Segment flattens nested objects; arrays stay, and become text."""
    for name, value in properties.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}_")
        else:
            yield prefix + name, value


def read_payload(line: bytes) -> Payload:
    """Return a payload's event, its messageId and its properties."""
    match json.loads(line):
        case {"event": str(event), **rest} if isinstance(properties := rest.get("properties") or {}, dict):
            return event, str(rest.get("messageId")), list(leaves(properties))
    raise ValueError("not the payload of a track call")


def read_lines(name: str) -> Iterator[bytes]:
    with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
        yield from gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == b"\x1f\x8b" else file


def read_payloads(names: list[str], problems: list[str]) -> Iterator[Payload]:
    """Yield the payloads of all files. What cannot be read is reported and added to **problems**."""

    def report(error: Exception) -> None:
        problems.append(f"{place}: cannot be read: {error}")
        print(problems[-1], file=sys.stderr)

    for name in names:
        place = file = "<stdin>" if name == "-" else name
        try:
            for number, line in enumerate(read_lines(name), 1):
                place = f"{file}:{number}"
                try:
                    if line.strip():
                        yield read_payload(line)
                except (ValueError, RecursionError) as error:
                    report(error)
        except (OSError, EOFError, zlib.error) as error:
            report(error)


def find(payloads: Iterable[Payload]) -> list[str]:
    """Return what there is to report of payloads, sorted."""
    found = set[str]()
    events = defaultdict[str, set[str]](set)
    properties = defaultdict[tuple[str, str], set[tuple[str, str]]](set)
    types = defaultdict[tuple[str, str], set[str]](set)
    for event, message_id, values in payloads:
        table = column_of(event)
        events[table].add(event)
        for name, value in values if table else ():
            column = column_of(name)
            if not column:
                found.add(f"{event!r}: {name!r} has no column")
            elif name == "_id" and f"-{message_id}".endswith(f"-{value}"):
                pass  # Segment's column id holds the messageId, and that ends with the _id
            elif RESERVED.fullmatch(column):
                found.add(f"{event!r}: {name!r} is dropped: Segment reserves the column {column}")
            else:
                properties[table, column].add((event, name))
                types[table, column].update([TYPES[type(value)]] if value is not None else [])
    found.update(f"{event!r} has no table" for event in events.pop("", ()))
    found.update(f"{quoted(several)} share the table {table}" for table, several in events.items() if len(several) > 1)
    for (table, column), pairs in properties.items():
        those, names = ({pair[part] for pair in pairs} for part in (0, 1))
        if len(names) > 1:
            found.add(f"{quoted(those)}: {quoted(names)} share the column {column}")
        if len(types[table, column]) > 1:
            found.add(f"{quoted(those)}: {quoted(names)} has several types: {', '.join(sorted(types[table, column]))}")
    return sorted(found)


def quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names)))


def main() -> int:
    """Check the files that the command line names."""
    parser = argparse.ArgumentParser(description="Report what a warehouse would merge, drop or retype of payloads.")
    parser.add_argument("files", nargs="*", default=["-"], metavar="FILE", help="payloads; standard input if none")
    problems: list[str] = []
    findings = find(read_payloads(parser.parse_args().files, problems))
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.stdout.writelines(f"{finding}\n" for finding in findings)
    return 2 if problems else 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
