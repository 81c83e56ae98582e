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


@pytest.mark.parametrize(("channel", "action", "event"), TABLE)
def test_each_row_of_the_table(channel, action, event):
    assert map_event(action, channel) == event
    assert map_event(action, Channel(channel)) == event
    assert EVENT_NAMES[channel][action] == event
    assert EVENT_NAMES[Channel(channel)][action] == event


def test_the_tables_hold_these_rows_and_no_others():
    rows = [(str(channel), action, event) for channel, names in EVENT_NAMES.items() for action, event in names.items()]
    assert sorted(rows) == sorted(TABLE)
    assert list(EVENT_NAMES) == list(Channel)
    assert EVENT_NAMES["custom"] == {}


@pytest.mark.parametrize("table", [EVENT_NAMES, EVENT_NAMES["email"]], ids=["channels", "names"])
def test_the_tables_are_read_only(table):
    for change in ("open", "email"):
        with pytest.raises(TypeError):
            table[change] = {}
        with pytest.raises(TypeError):
            del table[change]
    assert not hasattr(table, "update")


@pytest.mark.parametrize(
    ("action", "event"),
    [
        ("open", "Email Opened"),
        ("click", "Email Link Clicked"),
        ("optout", "Unsubscribed"),
        ("bounce", "Email Bounced"),
        ("crdl_app_open", "Application Opened"),
        # No row of the tables.
        ("crdl_app_close", "crdl_app_close"),
        ("crdl_sms_failed", "crdl_sms_failed"),
        ("crdl_push_send_failure", "crdl_push_send_failure"),
        ("complaint", "complaint"),
        ("message_sent", "message_sent"),
        ("browse", "browse"),
        # Actions are case-sensitive, and no space is cut off.
        ("Open", "Open"),
        ("OPEN", "OPEN"),
        (" open", " open"),
    ],
)
def test_without_a_channel_the_action_tells_it(action, event):
    assert map_event(action) == map_event(action, None) == event


@pytest.mark.parametrize("channel", list(Channel))
def test_an_action_without_a_row_keeps_its_name(channel):
    assert map_event("browse", channel) == "browse"
    assert map_event("message-stopped", channel) == "message-stopped"


@pytest.mark.parametrize("channel", [None, *Channel])
def test_both_spellings_of_the_sent_event_are_one(channel):
    assert map_event("message-sent", channel) == map_event("message_sent", channel) == "message_sent"


def test_a_channel_goes_by_any_of_its_names():
    assert map_event("crdl_app_open", "Push") == "Application Opened"
    assert map_event("click", "SMS/MMS") == "click"


@pytest.mark.parametrize(
    ("channel", "error", "message"),
    [
        ("fax", ValueError, "'fax' is not a channel: use one of email, "),
        ("", ValueError, "'' is not a channel"),
        (5, TypeError, "channel must be a Channel or its string"),
        (b"email", TypeError, "channel must be a Channel or its string"),
    ],
)
def test_another_channel_is_an_error(channel, error, message):
    with pytest.raises(error, match=message):
        map_event("open", channel)


@pytest.mark.parametrize("action", [None, 5, b"open", ["open"]])
def test_an_action_that_is_no_string_is_a_type_error(action):
    with pytest.raises(TypeError, match="action must be a string"):
        map_event(action)


def test_an_empty_action_is_a_value_error():
    with pytest.raises(ValueError, match="must not be empty"):
        map_event("", "email")
