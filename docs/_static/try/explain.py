"""Where each part of a payload comes from, and by which rule: asked of the library's public functions.

A place is the name of one of the page's fields, then the keys down to it: ``("record", "d", "type")``.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from cordial_segment import ORIGIN_FIELDS, Channel, channel_of, enrich_email_fields, flatten, is_blocked

Place = tuple[str | int, ...]
Reason = dict[str, Any]

encode = json.JSONEncoder(ensure_ascii=False).encode
SECTIONS = ("system_properties", "sp")


def is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def at(data: Any, *keys: Any) -> Any:
    """Return what is at **keys**, or ``None``."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def find(data: Any, path: str) -> Iterator[Place]:
    """Yield each place that a dotted path may mean: keys can contain dots themselves."""
    for key, child in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        if path == str(key):
            yield (key,)
        elif path.startswith(f"{key}."):
            for rest in find(child, path[len(f"{key}.") :]):
                yield (key, *rest)


def action_of(record: dict[str, Any]) -> str:
    return next(key for key in ("action", "a") if is_text(record.get(key)))


def channel_found(record: dict[str, Any]) -> Reason:
    """Say which channel a record is on, and what decides it."""
    channel = channel_of(record)
    unknown: list[Place] = []
    for place in (("chnl-type",), ("chnl",), ("channel",), *((section, "sendType") for section in SECTIONS)):
        if not is_text(name := at(record, *place)):
            continue
        alone = {place[0]: {place[1]: name} if place[1:] else name}
        # A field that names a channel decides, whatever the action is.
        if len({channel_of({"action": action, **alone}) for action in ("open", "crdl_app_open")}) == 1:
            return {"name": channel, "note": f"by {'.'.join(place)}", "from": [("record", *place)]}
        unknown.append(("record", *place))
    key = next((key for key in ("action", "a") if is_text(record.get(key))), None)
    if key and channel is not Channel.CUSTOM:
        return {"name": channel, "note": f"by the action {record[key]}", "from": [("record", key)]}
    if key and channel_of({"action": record[key]}) is not channel:
        return {"name": channel, "note": f"as {unknown[0][-1]} names no known channel", "from": unknown[:1]}
    return {"name": channel, "note": "as nothing names another channel", "from": []}


def blocked_by(record: dict[str, Any], settings: Any, is_robot: bool) -> Reason:
    """Say what blocks a record that is blocked."""
    if marks := [field for field in ORIGIN_FIELDS if is_blocked(record, origin_fields=[field])]:
        message = f"{marks[0]} says that the record came from Segment. Sent back, it would make a loop."
        sources = [("record", *mark.split(".")) for mark in marks]
        return {"headline": "Blocked by the loop guard", "message": message, "from": sources}
    if is_robot:
        message = f"d.robot says that no person made this {record[action_of(record)]}."
        return {"headline": "Blocked as a robot's event", "message": message, "from": [("record", "d", "robot")]}
    channel = channel_of(record)
    name = next(name for name in settings if Channel(name) is channel)
    message = f"Your rule: {encode({name: settings[name]})}"
    return {"headline": f"Blocked by your rule for {channel}", "message": message, "from": [("policy", name)]}


def numbered(data: Any, places: list[Place], place: Place) -> Any:
    """Copy **data** with a number for each leaf: its index in **places**, which this fills."""
    if data and isinstance(data, dict):
        return {key: numbered(child, places, (*place, key)) for key, child in data.items()}
    if data and isinstance(data, list):
        return [numbered(child, places, (*place, index)) for index, child in enumerate(data)]
    places.append(place)
    return len(places) - 1


def added_from(record: dict[str, Any], message: Any) -> dict[str, Place]:
    """Return the place of each email field, from a record and a message that have numbers of places for values."""
    places: list[Place] = []

    def values(data: Any, *place: str) -> dict[str, Any]:
        found = {}
        for key, value in data.items() if isinstance(data, dict) else ():
            # What is no value to the library stays, so that it goes on to its next candidate.
            is_value = "campaign_id" in enrich_email_fields({"bmID": value})
            found[key] = numbered(value, places, (*place, key)) if is_value else value
        return found

    shallow = values(record, "record")
    shallow |= {key: values(record[key], "record", key) for key in SECTIONS if isinstance(record.get(key), dict)}
    enriched = enrich_email_fields(shallow, values(message, "message"))
    return {field: places[number] for field, number in enriched.items() if field not in record}


def reason(kind: str, note: str, rule: str, *places: Place) -> Reason:
    return {"kind": kind, "note": note, "rule": rule, "from": list(places)}


def explain(payload: dict[str, Any], record: dict[str, Any], contact: Any, message: Any) -> dict[Place, Reason]:
    """Return where each place of **payload** is ``from``. Most properties are just leaves of the record.

    Any other place has a ``rule`` and a ``kind``: fixed, made, added, lifted, or dropped and not in the payload.
    """
    key, whose = action_of(record), "the-envelope-and-the-contact"
    is_own = payload["event"] == record[key]
    name = "named as in Cordial" if is_own else f"Segment's name for an {channel_of(record)} {record[key]}"
    why: dict[Place, Reason] = {
        ("type",): reason("fixed", "the same in every payload", "the-payload"),
        ("context",): reason("fixed", "the same in every payload, but for traits", "the-payload"),
        ("integrations",): reason("fixed", "empty unless you pass them", "the-payload"),
        ("event",): reason("made", name, "the-name", ("record", key)),
    }
    for place in (("contact", "_id"), ("contact", "cID"), ("record", "cID")):  # the last that fits is the first in rank
        if at({"record": record, "contact": contact}, *place) == payload["anonymousId"]:
            why["anonymousId",] = reason("made", f"the {place[0]}'s {place[1]}", whose, place)
    if is_text(record.get("_id")):
        why["messageId",] = reason("made", "from _id", "the-payload", ("record", "_id"))
    elif "messageId" in payload:
        why["messageId",] = reason("made", "from the content", "the-payload")
    for trait, own, channel in (("email", "email", Channel.EMAIL), ("phone", "sms", Channel.SMS)):
        value = at(payload, "context", "traits", trait)
        for key in (own, *at(contact, "channels")) if value else ():
            if at(contact, "channels", key, "address") == value and channel_of({"chnl": key}) is channel:
                place = ("contact", "channels", key, "address")
                why["context", "traits", trait] = reason("made", "from the contact", whose, place)
                break
    return why | explain_properties(payload["properties"], record, message)


def explain_properties(properties: dict[str, Any], record: dict[str, Any], message: Any) -> dict[Place, Reason]:
    """Return the same for the properties, and for the leaves of the record that are none."""
    places: list[Place] = []
    flat = {key: places[number] for key, number in flatten(numbered(record, places, ("record",))).items()}
    added = added_from(record, message) if not flat.keys() >= properties.keys() else {}
    why: dict[Place, Reason] = {}
    for key in properties:
        if key in flat:
            why["properties", key] = {"from": [flat[key]]}
        elif key in added:
            source = added[key][added[key][0] == "record" :]
            why["properties", key] = reason("added", f"added from {'.'.join(source)}", "email-fields", added[key])
        else:
            why["properties", key] = reason("made", "left empty", "properties", ("record", key))
    for key, place in flat.items():
        if key in properties:
            continue
        if key in record:
            why["timestamp",] = reason("lifted", f"lifted from {key}", "the-payload", place)
            continue
        value = at(record, *place[1:])
        note = "dropped: empty" if value in ("", None) else "dropped: repeats link_url"
        text = f"    {encode(key)}: {encode(value)}"
        why["properties", key] = {"text": text, **reason("dropped", note, "properties", place)}
    return why


def written(payload: dict[str, Any], why: dict[Place, Reason]) -> list[Reason]:
    """Return the lines of **payload** as JSON, each with what **why** says of it, and what was dropped."""

    def lines(data: dict[str, Any], place: Place, indent: str) -> Iterator[Reason]:
        for left, (key, value) in zip(range(len(data) - 1, -1, -1), data.items()):
            here, start, end = why.get((*place, key), {}), f"{indent}{encode(key)}: ", "," if left else ""
            if value and isinstance(value, dict):
                yield {**here, "text": start + "{"}
                yield from lines(value, (*place, key), indent + "  ")
                yield {"text": f"{indent}}}{end}"}
            else:
                yield {**here, "text": start + encode(value) + end}
        if place == ("properties",):
            yield from (each for each in why.values() if each.get("kind") == "dropped")

    rows = [{"text": "{"}, *lines(payload, (), "  "), {"text": "}"}]
    for row in rows:
        if not row["text"].isascii():  # half of a surrogate pair is no text
            row["text"] = re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", row["text"])
    return rows
