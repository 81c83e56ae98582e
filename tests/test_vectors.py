"""The golden cases in vectors/, plain JSON that an implementation in another language can use as well.

- ``NAME.input.json`` and ``NAME.output.json``: whole examples. The input has a ``record`` and ``arguments``, which are
  keyword arguments of ``build_track_payload``; the output has either the ``payload`` or an ``error``.
- ``payloads.json``: short cases, by subject. Each says ``why``, and has a ``record``, perhaps ``arguments``, and the
  ``payload``. Four fields of a payload are left out where they hold what they usually do: ``type``, the default
  ``context``, empty ``integrations``, and ``properties`` that are just the record.
- ``errors.json``: the same for records that cannot be translated. An ``error`` has its ``type``, its ``path``, and for
  a collision its ``key`` and ``paths``; ``shows`` is what its message quotes of the record.
- ``times.json``: by subject, the text of a record's ``time`` and the payload's ``timestamp``, or ``null`` for text that
  is an ``InvalidFieldError``.
- ``calls.json``: for each other function, by what a case says, the keyword arguments and the result or ``error``. A
  ``policy`` is what ``Policy.from_dict`` reads, and ``robots`` a rule as there.
- ``webhooks/NAME.json``: the ``body`` of a webhook and the ``payloads`` that its items become, in order.
- ``command.json``: what the command does with files; ``test_command.py`` says how they are written.

The ``messageId`` of the content is ``api-`` and the first 32 hex digits of the SHA-256 of the JSON of a list of userId,
anonymousId, event, timestamp and properties: with sorted keys, without spaces, in ASCII, ``null`` for what is absent.

A payload is equal only if its numbers and booleans have the same JSON form. The order of its fields does not matter.
"""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cordial_segment
from cordial_segment import (
    EVENT_NAMES,
    Allow,
    Block,
    BlockAll,
    KeyCollisionError,
    Policy,
    SendAll,
    TranslationError,
    build_track_payload,
    open_envelope,
)

VECTORS = Path(__file__).parent / "vectors"
EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
USUAL = {
    "type": "track",
    "context": {"library": {"name": "unknown", "version": "unknown"}, "source": "cordial"},
    "integrations": {},
}


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def by_subject(name: str) -> list:
    """Return the cases of a file, by what each says."""
    return [pytest.param(case, id=case["why"]) for cases in load(VECTORS / name).values() for case in cases]


def assert_translates(case: dict, wanted: dict) -> None:
    before = copy.deepcopy(case)
    payload = build_track_payload(case["record"], **case.get("arguments", {}))
    # As text too, since to Python 1, 1.0 and True are equal.
    assert payload == wanted
    assert json.dumps(payload, sort_keys=True, allow_nan=False) == json.dumps(wanted, sort_keys=True)
    assert case == before, "the record and the arguments are not changed"


def assert_fails(case: dict, wanted: dict) -> None:
    assert_raises(build_track_payload, {"event": case["record"], **case.get("arguments", {})}, wanted)


def assert_raises(call: Callable[..., Any], arguments: dict, wanted: dict) -> None:
    before = copy.deepcopy(arguments)
    with pytest.raises(TranslationError) as caught:
        call(**arguments)
    error = caught.value
    assert (type(error).__name__, error.path) == (wanted["type"], wanted["path"])
    assert wanted.get("shows", "") in str(error)
    if isinstance(error, KeyCollisionError):
        assert (error.key, list(error.paths)) == (wanted["key"], wanted["paths"])
    assert arguments == before, "the arguments are not changed"


INPUTS = sorted(VECTORS.glob("*.input.json"))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name.removesuffix(".input.json")) for path in INPUTS])
def test_example(path: Path):
    """A whole example becomes its output."""
    output = load(path.with_name(path.name.replace(".input.", ".output.")))
    if "error" in output:
        assert_fails(load(path), output["error"])
    else:
        assert_translates(load(path), output["payload"])


@pytest.mark.parametrize("case", by_subject("payloads.json"))
def test_payload(case: dict):
    """A record becomes its payload."""
    assert_translates(case, USUAL | {"properties": case["record"]} | case["payload"])


@pytest.mark.parametrize("case", by_subject("errors.json"))
def test_error(case: dict):
    """A record that cannot be translated is an error at its place."""
    assert_fails(case, case["error"])


TIMES = [(text, time) for group in load(VECTORS / "times.json").values() for text, time in group.items()]


@pytest.mark.parametrize(("text", "timestamp"), [pytest.param(*row, id=ascii(row[0])[1:50]) for row in TIMES])
def test_time(text: str, timestamp: str | None):
    """A text is a time, or an error, in each of the time fields."""
    properties = {"action": "browse", "cID": "c1", "_id": "e1"}
    for field in ("time", "ats", "ts"):
        record = {**properties, field: text}
        if timestamp is None:
            assert_fails({"record": record}, {"type": "InvalidFieldError", "path": field})
        else:
            payload = {"event": "browse", "anonymousId": "c1", "messageId": "api-e1", "properties": properties}
            assert_translates({"record": record}, USUAL | payload | {"timestamp": timestamp})


CALLS = [
    pytest.param(name, *case, id=f"{name}, {why}"[:64])
    for name, cases in load(VECTORS / "calls.json").items()
    for why, case in cases.items()
]
MODES = {"send_all": SendAll, "block_all": BlockAll, "allow": Allow, "block": Block}


@pytest.mark.parametrize(("name", "arguments", "wanted"), CALLS)
def test_call(name: str, arguments: dict, wanted: Any):
    """A function returns this value, in this order, or raises this error."""
    call, arguments = getattr(cordial_segment, name), copy.deepcopy(arguments)
    if "policy" in arguments:
        arguments["policy"] = Policy.from_dict(arguments["policy"])
    if "robots" in arguments:
        rule = arguments["robots"]
        mode, actions = (rule, []) if isinstance(rule, str) else next(iter(rule.items()))
        arguments["robots"] = MODES[mode](*actions)
    if isinstance(wanted, dict) and "error" in wanted:
        assert_raises(call, arguments, wanted["error"])
    else:
        before = copy.deepcopy(arguments)
        assert json.dumps(call(**arguments)) == json.dumps(wanted)
        assert arguments == before, "the arguments are not changed"


@pytest.mark.parametrize("path", sorted(VECTORS.glob("webhooks/*.json")), ids=lambda path: path.stem)
def test_webhook(path: Path):
    """The items of a webhook's body become its payloads."""
    case = load(path)
    items = case["body"] if isinstance(case["body"], list) else [case["body"]]
    assert len(items) == len(case["payloads"])
    for item, wanted in zip(items, case["payloads"]):
        record, contact = open_envelope(item)
        assert_translates({"record": record, "arguments": {"contact": contact}}, wanted)


def test_vectors_are_all_read():
    outputs = {path.name.replace(".input.", ".output.") for path in INPUTS}
    tables = {"payloads.json", "errors.json", "times.json", "calls.json", "command.json", "webhooks"}
    assert {path.name for path in VECTORS.iterdir()} == outputs | tables | {path.name for path in INPUTS}


ROWS = [(str(channel), action) for channel, names in EVENT_NAMES.items() for action in names]


@pytest.mark.parametrize(("channel", "action"), [*ROWS, ("custom", "cart"), ("custom", "browse")])
def test_row_has_an_example(channel: str, action: str):
    """Each row of the tables has one example record in the documentation, and it is the vector of the same name."""
    found = []
    for path in EXAMPLES.glob(f"{channel}-*.json"):
        record = load(path)
        if (record.get("action") or record["a"]).replace("message-sent", "message_sent") == action:
            assert record == load(VECTORS / f"{path.stem}.input.json")["record"]
            found.append(path.stem)
    assert len(found) == 1


def test_documented_click_is_the_first_example():
    given = load(VECTORS / "click-documented.input.json")
    assert given["record"] == load(EXAMPLES / "click.json")
    assert load(EXAMPLES / "messages.json") == {given["record"]["bmID"]: given["arguments"]["message"]}
