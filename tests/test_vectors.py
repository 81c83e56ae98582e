"""The golden cases in vectors/, plain JSON that an implementation in another language can use as well.

- ``NAME.input.json`` and ``NAME.output.json``: whole examples. The input has a ``record`` and ``arguments``, which are
  keyword arguments of ``build_track_payload``; the output has either the ``payload`` or an ``error``.
- ``payloads.json``: short cases, by subject. Each says ``why``, and has a ``record``, perhaps ``arguments``, and the
  ``payload``. Four fields of a payload are left out where they hold what they usually do: ``type``, the default
  ``context``, empty ``integrations``, and ``properties`` that are just the record.
- ``errors.json``: the same for records that cannot be translated. An ``error`` has its ``type``, its ``path``, and for
  a collision its ``key`` and ``paths``; ``shows`` is what its message quotes of the record.
- ``times.json``: by subject, the text of a record's ``time`` and the payload's ``timestamp``, or ``null`` for text that
  is an ``InvalidFieldError``. They hold for every version of Python; the hour 24, which only newer ones read, is left
  out.
- ``webhooks/NAME.json``: the ``body`` of a webhook and the ``payloads`` that its items become, in order.
- ``command.json``: what the command does with files; ``test_command.py`` says how they are written.

A payload is equal only if its numbers and booleans have the same JSON form. The order of its fields does not matter.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

import cordial_segment
from cordial_segment import EVENT_NAMES, KeyCollisionError, TranslationError, build_track_payload, open_envelope

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
    """Return the cases of a file with ``why`` as their ids."""
    groups = load(VECTORS / name)
    return [pytest.param(case, id=f"{subject}: {case['why']}") for subject, cases in groups.items() for case in cases]


def assert_translates(case: dict, wanted: dict) -> None:
    before = copy.deepcopy(case)
    payload = build_track_payload(case["record"], **case.get("arguments", {}))
    # As text too, since to Python 1, 1.0 and True are equal.
    assert payload == wanted
    assert json.dumps(payload, sort_keys=True, allow_nan=False) == json.dumps(wanted, sort_keys=True)
    assert case == before, "the record and the arguments are not changed"


def assert_fails(case: dict, wanted: dict) -> None:
    before = copy.deepcopy(case)
    with pytest.raises(TranslationError) as caught:
        build_track_payload(case["record"], **case.get("arguments", {}))
    error = caught.value
    assert (type(error).__name__, error.path) == (wanted["type"], wanted["path"])
    assert wanted.get("shows", "") in str(error)
    if isinstance(error, KeyCollisionError):
        assert (error.key, list(error.paths)) == (wanted["key"], wanted["paths"])
    assert case == before, "the record and the arguments are not changed"


INPUTS = sorted(VECTORS.glob("*.input.json"))


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name.removesuffix(".input.json")) for path in INPUTS])
def test_a_whole_example_becomes_its_output(path: Path):
    output = load(path.with_name(path.name.replace(".input.", ".output.")))
    if "error" in output:
        assert_fails(load(path), output["error"])
    else:
        assert_translates(load(path), output["payload"])


@pytest.mark.parametrize("case", by_subject("payloads.json"))
def test_a_record_becomes_its_payload(case: dict):
    assert_translates(case, USUAL | {"properties": case["record"]} | case["payload"])


@pytest.mark.parametrize("case", by_subject("errors.json"))
def test_a_record_that_cannot_be_translated_is_an_error_at_its_place(case: dict):
    assert_fails(case, case["error"])


TIMES = [(text, timestamp) for group in load(VECTORS / "times.json").values() for text, timestamp in group.items()]


@pytest.mark.parametrize(("text", "timestamp"), TIMES)
def test_a_text_is_a_time_or_an_error_in_each_of_the_time_fields(text: str, timestamp: str | None):
    properties = {"action": "browse", "cID": "c1", "_id": "e1"}
    for field in ("time", "ats", "ts"):
        record = {**properties, field: text}
        if timestamp is None:
            assert_fails({"record": record}, {"type": "InvalidFieldError", "path": field})
        else:
            payload = {"event": "browse", "anonymousId": "c1", "messageId": "api-e1", "properties": properties}
            assert_translates({"record": record}, USUAL | payload | {"timestamp": timestamp})


@pytest.mark.parametrize("path", sorted(VECTORS.glob("webhooks/*.json")), ids=lambda path: path.stem)
def test_a_webhook_body_becomes_its_payloads(path: Path):
    case = load(path)
    items = case["body"] if isinstance(case["body"], list) else [case["body"]]
    assert len(items) == len(case["payloads"])
    for item, wanted in zip(items, case["payloads"]):
        record, contact = open_envelope(item)
        assert_translates({"record": record, "arguments": {"contact": contact}}, wanted)


def test_every_file_is_read():
    outputs = {path.name.replace(".input.", ".output.") for path in INPUTS}
    tables = {"payloads.json", "errors.json", "times.json", "webhooks", "command.json"}
    assert {path.name for path in VECTORS.iterdir()} == outputs | tables | {path.name for path in INPUTS}


ROWS = [(channel, action) for channel, names in EVENT_NAMES.items() for action in names]


@pytest.mark.parametrize(("channel", "action"), [*ROWS, ("custom", "cart"), ("custom", "browse")])
def test_each_row_of_the_tables_has_an_example_record_and_it_is_a_vector(channel: str, action: str):
    """An example of a channel's action is the record of the vector of the same name."""
    found = []
    for path in EXAMPLES.glob(f"{channel}-*.json"):
        record = load(path)
        if (record.get("action") or record["a"]).replace("message-sent", "message_sent") == action:
            assert record == load(VECTORS / f"{path.stem}.input.json")["record"]
            found.append(path.stem)
    assert len(found) == 1


def test_the_documented_example_is_the_first_command_of_the_readme():
    given = load(VECTORS / "click-documented.input.json")
    assert given["record"] == load(EXAMPLES / "click.json")
    assert load(EXAMPLES / "messages.json") == {given["record"]["bmID"]: given["arguments"]["message"]}


def test_there_is_a_vector_for_each_kind_of_error():
    outputs = [load(path.with_name(path.name.replace(".input.", ".output."))) for path in INPUTS]
    errors = [output["error"] for output in outputs if "error" in output]
    errors += [case["error"] for cases in load(VECTORS / "errors.json").values() for case in cases]
    kinds = {name for name in cordial_segment.__all__ if name.endswith("Error")} - {"TranslationError"}
    assert {error["type"] for error in errors} == kinds
