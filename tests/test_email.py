"""enrich_email_fields: Segment's semantic fields, where a record or its message has them."""

import copy
from enum import StrEnum

import pytest

from cordial_segment import NestingError, enrich_email_fields

FIELDS = ["campaign_id", "email_id", "campaign_name", "email_subject", "link_url", "link_id"]


def added(record, message=None):
    """Give the fields that were added, after a check that all else is as before but for ``link``."""
    enriched = enrich_email_fields(record, message)
    for key, value in record.items():
        if key in ("system_properties", "sp") and isinstance(value, dict):
            rest = {name: item for name, item in value.items() if name != "link"}
            assert enriched[key] in (value, rest)
        else:
            assert enriched[key] == value
    return {name: enriched[name] for name in enriched if name not in record}


@pytest.mark.parametrize(
    ("record", "message", "fields"),
    [
        ({}, None, {}),
        ({"bmID": "b"}, None, {"campaign_id": "b"}),
        ({"mcID": "m"}, None, {"email_id": "m"}),
        ({}, {"name": "N", "subject": "S"}, {"campaign_name": "N", "email_subject": "S"}),
        ({"name": "n", "subject": "s"}, None, {"campaign_name": "n", "email_subject": "s"}),
        ({"name": "n", "subject": "s"}, {"name": "N", "subject": "S"}, {"campaign_name": "N", "email_subject": "S"}),
        ({"name": "n", "subject": "s"}, {"name": "", "subject": None}, {"campaign_name": "n", "email_subject": "s"}),
        ({"name": "n"}, {"bmID": "no", "lKey": "no", "linkUrl": "no", "rl": "no"}, {"campaign_name": "n"}),
        ({"system_properties": {"rl": "r", "link": "l"}, "linkUrl": "u"}, None, {"link_url": "r"}),
        ({"system_properties": {"rl": "", "link": "l"}, "linkUrl": "u"}, None, {"link_url": "l"}),
        ({"system_properties": {"rl": None, "link": ""}, "linkUrl": "u"}, None, {"link_url": "u"}),
        ({"sp": {"rl": "r", "link": "l"}, "linkUrl": "u"}, None, {"link_url": "r"}),
        ({"sp": {"link": "l"}, "linkUrl": "u"}, None, {"link_url": "l"}),
        ({"system_properties": {"rl": "r"}, "sp": {"rl": "s"}}, None, {"link_url": "r"}),
        ({"system_properties": {"link": "l"}, "sp": {"rl": "s"}}, None, {"link_url": "s"}),
        ({"system_properties": {"link": "l"}, "sp": {"link": "m"}}, None, {"link_url": "l"}),
        ({"rl": "no link", "link": "no link either"}, None, {}),
        ({"system_properties": {"lKey": "k"}, "sp": {"lKey": "s"}, "lKey": "t"}, None, {"link_id": "k"}),
        ({"system_properties": {"lKey": ""}, "sp": {"lKey": "s"}, "lKey": "t"}, None, {"link_id": "s"}),
        ({"lKey": "t"}, None, {"link_id": "t"}),
        ({"system_properties": "text", "sp": ["rl"]}, None, {}),
    ],
)
def test_each_field_has_its_sources_in_order(record, message, fields):
    assert added(record, message) == fields


@pytest.mark.parametrize("value", ["", None, False, True, [], ["x"], {}, {"x": 1}, b"x", object()])
def test_a_source_that_is_no_text_and_no_number_counts_as_missing(value):
    record = {"bmID": value, "mcID": value, "name": value, "subject": value, "lKey": value, "linkUrl": value}
    assert added(record) == {}
    assert added({}, {"name": value, "subject": value}) == {}
    assert added({"sp": {"rl": value, "lKey": value}, "linkUrl": "u", "lKey": "k"}) == {"link_url": "u", "link_id": "k"}


class Text(StrEnum):
    FULL = "b"
    EMPTY = ""


def test_a_string_of_another_type_is_a_source_if_there_is_something_in_it():
    assert added({"bmID": Text.FULL}) == {"campaign_id": "b"}
    assert added({"bmID": Text.EMPTY, "name": Text.EMPTY}) == {}
    assert enrich_email_fields({"sp": {"link": Text.EMPTY}}) == {"sp": {}}
    assert enrich_email_fields({"sp": {"link": Text.FULL, "rl": "b"}}) == {"sp": {"rl": "b"}, "link_url": "b"}


@pytest.mark.parametrize("value", [45, 0, 1.5])
def test_a_number_is_a_source(value):
    assert added({"bmID": value}) == {"campaign_id": value}


@pytest.mark.parametrize("value", ["mine", "", None, False, {"x": 1}])
@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_there_is_left_alone(field, value):
    full = {"bmID": "b", "mcID": "m", "name": "n", "subject": "s", "sp": {"rl": "r", "lKey": "k"}}
    enriched = enrich_email_fields({**full, field: value})
    assert enriched[field] == value
    assert set(enriched) == {*full, *FIELDS}


@pytest.mark.parametrize("section", ["system_properties", "sp"])
@pytest.mark.parametrize(
    ("values", "rest"),
    [
        ({"link": ""}, {}),
        ({"link": None, "x": 1}, {"x": 1}),
        ({"link": "l"}, {}),
        ({"link": "l", "rl": "l"}, {"rl": "l"}),
        ({"link": "l", "rl": "r"}, {"link": "l", "rl": "r"}),
        ({"link": 5}, {}),
        ({"link": 5, "rl": 6}, {"link": 5, "rl": 6}),
        ({"link": 6, "rl": 5}, {"link": 6, "rl": 5}),
        ({"link": 10**20, "rl": int("1" + "0" * 20)}, {"rl": 10**20}),
        ({"link": 5, "rl": "5"}, {"link": 5, "rl": "5"}),
        ({"link": "5", "rl": 5}, {"link": "5", "rl": 5}),
        ({"link": []}, {"link": []}),
        ({"link": {}}, {"link": {}}),
        ({"link": False}, {"link": False}),
        ({"rl": "r"}, {"rl": "r"}),
    ],
)
def test_link_is_dropped_where_it_is_empty_or_equal_to_the_url(section, values, rest):
    record = {section: values}
    before = copy.deepcopy(record)
    assert enrich_email_fields(record)[section] == rest
    assert record == before


def test_link_is_compared_with_a_url_that_was_there_already():
    assert enrich_email_fields({"link_url": "l", "sp": {"link": "l", "rl": "r"}})["sp"] == {"rl": "r"}
    assert enrich_email_fields({"link_url": "x", "sp": {"link": "l"}})["sp"] == {"link": "l"}


def test_both_sections_lose_their_link():
    record = {"system_properties": {"rl": "r", "link": "r"}, "sp": {"link": "r", "rl": "r"}}
    assert enrich_email_fields(record) == {"system_properties": {"rl": "r"}, "sp": {"rl": "r"}, "link_url": "r"}


def test_the_result_shares_no_container_with_the_record():
    record = {"a": {"b": [{"c": ({"d": []},)}]}, "sp": {"x": []}}
    before = copy.deepcopy(record)
    enriched = enrich_email_fields(record)
    assert enriched == record
    enriched["a"]["b"][0]["c"][0]["d"].append(1)
    enriched["a"]["b"].append(1)
    enriched["sp"]["x"].append(1)
    enriched["sp"]["new"] = enriched["a"]["new"] = 1
    assert record == before


def test_what_is_shared_within_the_record_is_copied_once():
    """Thirty levels of a list that holds the one below twice are thirty lists, and not a thousand million."""
    laughs: list = []
    for _ in range(30):
        laughs = [laughs, laughs]
    copied = enrich_email_fields({"a": laughs, "b": laughs})
    assert copied["a"] is copied["b"]
    assert copied["a"][0] is copied["a"][1] is not laughs[0]


def nested(depth):
    leaf: object = 1
    for _ in range(depth):
        leaf = [leaf]
    return leaf


def test_nesting_past_100_is_an_error_that_names_the_path():
    assert enrich_email_fields({"a": nested(99)}) == {"a": nested(99)}
    with pytest.raises(NestingError, match="deeper than 100") as caught:
        enrich_email_fields({"a": nested(100)})
    assert caught.value.path == ".".join(["a", *["0"] * 99])
    loop: dict = {}
    loop["self"] = loop
    with pytest.raises(NestingError, match="contains itself") as caught:
        enrich_email_fields(loop)
    assert caught.value.path == "self"


@pytest.mark.parametrize("bottom", [[], [1], {"n": 1}, ()])
@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"n": inner}, lambda inner: (1, inner)])
@pytest.mark.parametrize("deep", [lambda inner: [inner], lambda inner: {"n": 1, "m": inner}, lambda inner: [inner, []]])
def test_a_shared_container_may_be_too_deep_at_its_second_place(wrap, deep, bottom):
    """It fits at its first place; at the second it fits 39 containers down, and one further is too deep."""

    def nested_by(step, times, value):
        for _ in range(times):
            value = step(value)
        return value

    shared = nested_by(deep, 59, bottom)
    fits = {"a": shared, "b": nested_by(wrap, 39, shared), "c": shared}
    copied = enrich_email_fields(fits)
    assert copied == fits
    inner = copied["b"]
    for _ in range(39):
        inner = inner["n"] if isinstance(inner, dict) else inner[-1]
    assert inner is copied["a"] is copied["c"], "what is shared stays shared"
    with pytest.raises(NestingError) as caught:
        enrich_email_fields({"a": shared, "b": nested_by(wrap, 40, shared)})
    step = {tuple: "1", dict: "n", list: "0"}[type(wrap(0))]
    assert caught.value.path == ".".join(["b", *[step] * 40])


@pytest.mark.parametrize("event", [None, [], "text", 5, [("bmID", "b")]])
def test_a_record_that_is_no_mapping_is_a_type_error(event):
    with pytest.raises(TypeError, match="event must be a mapping, not"):
        enrich_email_fields(event)


@pytest.mark.parametrize("message", [[], "text", 5, [("name", "n")]])
def test_a_message_that_is_no_mapping_is_a_type_error(message):
    with pytest.raises(TypeError, match="message must be a mapping, not"):
        enrich_email_fields({}, message)
