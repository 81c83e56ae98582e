"""Take Cordial's webhooks, translate what the policy allows, and pass it on to Segment.

    export CORDIAL_WEBHOOK_SECRET=... SEGMENT_WRITE_KEY=... CORDIAL_POLICY=policy.json
    uvicorn --factory webhook_service:create_app

In Cordial, give the webhook the URL that ends in /cordial, and the request header "Authorization: Bearer <secret>".
"""

import json
import logging
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from send_with_httpx import packed, post_async

from cordial_segment import Policy, TrackPayload, TranslationError, build_track_payload, is_blocked

# Where a contact has what Segment knows a user by. Accounts shape their contacts themselves: fit these to yours.
USER_ID = "_id"
TRAITS = {"email": "channels.email.address", "phone": "channels.sms.address", "cordial_id": "_id"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What the environment says; a ``KeyError`` names a variable that is missing."""

    secret: bytes = field(repr=False)
    write_key: str = field(repr=False)
    policy: Policy
    host: str
    timeout: float
    max_bytes: int

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the variables."""
        if not environ["CORDIAL_WEBHOOK_SECRET"]:
            raise ValueError("CORDIAL_WEBHOOK_SECRET is empty, which would let anyone in")
        return cls(
            secret=environ["CORDIAL_WEBHOOK_SECRET"].encode(),
            write_key=environ["SEGMENT_WRITE_KEY"],
            policy=Policy.from_dict(json.loads(Path(environ["CORDIAL_POLICY"]).read_bytes())),
            host=environ.get("SEGMENT_HOST", "https://api.segment.io"),
            timeout=float(environ.get("SEGMENT_TIMEOUT", "10")),
            max_bytes=int(environ.get("CORDIAL_MAX_BYTES", "1000000")),
        )


def create_app(environ: Mapping[str, str] = os.environ) -> FastAPI:
    """Make the service."""
    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.state.settings = Settings.read(environ)
    app.post("/cordial", dependencies=[Depends(authenticate)])(receive)
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep connections to Segment open while the service runs."""
    settings: Settings = app.state.settings
    auth = (settings.write_key, "")
    async with httpx.AsyncClient(base_url=settings.host, auth=auth, timeout=settings.timeout) as client:
        app.state.segment = client
        yield


def authenticate(request: Request) -> None:
    """Let in who knows the secret; the time that this takes tells nothing of it."""
    settings: Settings = request.app.state.settings
    given = request.headers.get("Authorization", "").encode("latin-1")
    if not secrets.compare_digest(given, b"Bearer " + settings.secret):
        raise HTTPException(401, "the Authorization header does not hold the secret", {"WWW-Authenticate": "Bearer"})


async def items(request: Request) -> list[Any]:
    """Read the body, as far as its size allows: one item, or an array of them."""
    settings: Settings = request.app.state.settings
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        # What has arrived counts: a Content-Length may be missing, and need not be true.
        if len(body) > settings.max_bytes:
            raise HTTPException(413, f"the body is over {settings.max_bytes} bytes", {"Connection": "close"})
    try:
        found = json.loads(bytes(body))
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None
    return found if isinstance(found, list) else [found]


async def receive(request: Request, found: Annotated[list[Any], Depends(items)]) -> Response:
    """Answer for each item what became of it."""
    report: list[dict[str, Any]] = []
    payloads: list[TrackPayload] = []
    for index, item in enumerate(found):
        outcome, payload = translate(item, request.app.state.settings.policy)
        report.append({"index": index, **outcome})
        if payload is not None:
            payloads.append(payload)
        elif outcome["status"] == "refused":
            log.warning("refused item %d: %s", index, ascii(outcome["error"]))
    for content in packed(payloads):
        # Nothing is tried twice here: Cordial has the events still, and sends them again when told to. Those that
        # Segment has taken by then it knows by their messageId.
        if reason := await post_async(request.app.state.segment, content, retries=0):
            log.error("not forwarded: %s", reason)
            raise HTTPException(503, "not forwarded to Segment: send this again", {"Retry-After": "30"})
    # Written out here, since a record's key may hold half of a surrogate pair, which has no UTF-8.
    return Response(json.dumps({"items": report}), media_type="application/json")


def translate(item: Any, policy: Policy) -> tuple[dict[str, Any], TrackPayload | None]:
    """Give what to answer about an item, and its payload if there is one."""
    is_envelope = isinstance(item, dict) and "contact" in item and "event" in item
    contact, record = (item["contact"], item["event"]) if is_envelope else ({}, item)
    try:
        if is_blocked(record):
            return {"status": "blocked", "reason": "it came from Segment"}, None
        if is_blocked(record, policy):
            return {"status": "blocked", "reason": "the policy does not allow it"}, None
        user_id = text_at(contact, USER_ID)
        payload = build_track_payload(record, user_id=user_id, context=context_of(contact))
    except TranslationError as error:
        return {"status": "refused", "path": error.path, "error": str(error)}, None
    except TypeError as error:
        return {"status": "refused", "path": None, "error": str(error)}, None
    message_id = payload.get("messageId")
    return {"status": "accepted", "event": payload["event"], "messageId": message_id}, payload


def context_of(contact: object) -> dict[str, Any]:
    """Give the contact's traits in the form of Segment's ``context``."""
    values = {name: text_at(contact, path) for name, path in TRAITS.items()}
    traits = {name: value for name, value in values.items() if value is not None}
    return {"traits": traits} if traits else {}


def text_at(contact: object, path: str) -> str | None:
    """Give the text at a dotted path; a whole number counts, since some accounts use them as keys."""
    value = contact
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value or None if isinstance(value, str) else None
