"""Send JSON Lines files of Cordial records to Segment's batch endpoint with httpx.

    SEGMENT_WRITE_KEY=... python send_with_httpx.py export/part-0000.jsonl

The exit status is 0 when every record was delivered or blocked by the policy, else 1; what was not is named on
standard error. It is 2 where the command line is wrong, or the write key missing.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from fileinput import FileInput
from pathlib import Path
from uuid import uuid4

import httpx

from cordial_segment import Policy, TrackPayload, build_track_payload, is_blocked

MAX_BATCH_BYTES = 500_000
LONGEST_PAUSE = 60.0
LONGEST_RETRY_AFTER = 300.0
RETRIED_STATUSES = {408, 429}  # and 500 to 599
JSON = {"Content-Type": "application/json"}

Outcome = httpx.Response | httpx.RequestError


def payloads(lines: FileInput[bytes], policy: Policy, problems: list[str]) -> Iterator[TrackPayload]:
    """Translate each line that may be sent; what is wrong with the others is added to **problems**."""
    for line in filter(bytes.strip, lines):
        try:
            record = json.loads(line)
            if not is_blocked(record, policy):
                # A second try must be the same message to Segment, so a record without an id is given one now.
                yield build_track_payload(record, message_id=None if record.get("_id") else str(uuid4()))
        except (ValueError, TypeError, RecursionError) as error:
            problems.append(f"{lines.filename()}:{lines.filelineno()}: {error}")


def encoded(payload: TrackPayload) -> bytes:
    """Write a payload as the compact JSON that the library measures its 32 KB by.

    Half of a surrogate pair, which an emoji cut in two leaves behind, has no UTF-8; its escape is JSON all the same.
    """
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def packed(found: Iterable[TrackPayload], limit: int = MAX_BATCH_BYTES) -> Iterator[bytes]:
    """Pack payloads, in order, into request bodies of at most **limit** bytes."""
    batch: list[bytes] = []
    size = len(body([]))
    for event in map(encoded, found):
        if batch and size + len(b",") + len(event) > limit:
            yield body(batch)
            batch = []
            size = len(body([]))
        size += len(event) + (len(b",") if batch else 0)
        batch.append(event)
    if batch:
        yield body(batch)


def body(events: list[bytes]) -> bytes:
    """Join encoded events into the body of a request."""
    return b'{"batch":[' + b",".join(events) + b"]}"


def pause_before_retry(outcome: Outcome, attempt: int) -> float | None:
    """Give the seconds to wait before another try; ``None`` where there is no need for one, or no use in it."""
    if isinstance(outcome, httpx.UnsupportedProtocol):
        return None
    backoff = min(LONGEST_PAUSE, 0.25 * 2.0**attempt) * random.uniform(0.5, 1)  # noqa: S311 -- no secret
    if isinstance(outcome, httpx.RequestError):
        return backoff
    if outcome.status_code in RETRIED_STATUSES or outcome.is_server_error:
        return max(backoff, min(LONGEST_RETRY_AFTER, retry_after(outcome)))
    return None


def retry_after(response: httpx.Response) -> float:
    """Read the header of that name, which holds seconds or a date; 0 where there is none."""
    value = response.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


def post(client: httpx.Client, content: bytes, retries: int) -> str | None:
    """Post a batch until it is taken; give ``None``, or what went wrong at last."""
    for attempt in range(retries + 1):
        try:
            outcome: Outcome = client.post("/v1/batch", content=content, headers=JSON)
        except httpx.RequestError as error:
            outcome = error
        pause = pause_before_retry(outcome, attempt)
        if pause is None or attempt == retries:
            break
        time.sleep(pause)
    return failure(outcome)


async def post_async(client: httpx.AsyncClient, content: bytes, retries: int) -> str | None:
    """Do what ``post`` does, without holding up other tasks."""
    for attempt in range(retries + 1):
        try:
            outcome: Outcome = await client.post("/v1/batch", content=content, headers=JSON)
        except httpx.RequestError as error:
            outcome = error
        pause = pause_before_retry(outcome, attempt)
        if pause is None or attempt == retries:
            break
        await asyncio.sleep(pause)
    return failure(outcome)


def failure(outcome: Outcome) -> str | None:
    """Say what went wrong with a request, without its headers: they hold the write key. ``None`` where nothing did."""
    if isinstance(outcome, httpx.RequestError):
        return repr(outcome)
    return None if outcome.is_success else f"HTTP {outcome.status_code}"


def undelivered(content: bytes, reason: str) -> list[str]:
    """Name the events of a batch that was not taken."""
    return [f"{event.get('messageId')}: not delivered: {reason}" for event in json.loads(content)["batch"]]


async def send_async(
    client: httpx.AsyncClient, bodies: Iterator[bytes], retries: int, in_flight: int, problems: list[str]
) -> None:
    """Send batches, **in_flight** at once."""

    async def worker() -> None:
        # All workers take from one iterator, so no batch waits in memory before one is free to send it.
        for content in bodies:
            if reason := await post_async(client, content, retries):
                problems.extend(undelivered(content, reason))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(in_flight):
            tasks.create_task(worker())


def main() -> int:
    """Send the files that the command line names."""
    parser = argparse.ArgumentParser(description="Send Cordial records to Segment over plain HTTP.")
    parser.add_argument("files", nargs="*", help="JSON Lines: one record a line; without any, standard input")
    parser.add_argument("--payloads", action="store_true", help="the lines are payloads already")
    parser.add_argument("--policy", type=Path, help="JSON, as Policy.from_dict takes it; without it, all is sent")
    parser.add_argument("--host", default="https://api.segment.io")
    parser.add_argument("--timeout", type=float, default=15, help="seconds to wait for an answer")
    parser.add_argument("--retries", type=int, default=10, help="how often a request is tried again")
    parser.add_argument("--in-flight", type=int, default=1, help="batches sent at once; above 1 uses asyncio")
    options = parser.parse_args()
    write_key = os.environ.get("SEGMENT_WRITE_KEY")
    if not write_key:
        parser.exit(2, f"{parser.prog}: the environment has no SEGMENT_WRITE_KEY: set it to the source's key\n")
    policy = Policy.from_dict(json.loads(options.policy.read_bytes())) if options.policy else Policy()
    # The write key is the user of HTTP's basic authentication, and there is no password.
    settings = {"base_url": options.host, "auth": (write_key, ""), "timeout": options.timeout}

    problems: list[str] = []
    with FileInput(options.files, mode="rb") as lines:
        found = map(json.loads, lines) if options.payloads else payloads(lines, policy, problems)
        bodies = packed(found)
        if options.in_flight > 1:

            async def run() -> None:
                async with httpx.AsyncClient(**settings) as client:
                    await send_async(client, bodies, options.retries, options.in_flight, problems)

            asyncio.run(run())
        else:
            with httpx.Client(**settings) as client:
                for content in bodies:
                    if reason := post(client, content, options.retries):
                        problems.extend(undelivered(content, reason))

    for problem in problems:
        print(problem.encode("ascii", "backslashreplace").decode(), file=sys.stderr)
    print(f"{len(problems)} not delivered", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
