"""The golden pairs in vectors/: a record with its arguments, and the payload or the error that it gives.

An implementation in another language can use the same files: NAME.input.json holds ``record`` and ``arguments``
(keyword arguments of ``build_track_payload``), NAME.output.json either ``payload`` or ``error`` (its type, its path, a
part of its message, and what else it has).
"""

import copy
import json
from pathlib import Path

import pytest

import cordial_segment
from cordial_segment import TranslationError, build_track_payload

VECTORS = Path(__file__).parent / "vectors"
EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
NAMES = sorted(path.name.removesuffix(".input.json") for path in VECTORS.glob("*.input.json"))


def load(name: str, kind: str):
    return json.loads((VECTORS / f"{name}.{kind}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_gives_the_payload_or_the_error_of_the_pair(name: str):
    given, wanted = load(name, "input"), load(name, "output")
    before = copy.deepcopy(given)
    if "payload" in wanted:
        payload = build_track_payload(given["record"], **given["arguments"])
        assert payload == wanted["payload"]
        assert json.dumps(payload, sort_keys=True, allow_nan=False) == json.dumps(wanted["payload"], sort_keys=True)
    else:
        error = wanted["error"]
        with pytest.raises(TranslationError) as caught:
            build_track_payload(given["record"], **given["arguments"])
        assert type(caught.value) is getattr(cordial_segment, error["type"])
        assert caught.value.path == error["path"]
        assert error["message"] in str(caught.value)
        if "paths" in error:
            assert isinstance(caught.value, cordial_segment.KeyCollisionError)
            assert (caught.value.key, list(caught.value.paths)) == (error["key"], error["paths"])
    assert given == before


def test_there_is_a_vector_for_each_error_class():
    types = {output["error"]["type"] for name in NAMES if "error" in (output := load(name, "output"))}
    assert types == {
        "MissingFieldError",
        "InvalidFieldError",
        "KeyCollisionError",
        "NestingError",
        "PayloadTooLargeError",
    }


def test_each_file_belongs_to_a_pair():
    assert {path.name for path in VECTORS.iterdir()} == {f"{n}.{k}.json" for n in NAMES for k in ("input", "output")}


ROWS = [(channel, action) for channel, names in cordial_segment.EVENT_NAMES.items() for action in names]


@pytest.mark.parametrize(("channel", "action"), [*ROWS, ("custom", "cart"), ("custom", "browse")])
def test_each_row_of_the_tables_has_an_example_record_and_it_is_a_vector(channel: str, action: str):
    """Each example of a channel's action is the record of the vector of the same name."""
    found = []
    for path in EXAMPLES.glob(f"{channel}-*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        if (record.get("action") or record["a"]).replace("message-sent", "message_sent") == action:
            assert record == load(path.stem, "input")["record"]
            found.append(path.stem)
    assert len(found) == 1


def test_the_documented_example_is_the_first_command_of_the_readme():
    given = load("click-documented", "input")
    assert given["record"] == json.loads((EXAMPLES / "click.json").read_text(encoding="utf-8"))
    assert given["arguments"]["message"] == json.loads((EXAMPLES / "click.message.json").read_text(encoding="utf-8"))
