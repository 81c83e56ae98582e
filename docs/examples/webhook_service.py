"""Receive Cordial's webhooks, translate what the policy allows, and send it to Segment.

    export CORDIAL_WEBHOOK_SECRET=... SEGMENT_WRITE_KEY=... CORDIAL_POLICY=policy.json CORDIAL_REJECTS=rejects.jsonl
    uvicorn --factory webhook_service:create_app --timeout-graceful-shutdown 30

In Cordial, set the webhook's URL, which ends in /cordial, and its request header "Authorization: Bearer <secret>".
"""

import argparse
import json
import logging
import os
import secrets
import shlex
import sys
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any

from delivery import REFUSALS, Batch, Lost, deliver, host
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from records import Parser, Rejects, in_list, option, outcome, policy, reject, reject_text
from send_with_httpx import post, segment
from starlette.requests import ClientDisconnect

from cordial_segment import TrackPayload, batch_payloads

CLOSE = {"Connection": "close"}
MAX_REMEMBERED = 1000

log = logging.getLogger(__name__)


def create_app(environ: Mapping[str, str] = os.environ) -> FastAPI:
    """Make the service."""

    def setting(name: str, read: Callable[[str], Any] = str, default: str = "") -> Any:
        try:
            return option(read)(environ.get(name) or default or sys.exit(f"the environment has no {name}"))
        except argparse.ArgumentTypeError as error:
            sys.exit(f"{name}: {error}")

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    state = app.state
    state.secret = setting("CORDIAL_WEBHOOK_SECRET").encode()
    options = shlex.split(environ.get("CORDIAL_OPTIONS", ""))
    state.options = Parser("", prog="CORDIAL_OPTIONS").parse_args(options)
    state.options.policy = setting("CORDIAL_POLICY", policy)
    state.max_bytes = setting("CORDIAL_MAX_BYTES", int, "1000000")
    state.max_items = setting("CORDIAL_MAX_ITEMS", int, "1000")
    timeout = setting("SEGMENT_TIMEOUT", float, "10")
    state.segment = segment(
        setting("SEGMENT_HOST", host, "https://api.segment.io"), setting("SEGMENT_WRITE_KEY"), timeout
    )
    state.rejects = setting("CORDIAL_REJECTS", Rejects)
    # The ids of events that Segment may have stored without confirming, by the hash of their body.
    state.ids = OrderedDict()
    app.post("/cordial", dependencies=[Depends(authenticate)])(receive)
    app.get("/healthz")(health)
    app.add_exception_handler(ClientDisconnect, left)
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep connections to Segment open while the service runs."""
    with app.state.segment:
        yield


async def health() -> str:
    return "ok"


async def left(*_: object) -> Response:
    """Answer a client that has disconnected in the middle of its body."""
    return Response(status_code=400)


async def authenticate(request: Request) -> None:
    """Accept only requests with the secret; the comparison takes constant time."""
    given = request.headers.get("Authorization", "").encode("latin-1")
    if not secrets.compare_digest(given, b"Bearer " + request.app.state.secret):
        raise HTTPException(
            401, "the Authorization header does not hold the secret", CLOSE | {"WWW-Authenticate": "Bearer"}
        )


async def read_body(request: Request) -> bytes:
    """Read the body, up to the maximum size."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        # Count what arrives: Content-Length may be missing or wrong.
        if len(body) > request.app.state.max_bytes:
            raise HTTPException(413, f"the body is over {request.app.state.max_bytes} bytes", CLOSE)
    return bytes(body)


def receive(request: Request, body: Annotated[bytes, Depends(read_body)]) -> Response:
    """Translate and send the items of a body, and answer with each outcome. Each request runs in its own thread."""
    state = request.app.state
    digest = sha256(body).digest()
    place = f"webhook of {datetime.now(UTC).isoformat(timespec='milliseconds')}"
    try:
        items = in_list(json.loads(body))
        if len(items) > state.max_items:
            raise HTTPException(413, f"the body holds over {state.max_items} items", CLOSE)
        found = [outcome(item, f"{place}, item {index}", state.options) for index, item in enumerate(items)]
    except (ValueError, RecursionError) as error:
        keep(state, digest, [], [reject_text(error, place, body)])
        raise HTTPException(400, "the body is not JSON") from None

    payloads = [value for kind, value in found if kind == "payload"]
    for payload, message_id in zip(payloads, state.ids.pop(digest, ())):
        payload["messageId"] = message_id
    stop = threading.Event()

    def send(batch: Batch, _: threading.Event) -> Lost:
        # Few retries: Cordial still has the events, and can send them again.
        lost = post(state.segment, 2, 2.0, batch, stop)
        if not {reason for _, reason in lost} <= REFUSALS:
            stop.set()
        return lost

    lost = [pair for batch in batch_payloads(payloads) for pair in deliver(batch, send, stop)]
    refused = {id(payload): reason for payload, reason in lost}
    if troubles := set(refused.values()) - REFUSALS:
        raise send_again(state, digest, payloads, f"Segment did not take a batch: {troubles.pop()}")

    answers, kept = [], []
    for index, (kind, value) in enumerate(found):
        if kind == "payload" and id(value) in refused:
            reason = f"not delivered: {refused[id(value)]}"
            kind, value = "rejected", reject(reason, f"{place}, item {index}", None, "payload", value)
        if kind == "rejected":
            kept.append(value)
            answers.append({"index": index, "status": "refused", "path": value["path"], "error": value["reason"]})
        elif kind == "blocked":
            answers.append({"index": index, "status": "blocked"})
        else:
            event = {"event": value["event"], "messageId": value["messageId"]}
            answers.append({"index": index, "status": "accepted"} | event)
    keep(state, digest, payloads, kept)
    # Serialised here, because a record's key may hold half of a surrogate pair, which has no UTF-8 form.
    return Response(json.dumps({"items": answers}), media_type="application/json")


def keep(state: Any, digest: bytes, payloads: list[TrackPayload], found: list[dict[str, Any]]) -> None:
    """Store what was refused, and return when it is on the disk."""
    if not found:
        return
    try:
        state.rejects.add(found)
        os.fsync(state.rejects)
    except OSError as error:
        raise send_again(state, digest, payloads, f"CORDIAL_REJECTS cannot be written: {error}") from None
    log.warning("stored %d refused items in %s", len(found), state.rejects.name)


def send_again(state: Any, digest: bytes, payloads: list[TrackPayload], problem: str) -> HTTPException:
    """Make the answer that asks Cordial to send a body again, and remember the ids of its events until it does."""
    log.error("asked Cordial to send again: %s", problem)
    state.ids[digest] = [payload["messageId"] for payload in payloads]
    if len(state.ids) > MAX_REMEMBERED:
        state.ids.popitem(last=False)
    return HTTPException(503, "not passed on to Segment: send this again", {"Retry-After": "30"})
