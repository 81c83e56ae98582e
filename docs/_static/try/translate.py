"""What the page asks of the library: its own functions, in the order in which a pipeline calls them."""

import json
import re
import tomllib
from typing import Any

from explain import Place, Reason, blocked_by, channel_found, explain, find, written

from cordial_segment import (
    Block,
    KeyCollisionError,
    MissingFieldError,
    NestingError,
    PayloadTooLargeError,
    Policy,
    TranslationError,
    build_track_payload,
    is_blocked,
    open_envelope,
)

ROBOTS = Block("open", "click")


def translate(request: str) -> str:
    """Do what :func:`answer` does, from JSON to JSON."""
    return json.dumps(answer(**json.loads(request)))


def answer(
    items: list[str | None], message: str = "", contact: str = "", policy: str = "", robots: bool = False
) -> list[Reason | None]:
    """Say what becomes of each JSON text in **items**, and where all of it comes from. ``None`` is no JSON."""
    texts = {name: text for name, text in (("contact", contact), ("message", message)) if text.strip()}
    given = {name: json.loads(text) for name, text in texts.items()}
    try:
        settings = (json if policy.lstrip().startswith("{") else tomllib).loads(policy)
        rules = Policy.from_dict(settings)
    except (TypeError, ValueError) as error:
        wrong = told(error, "Your policy cannot be read", {})
        if (start := getattr(error, "pos", None)) is not None:  # errors of TOML have it from Python 3.14 on
            wrong["span"] = [len(policy[:end].encode("utf-16-le", "surrogatepass")) // 2 for end in (start, start + 1)]
        return [item and wrong for item in items]
    robot = ROBOTS if robots else None
    answers = [item and outcome(json.loads(item), given, settings, robot) for item in items]
    for item, found in zip(items, answers):
        if item and found and found["kind"] != "error":
            found["call"] = call({"record": item, **texts}, rules, robot)
    return answers


def outcome(item: Any, given: dict[str, Any], settings: Any, robots: Block | None) -> Reason:
    """Translate one item."""
    found: Reason = {}
    data, inside, payload = {"record": item, **given}, {}, None
    try:
        record, own = open_envelope(item)
        data = {"record": record, "contact": own, "message": None, **given}
        if record is not item:
            inside = {"record": ["record", "event"]} | (
                {} if "contact" in given else {"contact": ["record", "contact"]}
            )
        found["channel"] = channel_found(record)
        if is_blocked(record, Policy.from_dict(settings), robots=robots):
            found |= {"kind": "blocked", **blocked_by(record, settings, is_blocked(record, robots=robots))}
        else:
            payload = build_track_payload(record, contact=data["contact"], message=data["message"])
    except (TypeError, ValueError) as error:
        found |= told(error, headline(error), data)
    if payload:
        lines = written(payload, explain(payload, **data))
        found |= {"kind": "sent", "headline": payload["event"], "lines": lines, "size": size(payload)}
    for each in (found, found.get("channel", {}), *found.get("lines", ())) if inside else ():
        each["from"] = [(*inside.get(name, (name,)), *keys) for name, *keys in each.get("from", ())]
    return found


def told(error: Exception, title: str, data: dict[str, Any]) -> Reason:
    """Return what the page shows of an **error**, with each place in **data** that its path may mean."""
    found: Reason = {"kind": "error", "type": type(error).__name__, "headline": title, "message": str(error)}
    places: dict[Place, None] = {}
    for path in error.paths if isinstance(error, KeyCollisionError) else [getattr(error, "path", None)]:
        if path is not None:
            places |= {("record", *keys): None for keys in find(data.get("record"), path)}
            name, _, rest = path.partition(".")
            if name in ("contact", "message"):
                places |= {(name, *keys): None for keys in find(data.get(name), rest)}
    if isinstance(error, PayloadTooLargeError):
        found["size"] = bytes_in(error)[0]
    return {**found, "from": list(places)}


def headline(error: Exception) -> str:
    """Say in a few words what is wrong."""
    path = getattr(error, "path", None)
    if isinstance(error, PayloadTooLargeError):
        whole, *part = (f"{count / 1024:,.0f} KB" for count in bytes_in(error))
        return f"Too large: {whole}" + (f", and {path} takes {part[0]} of it" if part else "")
    if isinstance(error, KeyCollisionError):
        return f"Two places become one property: {error.key}"
    if isinstance(error, NestingError):
        return "Nested too deeply"
    if isinstance(error, MissingFieldError):
        return "No action says what happened" if path == "action" else "Nothing says whose event it is"
    if isinstance(error, TranslationError):
        return "Not a record" if path is None else f"{path} cannot be used"
    return "The message and the contact must be objects"


def bytes_in(error: PayloadTooLargeError) -> list[int]:
    """Return what the payload takes, and what of it the place to cut at, if there is one: only the text has them."""
    return [int(count.replace(",", "")) for count in re.findall(r"takes (?:over )?([\d,]*\d)", str(error))]


def size(value: Any) -> int:
    """Return the bytes of **value** in its most compact JSON form, as the library measures a payload."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace"))


def call(texts: dict[str, str], policy: Policy, robots: Block | None) -> str:
    """Write Python code that does the same with the JSON **texts**."""
    item = json.loads(texts["record"])
    is_envelope = open_envelope(item)[0] is not item
    lines = [f"{'item' if is_envelope else 'record'} = {as_python(texts['record'])}"]
    if is_envelope:
        lines.append("record, contact = open_envelope(item)")
    lines += [f"{name} = {as_python(text)}" for name, text in texts.items() if name != "record"]
    asked = passed = "record"
    if policy != Policy():
        lines.append(f"policy = {policy!r}")
        asked += ", policy"
    if robots:
        asked += f", robots={robots!r}"
    for name in ("contact", "message"):
        if name in texts or (is_envelope and name == "contact"):
            passed += f", {name}={name}"
    lines += [f"if not is_blocked({asked}):", f"    payload = build_track_payload({passed})"]
    code = "\n".join(lines)
    names = ["Allow", "Block", "BlockAll", "Policy", "SendAll", "build_track_payload", "is_blocked", "open_envelope"]
    return f"from cordial_segment import {', '.join(name for name in names if f'{name}(' in code)}\n\n{code}\n"


def as_python(text: str) -> str:
    """Write a JSON **text** as a Python literal, in the same layout."""
    words = {"true": "True", "false": "False", "null": "None"}

    def literal(match: re.Match[str]) -> str:
        return words.get(match[0]) or (repr(json.loads(match[0])) if "\\" in match[0] else match[0])

    return re.sub(r'"(?:[^"\\]|\\.)*"|true|false|null', literal, text.strip())
