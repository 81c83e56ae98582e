"""Payloads in lists that one call of Segment's batch endpoint accepts."""

import json
from collections.abc import Iterable, Iterator, Mapping

from ._arguments import require_limit
from ._errors import PayloadTooLargeError, shown
from ._payloads import TrackPayload


def batch_payloads(
    payloads: Iterable[TrackPayload], *, max_bytes: int = 500_000, max_events: int = 2_500
) -> Iterator[list[TrackPayload]]:
    """Yield **payloads** in order, in lists that ``POST /v1/batch`` accepts; holds one list at a time.

    :param max_bytes: The most bytes of ``json.dumps({"batch": batch})``, whose default form is the longest of the usual
        ones. Lower it to make room for what else the body holds.
    :param max_events: The most payloads in a list. Segment answers 200 to a longer batch, and drops it.
    :raises PayloadTooLargeError: If one payload is too long for any batch; what came before it is yielded first.
    :raises ValueError: If a limit is less than 1.

    >>> from cordial_segment import batch_payloads, build_track_payload
    >>> payloads = [build_track_payload({"action": "open", "cID": f"c{number}"}) for number in range(5)]
    >>> [len(batch) for batch in batch_payloads(payloads, max_events=2)]
    [2, 2, 1]

    Source: Segment, "HTTP API Source", "Batch"; the number of events: segment-docs, pull request 7023.
    """
    if isinstance(payloads, Mapping):
        raise TypeError("payloads must be an iterable of payloads: put a single one into a list")
    require_limit(max_bytes, "max_bytes")
    require_limit(max_events, "max_events")
    return _batches(payloads, max_bytes, max_events)


def _batches(payloads: Iterable[TrackPayload], max_bytes: int, max_events: int) -> Iterator[list[TrackPayload]]:
    batch: list[TrackPayload] = []
    size = empty = len(json.dumps({"batch": batch}))
    for payload in payloads:
        length = len(json.dumps(payload))
        if batch and (len(batch) == max_events or size + len(", ") + length > max_bytes):
            yield batch
            batch, size = [], empty
        size += length + (len(", ") if batch else 0)
        if size > max_bytes:
            problem = f"the payload with messageId {shown(payload.get('messageId'))} takes {length} bytes: too many"
            raise PayloadTooLargeError(f"{problem} for a batch of {max_bytes}")
        batch.append(payload)
    if batch:
        yield batch
