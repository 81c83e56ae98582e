"""Send JSON Lines files of Cordial records to Segment's batch endpoint with httpx.

    SEGMENT_WRITE_KEY=... python send_with_httpx.py export/*.jsonl.gz --rejects rejects.jsonl

The exit status is 0 if every event was delivered or blocked, 1 if some were not, and 2 for wrong usage or a file that
cannot be read or written. Events that were not sent are reported on standard error and kept in the rejects file, which
can be sent again.
"""

import json
import random
import sys
import threading
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import count

import httpx
from delivery import Batch, Lost, Run, sender_parser, write_key

LONGEST_PAUSE = 60.0
PATIENCE = 300.0


def post(client: httpx.Client, retries: int, patience: float, batch: Batch, stop: threading.Event) -> Lost:
    """Post a batch until it is accepted or refused; return what was not accepted.

    It gives up if Segment asks for a wait of more than **patience** seconds.
    """
    # Half of a surrogate pair, as in a truncated emoji, has no UTF-8 form, so it is sent as its JSON escape.
    text = json.dumps({"batch": batch}, ensure_ascii=False, separators=(",", ":"))
    content = text.encode("utf-8", "backslashreplace")
    for attempt in count():
        pause = min(LONGEST_PAUSE, 0.25 * 2.0**attempt) * random.uniform(0.5, 1)  # noqa: S311 -- no secret
        try:
            answer = client.post("/v1/batch", content=content, headers={"Content-Type": "application/json"})
        except httpx.RequestError as error:
            reason = f"{type(error).__name__}: {error}"
        else:
            if answer.is_success:
                return []
            reason = f"HTTP {answer.status_code}"
            if answer.status_code not in (408, 429) and not answer.is_server_error:
                break
            pause = max(pause, retry_after(answer))
        if attempt >= retries or pause > patience or stop.wait(pause):
            break
    return [(payload, reason) for payload in batch]


def retry_after(answer: httpx.Response) -> float:
    """Return the seconds to wait by the header Retry-After, which holds seconds or a date; 0 without the header."""
    value = answer.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


def segment(host: str, key: str, timeout: float) -> httpx.Client:
    """Make a client of Segment's API. The write key is the user of basic authentication; there is no password."""
    return httpx.Client(base_url=host, auth=(key, ""), timeout=timeout)


def main() -> int:
    """Send the files that the command line names."""
    parser = sender_parser("Send Cordial records to Segment over plain HTTP.")
    parser.add_argument("--in-flight", type=int, default=1, help="batches sent at once; above 1 they may change order")
    options = parser.parse_args()
    with segment(options.host, write_key(parser), options.timeout) as client:
        return Run(options, partial(post, client, options.retries, PATIENCE)).run(max(1, options.in_flight))


if __name__ == "__main__":
    sys.exit(main())
