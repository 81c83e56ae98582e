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


def test_event_names_has_these_rows_alone():
    rows = [(str(channel), action, event) for channel, names in EVENT_NAMES.items() for action, event in names.items()]
    assert sorted(rows) == sorted(TABLE)
    assert list(EVENT_NAMES) == list(Channel)


@pytest.mark.parametrize("table", [EVENT_NAMES, EVENT_NAMES["email"]], ids=["channels", "names"])
def test_event_names_is_read_only(table):
    with pytest.raises(TypeError):
        table["open"] = {}
    assert not hasattr(table, "update")


@pytest.mark.parametrize(
    ("action", "channel", "event"),
    [
        # Without a channel the action tells it.
        ("open", None, "Email Opened"),
        ("click", None, "Email Link Clicked"),
        ("crdl_app_open", None, "Application Opened"),
        # An action without a row on its channel keeps its name, which is case-sensitive.
        ("crdl_app_close", None, "crdl_app_close"),
        ("complaint", "email", "complaint"),
        ("Open", None, "Open"),
        (" open", "email", " open"),
        ("open", "custom", "open"),
        # A channel goes by any of its names; the sent event has two spellings.
        ("crdl_app_open", "Push", "Application Opened"),
        ("click", "SMS/MMS", "click"),
        *(("message-sent", channel, "message_sent") for channel in (None, "rest", "custom")),
    ],
)
def test_map_event(action, channel, event):
    assert map_event(action, channel) == event


@pytest.mark.parametrize(
    ("action", "channel", "error", "message"),
    [
        ("open", "fax", ValueError, "'fax' is not a channel: use one of email, "),
        ("open", "", ValueError, "'' is not a channel"),
        ("open", " sms", ValueError, "' sms' is not a channel"),
        ("open", 5, TypeError, "channel must be a Channel or its string"),
        (5, None, TypeError, "action must be a string, not 5"),
        ("", "email", ValueError, "action must not be empty"),
        (" ", "email", ValueError, "action must not be blank"),
    ],
)
def test_map_event_refuses(action, channel, error, message):
    with pytest.raises(error, match=message):
        map_event(action, channel)
