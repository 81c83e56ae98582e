"""Send JSON Lines files of Cordial records to Segment with Segment's own Python client.

    SEGMENT_WRITE_KEY=... python send_with_client.py export/*.jsonl.gz --rejects rejects.jsonl

It has the options, exit statuses and rejects of send_with_httpx.py.
"""

import logging
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from delivery import Batch, Lost, Run, sender_parser, write_key
from segment.analytics import Client
from segment.analytics.request import APIError

from cordial_segment import TrackPayload


class Segment:
    """Segment's client, which can lose events, and a report of each event that it loses."""

    def __init__(self, key: str, host: str, timeout: float, retries: int) -> None:
        self.failures: dict[str, str] = {}
        # The run reports what the client would log, but without the text of Segment's answers.
        logging.getLogger("segment").setLevel(logging.CRITICAL + 1)
        # Not sync_mode, which does not retry. A short interval, because the client waits this long to fill a batch.
        self.client = Client(
            key, host, timeout=timeout, max_retries=retries, on_error=self.on_error, upload_interval=0.05
        )

    def on_error(self, error: Exception, batch: list[dict[str, Any]]) -> None:
        reason = f"HTTP {error.status}" if isinstance(error, APIError) else f"{type(error).__name__}: {error}"
        self.failures |= {event["messageId"]: reason for event in batch}

    def post(self, batch: Batch, stop: threading.Event) -> Lost:
        """Send a batch; return what was not delivered."""
        self.failures.clear()
        for payload in batch:
            try:
                queued = track(self.client, payload)
            except Exception as error:  # the client's own checks can raise anything
                self.failures[payload["messageId"]] = f"refused by the client: {error!r:.100}"
            else:
                if not queued:
                    self.failures[payload["messageId"]] = "the client's queue is full"
        # Not flush(), which waits forever if the client's thread has ended.
        queue = self.client.queue
        while queue.unfinished_tasks and self.client.consumers[0].is_alive() and not stop.wait(0.01):
            pass
        unknown = "no answer" if queue.unfinished_tasks else None
        reasons = ((payload, self.failures.get(payload["messageId"], unknown)) for payload in batch)
        return [(payload, reason) for payload, reason in reasons if reason]


def track(client: Client, payload: TrackPayload) -> bool:
    """Put a payload into the client's queue; return whether there was room."""
    # Otherwise the client sets the present time, and a different time if the event is sent again.
    timestamp = payload.setdefault("timestamp", datetime.now(UTC).isoformat(timespec="milliseconds"))
    queued, _ = client.track(
        user_id=payload.get("userId"),
        anonymous_id=payload.get("anonymousId"),
        event=payload["event"],
        properties=payload["properties"],
        context=payload["context"].copy(),  # the client writes into it
        timestamp=datetime.fromisoformat(timestamp),  # a string is refused
        integrations=payload["integrations"],
        message_id=payload["messageId"],
    )
    return queued


def main() -> int:
    """Send the files that the command line names."""
    parser = sender_parser("Send Cordial records to Segment with Segment's own client.")
    options = parser.parse_args()
    segment = Segment(write_key(parser), options.host, options.timeout, options.retries)
    return Run(options, segment.post).run()


if __name__ == "__main__":
    sys.exit(main())
