"""open_envelope: what the calls in vectors/ cannot say."""

from types import MappingProxyType

import pytest

from cordial_segment import InvalidFieldError, open_envelope


def test_envelope_holds_what_comes_out():
    """Nothing is copied, and any mapping may be an envelope, or in one."""
    for kind in (dict, MappingProxyType):
        contact, record = kind({"_id": "u1"}), kind({"a": "cart"})
        event, who = open_envelope(kind({"contact": contact, "event": record}))
        assert event is record
        assert who is contact
        assert open_envelope(record)[0] is record


@pytest.mark.parametrize("item", [b"{}", {"a": {1}, "event": {}}, {"contact": b"", "event": {}}], ids=repr)
def test_item_of_another_kind(item):
    with pytest.raises(InvalidFieldError):
        open_envelope(item)
