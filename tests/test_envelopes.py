"""open_envelope: the record in an item of a webhook body or an export, and its contact."""

from types import MappingProxyType

import pytest

from cordial_segment import InvalidFieldError, open_envelope

CONTACT = {"_id": "u1"}
RECORD = {"a": "cart", "cID": "c1"}
NAMED = {"event": {"name": "Fair"}}


@pytest.mark.parametrize(
    "item",
    [
        {"contact": CONTACT, "event": RECORD},
        {"event": RECORD},
        {"event": RECORD, "contact": None},
        {"event": RECORD, "contact": {}},
        {"event": {}, "contact": CONTACT},
        # What else the envelope holds is left aside.
        {"event": RECORD, "contact": CONTACT, "cID": "c2", "account": {}},
        # null, empty and blank text are no action.
        {"event": RECORD, "action": None, "a": ""},
        {"event": RECORD, "action": " ", "a": None, "contact": CONTACT},
        # An envelope is opened once.
        {"event": {"event": RECORD}},
        # Any mapping may be an envelope or in one.
        MappingProxyType({"contact": MappingProxyType(CONTACT), "event": MappingProxyType(RECORD)}),
    ],
    ids="-".join,
)
def test_envelope(item):
    event, contact = open_envelope(item)
    assert event is item["event"]
    assert contact is item.get("contact")


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        {},
        {"contact": CONTACT},
        MappingProxyType(RECORD),
        # A field called event, of a record that has an action itself.
        {"action": "browse", **NAMED},
        {"a": "browse", **NAMED},
        {"action": 5, **NAMED},
        {"action": 0, **NAMED},
        {"action": False, **NAMED},
        {"action": "", "a": "browse", **NAMED, "contact": 5},
        # Or one that is no mapping.
        {"event": "cart"},
        {"event": None, "contact": CONTACT},
        {"event": [RECORD]},
        {"event": [], "contact": 5},
    ],
    ids=lambda record: "-".join(record) or "empty",
)
def test_record_alone(record):
    event, contact = open_envelope(record)
    assert event is record
    assert contact is None


@pytest.mark.parametrize("item", ["x", "", 5, None, True, [], [RECORD], b"{}"], ids=repr)
def test_item_that_is_no_mapping(item):
    """It is about the content, so that one bad item of a body costs no other."""
    with pytest.raises(InvalidFieldError) as caught:
        open_envelope(item)
    assert caught.value.path is None


@pytest.mark.parametrize("contact", ["u1", "", 0, False, [], [CONTACT]], ids=repr)
def test_contact_that_is_no_mapping(contact):
    with pytest.raises(InvalidFieldError) as caught:
        open_envelope({"contact": contact, "event": RECORD})
    assert caught.value.path == "contact"


@pytest.mark.parametrize("field", ["action", "a"])
def test_action_that_is_an_object_beside_an_event(field):
    with pytest.raises(InvalidFieldError) as caught:
        open_envelope({field: object(), "event": RECORD})
    assert caught.value.path == field
