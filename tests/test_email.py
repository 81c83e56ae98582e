"""enrich_email_fields: Segment's semantic fields, where a record or its message has them."""

import copy
from types import MappingProxyType

import pytest

from cordial_segment import build_track_payload, enrich_email_fields

FIELDS = ["campaign_id", "email_id", "campaign_name", "email_subject", "link_url", "link_id"]


def added(record, message=None):
    """Return the fields that were added, after a check that the rest is as before but for ``link``."""
    enriched = enrich_email_fields(record, message)
    for key, value in record.items():
        if key in ("system_properties", "sp") and isinstance(value, dict):
            rest = {name: item for name, item in value.items() if name != "link"}
            assert enriched[key] in (value, rest)
        else:
            assert enriched[key] == value
    return {name: enriched[name] for name in enriched if name not in record}


SOURCES = [
    ({}, None, {}),
    ({"action": "browse"}, {}, {}),
    ({"bmID": "b"}, None, {"campaign_id": "b"}),
    ({"mcID": "m"}, None, {"email_id": "m"}),
    ({"name": "n", "message_name": "e"}, {"name": "N"}, {"campaign_name": "N"}),
    ({"name": "n", "message_name": "e"}, {"name": ""}, {"campaign_name": "n"}),
    ({"name": None, "message_name": "e"}, {}, {"campaign_name": "e"}),
    ({"subject": "s"}, {"subject": "S"}, {"email_subject": "S"}),
    ({"subject": "s"}, {"subject": None}, {"email_subject": "s"}),
    ({"system_properties": {"rl": "r", "link": "l"}, "sp": {"rl": "s"}, "linkUrl": "u"}, None, {"link_url": "r"}),
    ({"system_properties": {"rl": "", "link": "l"}, "sp": {"rl": "s"}, "linkUrl": "u"}, None, {"link_url": "s"}),
    ({"system_properties": {"link": "l"}, "sp": {"link": "m"}, "linkUrl": "u"}, None, {"link_url": "l"}),
    ({"system_properties": {"link": ""}, "sp": {"link": "m"}, "linkUrl": "u"}, None, {"link_url": "m"}),
    ({"system_properties": {"rl": None}, "sp": {"link": ""}, "linkUrl": "u"}, None, {"link_url": "u"}),
    ({"system_properties": {"lKey": "k"}, "sp": {"lKey": "s"}, "lKey": "t"}, None, {"link_id": "k"}),
    ({"system_properties": {"lKey": ""}, "sp": {"lKey": "s"}, "lKey": "t"}, None, {"link_id": "s"}),
    ({"sp": {"lKey": None}, "lKey": "t"}, None, {"link_id": "t"}),
    # Nowhere else.
    ({"rl": "r", "link": "l", "properties": {"bmID": "b", "rl": "r"}}, None, {}),
    ({"system_properties": "rl", "sp": ["rl"]}, None, {}),
    ({}, {"bmID": "b", "mcID": "m", "message_name": "e", "lKey": "k", "linkUrl": "u", "rl": "r"}, {}),
]


@pytest.mark.parametrize("row", range(len(SOURCES)))
def test_email_field_sources(row):
    """Each field has its sources, in order."""
    record, message, fields = SOURCES[row]
    assert added(record, message) == fields


@pytest.mark.parametrize("value", ["", None, False, True, [], ["x"], {"x": 1}, b"x"], ids=repr)
def test_email_field_without_a_value(value):
    record = dict.fromkeys(["bmID", "mcID", "name", "message_name", "subject", "lKey", "linkUrl"], value)
    assert added(record) == added({}, {"name": value, "subject": value}) == {}
    assert added({"sp": {"rl": value, "lKey": value}, "linkUrl": "u", "lKey": "k"}) == {"link_url": "u", "link_id": "k"}


@pytest.mark.parametrize("value", [45, 0, 1.5, " "])
def test_email_field_of_a_number_or_blank_text(value):
    assert added({"bmID": value}, {"name": value}) == {"campaign_id": value, "campaign_name": value}
    assert added({"sp": {"rl": value}, "linkUrl": "u"}) == {"link_url": value}


@pytest.mark.parametrize("value", ["mine", "", None, False, {"x": 1}], ids=repr)
def test_email_field_that_the_record_has(value):
    full = {"bmID": "b", "mcID": "m", "name": "n", "subject": "s", "sp": {"rl": "r", "lKey": "k"}}
    for field in FIELDS:
        enriched = enrich_email_fields({**full, field: value}, {"name": "N", "subject": "S"})
        assert enriched[field] == value
        assert set(enriched) == {*full, *FIELDS}


@pytest.mark.parametrize(
    ("record", "dropped"),
    [
        # Empty.
        ({"sp": {"link": ""}}, True),
        ({"sp": {"link": None, "x": 1}}, True),
        # Equal to the result's link_url, which it may be itself.
        ({"sp": {"link": "l"}}, True),
        ({"sp": {"link": "l", "rl": "l"}}, True),
        ({"sp": {"link": 0, "rl": 0}}, True),
        ({"link_url": "l", "sp": {"link": "l", "rl": "r"}}, True),
        # Another link.
        ({"sp": {"link": "l", "rl": "r"}}, False),
        ({"sp": {"link": 5, "rl": 6}}, False),
        ({"sp": {"link": 5, "rl": "5"}}, False),
        ({"link_url": "x", "sp": {"link": "l"}}, False),
        ({"link_url": None, "sp": {"link": "l"}}, False),
        # No link, even where it equals the URL: neither is a text or a number.
        ({"link_url": 1, "sp": {"link": True}}, False),
        ({"link_url": True, "sp": {"link": 1}}, False),
        ({"link_url": 0, "sp": {"link": False}}, False),
        ({"link_url": ["l"], "sp": {"link": ["l"]}}, False),
        ({"sp": {"link": []}}, False),
        ({"sp": {"link": {"x": 1}}}, False),
        ({"link": "", "d": {"link": None}, "sp": {"rl": "r"}}, False),
    ],
    ids=lambda value: repr(value)[:45],
)
def test_link_is_dropped(record, dropped):
    for section in ("sp", "system_properties"):
        given = {section if key == "sp" else key: value for key, value in record.items()}
        before = copy.deepcopy(given)
        rest = {key: value for key, value in given[section].items() if not (dropped and key == "link")}
        enriched = enrich_email_fields(given)
        assert {key: value for key, value in enriched.items() if key != "link_url" or key in given} == given | {
            section: rest
        }
        assert given == before


def test_both_sections_lose_their_link():
    record = {"system_properties": {"rl": "r", "link": "r"}, "sp": {"link": "r", "rl": "r"}}
    assert enrich_email_fields(record) == {"system_properties": {"rl": "r"}, "sp": {"rl": "r"}, "link_url": "r"}


def test_enriched_record_shares_what_is_deeper():
    """Only a section that loses its link is new, so that nothing of the record changes."""
    record = {"a": {"b": [1]}, "sp": {"link": "", "x": []}, "system_properties": MappingProxyType({"rl": "r"})}
    record["loop"] = record
    enriched = enrich_email_fields(record)
    assert all(enriched[key] is record[key] for key in ("a", "system_properties", "loop"))
    assert enriched["sp"]["x"] is record["sp"]["x"]
    enriched["new"] = enriched["sp"]["new"] = 1
    assert list(record) == ["a", "sp", "system_properties", "loop"]
    assert record["sp"] == {"link": "", "x": []}


def test_email_fields_of_a_large_record():
    """Neither its size nor the depth of its data changes what is added."""
    record = {"action": "open", "cID": "c1", "bmID": "b", "d": [["x" * 10_000]], "e": {"f": "é" * 5_000}}
    assert added(record) == {"campaign_id": "b"}
    assert build_track_payload(record)["properties"]["campaign_id"] == "b"
    many = {"action": "open", "cID": "c1", "mcID": "m", **{f"k{number}": number for number in range(2_000)}}
    assert build_track_payload(many)["properties"] == many | {"email_id": "m"}


@pytest.mark.parametrize("value", [None, [], "text", 5], ids=repr)
def test_enrich_takes_mappings(value):
    with pytest.raises(TypeError, match="event must be a mapping, not"):
        enrich_email_fields(value)
    if value is not None:
        with pytest.raises(TypeError, match="message must be a mapping, not"):
            enrich_email_fields({}, value)
