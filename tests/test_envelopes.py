"""open_envelope: the record in an item of a webhook body or an export, and its contact."""

from types import MappingProxyType

import pytest

from cordial_segment import InvalidFieldError, open_envelope

CONTACT = {"_id": "u1"}
RECORD = {"a": "cart", "cID": "c1"}


@pytest.mark.parametrize(
    ("item", "event", "contact"),
    [
        ({"contact": CONTACT, "event": RECORD}, RECORD, CONTACT),
        ({"event": RECORD}, RECORD, None),
        ({"event": RECORD, "contact": None}, RECORD, None),
        ({"event": RECORD, "contact": {}}, RECORD, {}),
        ({"event": {}, "contact": CONTACT}, {}, CONTACT),
        # What else the envelope holds is left aside.
        ({"event": RECORD, "contact": CONTACT, "cID": "c2", "account": {}}, RECORD, CONTACT),
        # null and empty text are no action.
        ({"event": RECORD, "action": None, "a": ""}, RECORD, None),
        ({"event": RECORD, "action": "", "a": None, "contact": CONTACT}, RECORD, CONTACT),
        # An envelope is opened once.
        ({"event": {"event": RECORD}}, {"event": RECORD}, None),
    ],
)
def test_an_envelope_is_opened(item, event, contact):
    opened = open_envelope(item)
    assert opened == (event, contact)
    assert opened[0] is item["event"]
    assert opened[1] is item.get("contact")


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        {},
        {"cID": "c1"},
        {"contact": CONTACT},
        # A field called event, of a record that has an action itself.
        {"action": "browse", "event": {"name": "Fair"}},
        {"a": "browse", "event": {"name": "Fair"}},
        {"action": 5, "event": {"name": "Fair"}},
        {"action": 0, "event": {"name": "Fair"}},
        MappingProxyType(RECORD),
        {"action": "", "a": "browse", "event": {"name": "Fair"}, "contact": 5},
        # Or one that is no mapping.
        {"event": "cart"},
        {"event": None, "contact": CONTACT},
        {"event": [RECORD]},
        {"event": [], "contact": 5},
    ],
)
def test_anything_else_is_a_record_alone(record):
    event, contact = open_envelope(record)
    assert event is record
    assert contact is None


def test_any_mapping_may_be_an_envelope_or_in_one():
    contact, record = MappingProxyType(CONTACT), MappingProxyType(RECORD)
    event, who = open_envelope(MappingProxyType({"contact": contact, "event": record}))
    assert event is record
    assert who is contact


@pytest.mark.parametrize("item", ["x", "", 5, None, True, [], [RECORD], b"{}", 1.5])
def test_an_item_that_is_no_mapping_is_an_error_of_its_own(item):
    """It is about the content, so that one bad item of a body costs no other."""
    with pytest.raises(InvalidFieldError) as caught:
        open_envelope(item)
    assert caught.value.path is None


@pytest.mark.parametrize("contact", ["u1", "", 0, False, [], [CONTACT]])
def test_a_contact_is_a_mapping_or_null(contact):
    with pytest.raises(InvalidFieldError) as caught:
        open_envelope({"contact": contact, "event": RECORD})
    assert caught.value.path == "contact"
