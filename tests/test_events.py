"""EVENT_NAMES and map_event: Segment's names for Cordial's actions."""

import pytest

from cordial_segment import EVENT_NAMES, Channel, map_event

TABLE = [
    ("email", "open", "Email Opened"),
    ("email", "click", "Email Link Clicked"),
    ("email", "optout", "Unsubscribed"),
    ("email", "bounce", "Email Bounced"),
    ("mobile", "crdl_app_install", "Application Installed"),
    ("mobile", "crdl_app_open", "Application Opened"),
    ("mobile", "crdl_notification_tap", "Push Notification Tapped"),
    ("mobile", "crdl_deep_link_open", "Deep Link Opened"),
    ("mobile", "crdl_notification_delivered_in_foreground", "Push Notification Received"),
    ("sms", "message_sent", "message_sent"),
    ("sms", "click", "click"),
    ("rest", "message_sent", "message_sent"),
]


@pytest.mark.parametrize(("channel", "action", "event"), TABLE, ids=[f"{row[0]}-{row[1]}" for row in TABLE])
def test_event_name(channel, action, event):
    assert map_event(action, channel) == map_event(action, Channel(channel)) == event
    assert EVENT_NAMES[channel][action] == EVENT_NAMES[Channel(channel)][action] == event


def test_event_names_has_these_rows_alone_and_is_read_only():
    rows = [(str(channel), action, event) for channel, names in EVENT_NAMES.items() for action, event in names.items()]
    assert sorted(rows) == sorted(TABLE)
    assert list(EVENT_NAMES) == list(Channel)
    for table in (EVENT_NAMES, EVENT_NAMES["email"]):
        with pytest.raises(TypeError):
            table["open"] = {}
        assert not hasattr(table, "update")


@pytest.mark.parametrize(("action", "error"), [(5, TypeError), (None, TypeError), ("", ValueError), (" ", ValueError)])
def test_action_of_another_kind(action, error):
    with pytest.raises(error, match="action must"):
        map_event(action, "email")
