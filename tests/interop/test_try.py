"""What the page to try the library on says of a record: asked directly, without a browser."""

import importlib
import json
import runpy
import sys
from functools import reduce
from itertools import chain
from operator import getitem
from pathlib import Path
from typing import Any

from cordial_segment import build_track_payload, open_envelope

VECTORS = Path(__file__).parents[1] / "vectors"
sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_static" / "try"))
translate = importlib.import_module("translate").translate

WHO = {"action": "open", "cID": "c1"}
MARKED = {**WHO, "properties": {"source": "Segment"}}
ROBOT = {**WHO, "d": {"robot": True}}
INFINITY = float("inf")


def cases() -> list[tuple[Any, dict[str, Any]]]:
    """Return the records of the vectors, each with the message and contact that it comes with."""
    inputs = [json.loads(path.read_text("utf-8")) for path in VECTORS.glob("*.input.json")]
    groups = json.loads((VECTORS / "payloads.json").read_text("utf-8")).values()
    bodies = [json.loads(path.read_text("utf-8"))["body"] for path in VECTORS.glob("webhooks/*.json")]
    found = [(case["record"], case.get("arguments", {})) for case in [*inputs, *chain(*groups)]]
    found += [(item, {}) for body in bodies for item in (body if isinstance(body, list) else [body])]
    return [(item, given) for item, given in found if given.keys() <= {"message", "contact"}]


def ask(item: Any, **given: Any) -> dict[str, Any]:
    texts = {name: value if isinstance(value, (str, bool)) else json.dumps(value) for name, value in given.items()}
    return json.loads(translate(json.dumps({"items": [json.dumps(item)], **texts})))[0]


def payload_in(found: dict[str, Any]) -> Any:
    """Return the payload that the lines show, without what is dropped."""
    return json.loads("\n".join(line["text"] for line in found["lines"] if line.get("kind") != "dropped"))


def leaves(data: Any, place: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    if not data or not isinstance(data, (dict, list)):
        return [place]
    pairs = data.items() if isinstance(data, dict) else enumerate(data)
    return [leaf for key, child in pairs for leaf in leaves(child, (*place, key))]


def test_each_part_of_each_payload_says_where_it_comes_from():
    """Its value is the one of that place, and every leaf of the record becomes something, or is dropped."""
    kinds = set()
    for item, given in cases():
        found = ask(item, **given)
        if found["kind"] != "sent":
            continue
        record, own = open_envelope(item)
        assert payload_in(found) == build_track_payload(
            record, contact=given.get("contact", own), message=given.get("message")
        )
        sources = []
        for line in found["lines"]:
            kind = line.get("kind")
            kinds.add(kind)
            for place in line.get("from", ()):
                if kind in (None, "added", "dropped"):
                    value = reduce(getitem, place, {"record": item, **given})
                    assert list(json.loads(f"{{{line['text'].strip().rstrip(',')}}}").values()) == [value]
                if kind in (None, "lifted", "dropped"):
                    sources.append(tuple(place))
        top = ("record",) if record is item else ("record", "event")
        assert sorted(sources, key=str) == sorted(leaves(record, top), key=str)
    assert kinds == {None, "fixed", "made", "added", "lifted", "dropped"}
    addresses = {"backup": {"address": "a@x"}, "email-promo": {"address": "a@x"}}
    found = ask({"event": WHO, "contact": {"_id": "c1", "channels": addresses}})
    [email] = [line for line in found["lines"] if line["text"] == '      "email": "a@x"']
    assert email["from"] == [["record", "contact", "channels", "email-promo", "address"]]


CHANNELS = [
    ({"action": "open"}, "email", "by the action open", "action"),
    ({"a": "crdl_app_open"}, "mobile", "by the action crdl_app_open", "a"),
    ({"a": "open", "chnl-type": "push", "chnl": "sms"}, "mobile", "by chnl-type", "chnl-type"),
    ({"a": "open", "chnl-type": "fax", "chnl": "sms_plivo"}, "sms", "by chnl", "chnl"),
    ({"a": "open", "channel": "custom"}, "custom", "by channel", "channel"),
    ({"a": "click", "sp": {"sendType": "mms"}}, "sms", "by sp.sendType", "sp sendType"),
    ({"a": "click", "sp": {"sendType": "email"}}, "email", "by the action click", "a"),
    ({"a": "optout", "chnl": "whatsapp"}, "custom", "as chnl names no known channel", "chnl"),
    ({"a": "browse"}, "custom", "as nothing names another channel", ""),
]


def test_the_channel_says_what_it_was_found_by():
    for record, channel, note, place in CHANNELS:
        places = [["record", *place.split()]] if place else []
        assert ask({"cID": "c1", **record})["channel"] == {"name": channel, "note": note, "from": places}


VERDICTS = [
    (MARKED, {"robots": True}, "Blocked by the loop guard", ["record properties source"]),
    ({"event": MARKED}, {}, "Blocked by the loop guard", ["record event properties source"]),
    (ROBOT, {"robots": True, "policy": {"email": "block_all"}}, "Blocked as a robot's event", ["record d robot"]),
    (WHO, {"policy": {"sms": "block_all", "Email": "block_all"}}, "Blocked by your rule for email", ["policy Email"]),
    (ROBOT, {"policy": "[email]\nblock = ['open']"}, "Blocked by your rule for email", ["policy email"]),
    ({**WHO, "x": [{"y": INFINITY}]}, {}, "x.0.y cannot be used", ["record x 0 y"]),
    ({**WHO, "a.b": {"c.d": INFINITY, "c": 1}}, {}, "a.b.c.d cannot be used", ["record a.b c.d"]),
    ({"event": {**WHO, "time": "x"}}, {}, "time cannot be used", ["record event time"]),
    ({"contact": {"cID": 5}, "event": {"a": "x"}}, {}, "contact.cID cannot be used", ["record contact cID"]),
    ({"a": "x"}, {"contact": {"cID": 5}}, "contact.cID cannot be used", ["contact cID"]),
    ({"cID": "c1"}, {}, "No action says what happened", []),
    ({"a": "x"}, {}, "Nothing says whose event it is", []),
    ({**WHO, "x": [1, 2], "x_1": 3}, {}, "Two places become one property: x_1", ["record x 1", "record x_1"]),
    ({**WHO, "x": reduce(lambda inner, _: [inner], range(200), [])}, {}, "Nested too deeply", None),
    ([1], {}, "Not a record", []),
    (WHO, {"message": [1]}, "The message and the contact must be objects", []),
    (WHO, {"policy": {"fax": "send_all"}}, "Your policy cannot be read", []),
    (WHO, {"policy": "[email]\nblock = open"}, "Your policy cannot be read", []),
]


def test_a_verdict_says_what_blocks_a_record_or_is_wrong_and_where():
    for item, given, headline, places in VERDICTS:
        found = ask(item, **given)
        assert (found["kind"], found["headline"]) == ("blocked" if "Blocked" in headline else "error", headline)
        assert places is None or sorted(" ".join(map(str, place)) for place in found.get("from", ())) == places


def test_a_payload_says_how_large_it_is():
    assert ask(WHO)["size"] == len(json.dumps(build_track_payload(WHO), separators=(",", ":")))
    for record, given, headline in [
        ({**WHO, "items": [{"sku": "é" * 10, "price": 1}] * 900}, {}, "Too large: 52 KB, and items takes 52 KB of it"),
        (WHO, {"message": {"subject": "x" * 40_000}}, "Too large: 39 KB, and message.subject takes 39 KB of it"),
        ({**WHO, **{f"x{number}": "x" * 9000 for number in range(6)}}, {}, "Too large: 53 KB"),
    ]:
        found = ask(record, **given)
        assert (found["headline"], found["type"]) == (headline, "PayloadTooLargeError")
        assert f"{found['size'] / 1024:.0f} KB" in headline


def test_the_python_code_makes_the_same_payload(tmp_path):
    opens = {"policy": {"email": {"allow": ["open"]}, "sms": "block_all"}, "robots": True}
    others = [({**WHO, "x": "🍂"}, opens), (ROBOT, opens), (WHO, {"policy": {"email": "block_all"}})]
    for item, given in [*cases(), *others]:
        found = ask(item, **given)
        if found["kind"] != "error":
            (tmp_path / "call.py").write_text(found["call"], encoding="utf-8")
            made = runpy.run_path(str(tmp_path / "call.py")).get("payload")
            assert made == (payload_in(found) if found["kind"] == "sent" else None)


def test_values_are_shown_as_pythons_and_what_is_no_json_is_passed_over():
    items = ['{"a": "x", "cID": "\\ud83d<é>", "whole": 1.0, "long": 12345678901234567890}', None]
    found, nothing = json.loads(translate(json.dumps({"items": items})))
    shown = {line["text"].strip() for line in found["lines"]}
    assert {'"cID": "\\ud83d<é>",', '"whole": 1.0,', '"long": 12345678901234567890'} <= shown
    assert nothing is None
