"""Receive Cordial's webhooks, translate what the policy allows, and send it to Segment: docs/webhook-service.md."""

import asyncio
import json
import logging
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import compare_digest
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI, HTTPException, Request, Response

from cordial_segment import Policy, TrackPayload, batch_payloads, build_track_payload, is_blocked, open_envelope

TEXT = r"(?!\.+$)[^\s'\"](.*[^\s'\"])?", "a value, without white space or quotes around it"  # forms of settings
COUNT = r"[1-9]\d{0,7}", "a whole number from 1 to 99999999"
SECONDS = r"(?=.*[1-9])\d{1,3}(\.\d+)?", "seconds, above 0 and under 1000"
PORT = r":([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
HOST = rf"(?ai:https?://([\w.-]+|\[[\da-f:.]+\])({PORT})?/?)", "http:// or https:// and a host, without a path"
RETRY_AFTER = re.compile(r"\d{1,5}|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT", re.ASCII)
JSON, CLOSE = {"Content-Type": "application/json"}, {"Connection": "close"}
DOUBLED = type("ObjectWithAKeyTwice", (), {})()  # the library refuses it, and tells where it is
read = partial(json.loads, object_pairs_hook=lambda pairs: d if len(d := dict(pairs)) == len(pairs) else DOUBLED)
log = logging.getLogger(__name__)


def translate(item: Any, policy: Policy) -> TrackPayload | None:
    """Translate an item of a body; ``None`` blocks it. Change the translation here: set a ``user_id``, for example."""
    record, contact = open_envelope(item)
    return None if is_blocked(record, policy) else build_track_payload(record, contact=contact)


def create_app(environ: Mapping[str, str] = os.environ) -> FastAPI:
    """Make the service. A setting that cannot work ends the program."""

    def setting(name: str, form: tuple[str, str], read: Callable[[str], Any], default: str = "") -> Any:
        problem: object = f"expected {form[1]}" if (value := environ.get(name) or default) else "not set"
        try:
            if re.fullmatch(form[0], value):
                return read(value)
        except (OSError, ValueError, TypeError, RecursionError) as error:
            problem = error
        print(f"{name}: {' '.join(str(problem).split())}", file=sys.stderr)
        sys.exit(3)  # after another status, uvicorn would start a worker again

    app = FastAPI(openapi_url=None)
    state = app.state
    state.secret = setting("CORDIAL_WEBHOOK_SECRET", TEXT, os.fsencode)
    state.old = setting("CORDIAL_WEBHOOK_SECRET_OLD", TEXT, os.fsencode, os.fsdecode(state.secret))
    load = tomllib.loads if environ.get("CORDIAL_POLICY", "").endswith(".toml") else json.loads
    state.policy = setting("CORDIAL_POLICY", TEXT, lambda p: Policy.from_dict(load(Path(p).read_text("utf-8-sig"))))
    state.rejects = setting("CORDIAL_REJECTS", TEXT, lambda name: keep(Path(name), []))
    state.pool = ThreadPoolExecutor(2)  # few, so that the event loop gets its turn among them
    state.deadline = setting("CORDIAL_DEADLINE", SECONDS, float, "8")
    state.room = asyncio.Semaphore(setting("CORDIAL_MAX_WAITING", COUNT, int, "32"))
    state.max_bytes = setting("CORDIAL_MAX_BYTES", COUNT, int, "1000000")
    state.max_items = setting("CORDIAL_MAX_ITEMS", COUNT, int, "1000")
    auth = setting("SEGMENT_WRITE_KEY", TEXT, os.fsencode), b""
    host = setting("SEGMENT_HOST", HOST, httpx.URL, "https://api.segment.io")
    state.segment = httpx.AsyncClient(auth=auth, base_url=host, timeout=setting("SEGMENT_TIMEOUT", SECONDS, float, "3"))
    app.post("/cordial")(receive)
    app.get("/healthz")(lambda: "ok")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z")
    log.setLevel(logging.INFO)
    return app


async def receive(request: Request) -> Response:
    """Answer within the deadline: 503 if a body cannot be passed on now, and never 500."""
    request.state.until = asyncio.get_running_loop().time() + request.app.state.deadline
    request.state.seen, request.state.headers = [], CLOSE | {"Retry-After": "30"}
    try:
        async with asyncio.timeout_at(request.state.until):
            return await take(request, request.app.state)
    except Exception as error:
        log.warning("%s: %s", getattr(error, "status_code", 503), getattr(error, "detail", repr(error)))
        again = HTTPException(503, "not passed on to Segment: send this again", request.state.headers)
        raise error if isinstance(error, HTTPException) else again from None


async def take(request: Request, state: Any) -> Response:
    """Translate and send the items of a body, keep those that are refused, and answer with each outcome."""
    scheme, _, secret = request.headers.get("Authorization", "").encode("latin-1").partition(b" ")
    if scheme.lower() != b"bearer" or not compare_digest(secret, state.secret) | compare_digest(secret, state.old):
        raise HTTPException(401, "Authorization does not hold the secret", CLOSE | {"WWW-Authenticate": "Bearer"})
    if state.room.locked():
        raise BlockingIOError("over CORDIAL_MAX_WAITING bodies")
    async with state.room:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > state.max_bytes:  # Content-Length may be missing or wrong
                raise HTTPException(413, f"the body is over {state.max_bytes} bytes", CLOSE)
        status, texts = await asyncio.get_running_loop().run_in_executor(state.pool, texts_of, body, state.max_items)
        if len(texts) > state.max_items:
            raise HTTPException(413, f"the body holds over {state.max_items} items")
        answers: list[dict[str, Any]] = [{"index": index, "status": "blocked"} for index in range(len(texts))]
        batches = batch_payloads(payloads(texts, answers, state.policy))
        accepted = (answer for answer in answers if answer["status"] == "accepted")
        while batch := await asyncio.get_running_loop().run_in_executor(state.pool, next, batches, None):
            await send(request, [*zip(batch, accepted)])
        if refused := [(answer, text) for answer, text in zip(answers, texts) if answer["status"] == "refused"]:
            await asyncio.get_running_loop().run_in_executor(state.pool, keep, state.rejects, refused)
    counts = map([answer["status"] for answer in answers].count, ("accepted", "blocked", "refused"))
    log.log(logging.WARNING if refused else logging.INFO, "%d: %d accepted, %d blocked, %d refused", status, *counts)
    return Response(json.dumps({"items": answers}), status, JSON)  # a key may hold half of a surrogate pair


def texts_of(body: bytes, most: int) -> tuple[int, list[str]]:
    """Split a body into the texts of its items, or return all of it as one, with the status 400, if it is not JSON."""
    decoder, texts, end = json.JSONDecoder(parse_int=str), [], 0  # Python does not read every number
    try:
        text = body.decode("utf-8-sig").strip(" \t\r\n")
        items = decoder.decode(text)
    except (ValueError, RecursionError):
        return 400, [body.decode("utf-8", "surrogateescape")]
    for _ in items[: most + 1] if isinstance(items, list) else ():
        start = re.compile(r"\s*[\[,]\s*").match(text, end).end()
        end = decoder.raw_decode(text, start)[1]
        texts.append(text[start:end])
    return 200, texts if isinstance(items, list) else [text]


def payloads(texts: list[str], answers: list[dict[str, Any]], policy: Policy) -> Iterator[TrackPayload]:
    """Yield the payloads of items, and note in the answers what became of each item."""
    for text, answer in zip(texts, answers):
        try:
            if payload := translate(read(text.encode()), policy):
                payload["messageId"] = payload.get("messageId") or str(uuid4())
                answer |= {"status": "accepted", "event": payload["event"], "messageId": payload["messageId"]}
                yield payload
        except Exception as error:  # costs this item alone
            reason = "not JSON: " * isinstance(error, (json.JSONDecodeError, UnicodeError, RecursionError)) + str(error)
            answer |= {"status": "refused", "path": getattr(error, "path", None), "error": reason}


async def send(request: Request, events: list[tuple[TrackPayload, dict[str, Any]]]) -> None:
    """Send events, and in halves again what Segment refuses. If it refuses the first three, the rest is not sent."""
    seen, waiting = request.state.seen, [events]  # seen: the refusal of a single event, or "" for an accepted batch
    while waiting:
        hopeless = len(seen) > 2 and seen[0] and len({*seen[:3]}) == 1
        parts, waiting = (waiting[-1:], waiting[:-1]) if len(seen) < 3 and "" not in seen else (waiting, [])
        posts = [post(request, [payload for payload, _ in part]) for part in parts if not hopeless]
        for part, refusal in zip(parts, await asyncio.gather(*posts) or [seen[0]] * len(parts)):
            if refusal and len(part) > 1 and not hopeless:
                waiting += [part[len(part) // 2 :], part[: len(part) // 2]]
                continue
            seen.append(refusal)
            for _, answer in part if refusal else ():
                answer |= {"status": "refused", "path": None, "error": f"Segment refused it: {refusal[:8]}"}


async def post(request: Request, batch: list[TrackPayload]) -> str:
    """Post a batch until Segment accepts or refuses it. Return its refusal, if any."""
    body = json.dumps({"batch": batch}, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    for pause in (0.25 * 2**attempt for attempt in range(20)):
        try:
            answer = await request.app.state.segment.post("/v1/batch", content=body, headers=JSON)
        except httpx.HTTPError as error:
            answer = httpx.Response(504, extensions={"reason_phrase": repr(error).encode()})
        if answer.is_success or answer.status_code in (400, 413):
            return "" if answer.is_success else f"HTTP {answer.status_code}: {answer.text}"
        if RETRY_AFTER.fullmatch(asked := answer.headers.get("Retry-After", "")):
            request.state.headers["Retry-After"], pause = asked, max(pause, float(asked if asked.isdigit() else "inf"))
        passing = answer.status_code in (408, 429) or answer.is_server_error
        if not passing or asyncio.get_running_loop().time() + pause > request.state.until:
            break
        await asyncio.sleep(pause)
    raise ConnectionError(f"Segment: {answer.status_code} {answer.reason_phrase}")


def keep(path: Path, refused: Iterable[tuple[dict[str, Any], str]]) -> Path:
    """Add refused items to a file that may be moved or deleted at any time, and return when they are on the disk."""
    place, lines = f"webhook of {datetime.now(UTC).isoformat(timespec='milliseconds')}", []
    for answer, text in refused:
        head = {"reason": answer["error"], "path": answer["path"], "place": f"{place}, item {answer['index']}"}
        try:
            lines.append(json.dumps(head | {"record": read(text.encode())}, allow_nan=False))
        except (TypeError, ValueError, RecursionError):
            lines.append(json.dumps(head | {"line": text}))
    with path.open("ab+", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        torn = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"  # by a full disk or a crash
        data = "\n".join(["", *lines, ""][not torn :]).encode()
        written = file.write(data)
        os.fsync(file)
        os.fsync(folder := os.open(path.parent, os.O_RDONLY))
        os.close(folder)
        if written < len(data) or not os.fstat(file.fileno()).st_nlink:
            raise OSError("the disk is full, or the file was deleted while it was written")
    return path
