"""enrich_email_fields: Segment's semantic fields, where a record or its message has them."""

import copy

import pytest

from cordial_segment import enrich_email_fields

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


@pytest.mark.parametrize(
    ("record", "message", "fields"),
    [
        ({}, None, {}),
        ({"action": "browse"}, {}, {}),
        # campaign_id and email_id
        ({"bmID": "b"}, None, {"campaign_id": "b"}),
        ({"mcID": "m"}, None, {"email_id": "m"}),
        # campaign_name
        ({"name": "n", "message_name": "e"}, {"name": "N"}, {"campaign_name": "N"}),
        ({"name": "n", "message_name": "e"}, {"name": ""}, {"campaign_name": "n"}),
        ({"name": None, "message_name": "e"}, {}, {"campaign_name": "e"}),
        ({"message_name": "Fall Sale"}, None, {"campaign_name": "Fall Sale"}),
        # email_subject
        ({"subject": "s"}, {"subject": "S"}, {"email_subject": "S"}),
        ({"subject": "s"}, {"subject": None}, {"email_subject": "s"}),
        # link_url
        ({"system_properties": {"rl": "r", "link": "l"}, "sp": {"rl": "s"}, "linkUrl": "u"}, None, {"link_url": "r"}),
        ({"system_properties": {"rl": "", "link": "l"}, "sp": {"rl": "s"}, "linkUrl": "u"}, None, {"link_url": "s"}),
        ({"system_properties": {"link": "l"}, "sp": {"link": "m"}, "linkUrl": "u"}, None, {"link_url": "l"}),
        ({"system_properties": {"link": ""}, "sp": {"link": "m"}, "linkUrl": "u"}, None, {"link_url": "m"}),
        ({"system_properties": {"rl": None}, "sp": {"link": ""}, "linkUrl": "u"}, None, {"link_url": "u"}),
        # link_id
        ({"system_properties": {"lKey": "k"}, "sp": {"lKey": "s"}, "lKey": "t"}, None, {"link_id": "k"}),
        ({"system_properties": {"lKey": ""}, "sp": {"lKey": "s"}, "lKey": "t"}, None, {"link_id": "s"}),
        ({"sp": {"lKey": None}, "lKey": "t"}, None, {"link_id": "t"}),
        # Nowhere else.
        ({"rl": "r", "link": "l", "properties": {"bmID": "b", "rl": "r"}}, None, {}),
        ({"system_properties": "rl", "sp": ["rl"]}, None, {}),
        ({}, {"bmID": "b", "mcID": "m", "message_name": "e", "lKey": "k", "linkUrl": "u", "rl": "r"}, {}),
    ],
)
def test_each_field_has_its_sources_in_order(record, message, fields):
    assert added(record, message) == fields


@pytest.mark.parametrize("value", ["", None, False, True, [], ["x"], {}, {"x": 1}, b"x", object()])
def test_what_is_no_string_and_no_number_counts_as_missing(value):
    record = dict.fromkeys(["bmID", "mcID", "name", "message_name", "subject", "lKey", "linkUrl"], value)
    assert added(record) == {}
    assert added({}, {"name": value, "subject": value}) == {}
    assert added({"sp": {"rl": value, "lKey": value}, "linkUrl": "u", "lKey": "k"}) == {"link_url": "u", "link_id": "k"}


@pytest.mark.parametrize("value", [45, 0, 1.5, 0.0])
def test_a_number_is_a_value(value):
    assert added({"bmID": value}, {"name": value}) == {"campaign_id": value, "campaign_name": value}
    assert added({"sp": {"rl": value}, "linkUrl": "u"}) == {"link_url": value}


@pytest.mark.parametrize("value", ["mine", "", None, False, {"x": 1}])
@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_the_record_has_is_left_alone(field, value):
    full = {"bmID": "b", "mcID": "m", "name": "n", "subject": "s", "sp": {"rl": "r", "lKey": "k"}}
    enriched = enrich_email_fields({**full, field: value}, {"name": "N", "subject": "S"})
    assert enriched[field] == value
    assert set(enriched) == {*full, *FIELDS}


@pytest.mark.parametrize("section", ["system_properties", "sp"])
@pytest.mark.parametrize(
    ("values", "rest"),
    [
        # Empty.
        ({"link": ""}, {}),
        ({"link": None, "x": 1}, {"x": 1}),
        # Equal to link_url, which it may be itself.
        ({"link": "l"}, {}),
        ({"link": "l", "rl": "l"}, {"rl": "l"}),
        ({"link": 5}, {}),
        ({"link": 0, "rl": 0}, {"rl": 0}),
        # Another link.
        ({"link": "l", "rl": "r"}, {"link": "l", "rl": "r"}),
        ({"link": 5, "rl": 6}, {"link": 5, "rl": 6}),
        ({"link": 5, "rl": "5"}, {"link": 5, "rl": "5"}),
        ({"link": "5", "rl": 5}, {"link": "5", "rl": 5}),
        # No link at all.
        ({"link": []}, {"link": []}),
        ({"link": {}}, {"link": {}}),
        ({"link": {"x": 1}}, {"link": {"x": 1}}),
        ({"link": False}, {"link": False}),
        ({"rl": "r"}, {"rl": "r"}),
    ],
)
def test_link_is_dropped_where_it_is_empty_or_equal_to_the_url(section, values, rest):
    record = {section: values}
    before = copy.deepcopy(record)
    assert enrich_email_fields(record)[section] == rest
    assert record == before


def test_link_is_compared_with_the_url_that_the_result_has():
    assert enrich_email_fields({"link_url": "l", "sp": {"link": "l", "rl": "r"}})["sp"] == {"rl": "r"}
    assert enrich_email_fields({"link_url": "x", "sp": {"link": "l"}})["sp"] == {"link": "l"}
    assert enrich_email_fields({"link_url": None, "sp": {"link": "l"}})["sp"] == {"link": "l"}


def test_a_container_is_no_link_even_where_it_equals_the_url():
    for link in ([], ["l"], {"x": 1}, False):
        assert enrich_email_fields({"link_url": link, "sp": {"link": link}})["sp"] == {"link": link}


def test_both_sections_lose_their_link():
    record = {"system_properties": {"rl": "r", "link": "r"}, "sp": {"link": "r", "rl": "r"}}
    assert enrich_email_fields(record) == {"system_properties": {"rl": "r"}, "sp": {"rl": "r"}, "link_url": "r"}


def test_a_link_elsewhere_stays():
    record = {"link": "", "properties": {"link": ""}, "d": {"link": None}}
    assert enrich_email_fields(record) == record


def test_the_result_is_a_new_dict_that_shares_what_is_deeper():
    """Only a section that loses its link is new, so that nothing of the record changes."""
    record = {"a": {"b": [1]}, "l": [{}], "sp": {"link": "", "x": []}, "system_properties": {"rl": "r"}}
    before = copy.deepcopy(record)
    enriched = enrich_email_fields(record)
    assert enriched is not record
    assert enriched["a"] is record["a"]
    assert enriched["l"] is record["l"]
    assert enriched["system_properties"] is record["system_properties"]
    assert enriched["sp"]["x"] is record["sp"]["x"]
    enriched["new"] = enriched["sp"]["new"] = 1
    assert record == before


def test_depth_is_no_concern_of_it():
    loop: dict = {"bmID": "b"}
    loop["self"] = loop
    assert enrich_email_fields(loop) == {**loop, "campaign_id": "b"}


@pytest.mark.parametrize("event", [None, [], "text", 5, [("bmID", "b")]])
def test_a_record_that_is_no_mapping_is_a_type_error(event):
    with pytest.raises(TypeError, match="event must be a mapping, not"):
        enrich_email_fields(event)


@pytest.mark.parametrize("message", [[], "", "text", 0, [("name", "n")]])
def test_a_message_that_is_no_mapping_is_a_type_error(message):
    with pytest.raises(TypeError, match="message must be a mapping, not"):
        enrich_email_fields({}, message)
