"""Send JSON Lines files of Cordial records to Segment with Segment's own Python client.

    SEGMENT_WRITE_KEY=... python send_with_client.py export/part-0000.jsonl

The exit status is 0 when every record was delivered or blocked by the policy, else 1; what was not is named on
standard error. It is 2 where the command line is wrong, or the write key missing.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from fileinput import FileInput
from pathlib import Path
from typing import Any

from segment.analytics import Client
from segment.analytics.request import APIError

from cordial_segment import Policy, TrackPayload, build_track_payload, is_blocked

# The client's queue holds 10,000 events and lets go of what does not fit; it is emptied long before.
EVENTS_PER_FLUSH = 1000


def payloads(lines: FileInput[bytes], policy: Policy, problems: list[str]) -> Iterator[TrackPayload]:
    """Translate each line that may be sent; what is wrong with the others is added to **problems**."""
    for line in filter(bytes.strip, lines):
        try:
            record = json.loads(line)
            if not is_blocked(record, policy):
                yield build_track_payload(record)
        except (ValueError, TypeError, RecursionError) as error:
            problems.append(f"{lines.filename()}:{lines.filelineno()}: {error}")


def track(client: Client, payload: TrackPayload) -> None:
    """Put a payload in the client's queue; a ``RuntimeError`` says why not."""
    timestamp = payload.get("timestamp")
    queued, _ = client.track(
        user_id=payload.get("userId"),
        anonymous_id=payload.get("anonymousId"),
        event=payload["event"],
        properties=payload["properties"],
        context=payload["context"],
        # A string is refused; without an offset, local time may be meant.
        timestamp=datetime.fromisoformat(timestamp) if timestamp else None,
        integrations=payload["integrations"],
        message_id=payload.get("messageId"),
    )
    if not queued:
        raise RuntimeError("the client's queue is full")


def send(client: Client, found: Iterable[TrackPayload], problems: list[str]) -> int:
    """Send payloads, wait until the client is done with them, and give how many it took."""
    taken = 0
    for payload in found:
        try:
            track(client, payload)
        except RuntimeError as error:
            problems.append(f"{payload.get('messageId')}: {str(error)[:100]}")
            continue
        taken += 1
        if taken % EVENTS_PER_FLUSH == 0:
            client.flush()
    client.shutdown()
    return taken


def main() -> int:
    """Send the files that the command line names."""
    parser = argparse.ArgumentParser(description="Send Cordial records to Segment with Segment's own client.")
    parser.add_argument("files", nargs="*", help="JSON Lines: one record a line; without any, standard input")
    parser.add_argument("--policy", type=Path, help="JSON, as Policy.from_dict takes it; without it, all is sent")
    parser.add_argument("--host", default="https://api.segment.io")
    parser.add_argument("--timeout", type=float, default=15, help="seconds to wait for an answer")
    parser.add_argument("--retries", type=int, default=10, help="how often a request is tried again")
    options = parser.parse_args()
    write_key = os.environ.get("SEGMENT_WRITE_KEY")
    if not write_key:
        parser.exit(2, f"{parser.prog}: the environment has no SEGMENT_WRITE_KEY: set it to the source's key\n")
    policy = Policy.from_dict(json.loads(options.policy.read_bytes())) if options.policy else Policy()

    problems: list[str] = []
    undelivered: list[str] = []

    def on_error(error: Exception, batch: list[dict[str, Any]]) -> None:
        reason = f"HTTP {error.status}" if isinstance(error, APIError) else repr(error)
        undelivered.extend(f"{event['messageId']}: not delivered: {reason}" for event in batch)

    # In sync_mode the client does not try again, so its thread does the sending.
    client = Client(
        write_key,
        host=options.host,
        timeout=options.timeout,
        max_retries=options.retries,
        on_error=on_error,
    )
    with FileInput(options.files, mode="rb") as lines:
        taken = send(client, payloads(lines, policy, problems), problems)

    for problem in problems + undelivered:
        print(problem.encode("ascii", "backslashreplace").decode(), file=sys.stderr)
    print(f"{taken - len(undelivered)} delivered, {len(problems) + len(undelivered)} not", file=sys.stderr)
    return 1 if problems or undelivered else 0


if __name__ == "__main__":
    sys.exit(main())
