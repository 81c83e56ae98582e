"""Channels and event names."""

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
    assert EVENT_NAMES[Channel(channel)][action] == event
    assert EVENT_NAMES[channel][action] == event


def test_the_tables_hold_these_rows_and_no_others():
    rows = [(str(channel), action, event) for channel, names in EVENT_NAMES.items() for action, event in names.items()]
    assert rows == TABLE
    assert list(EVENT_NAMES) == list(Channel)
    assert EVENT_NAMES["custom"] == {}


def test_the_tables_can_be_printed_and_not_changed():
    assert repr(EVENT_NAMES[Channel.SMS]) == "{'message_sent': 'message_sent', 'click': 'click'}"
    assert repr(EVENT_NAMES).startswith("{Channel.EMAIL: {'open': 'Email Opened', ")
    assert len(EVENT_NAMES) == 5
    for table in (EVENT_NAMES, EVENT_NAMES[Channel.EMAIL]):
        with pytest.raises(TypeError):
            table["email"] = {}  # type: ignore[index]
        with pytest.raises(TypeError):
            del table["email"]  # type: ignore[attr-defined]
        assert not hasattr(table, "update")


@pytest.mark.parametrize(
    ("action", "event"),
    [
        ("open", "Email Opened"),
        ("click", "Email Link Clicked"),
        ("optout", "Unsubscribed"),
        ("bounce", "Email Bounced"),
        ("crdl_app_open", "Application Opened"),
        ("crdl_app_close", "crdl_app_close"),
        ("crdl_sms_failed", "crdl_sms_failed"),
        ("complaint", "complaint"),
        ("message_sent", "message_sent"),
        ("message-sent", "message_sent"),
        ("browse", "browse"),
        ("Open", "Open"),
        (" open", " open"),
    ],
)
def test_without_a_channel_the_action_tells_it(action, event):
    assert map_event(action) == event
    assert map_event(action, None) == event


@pytest.mark.parametrize("channel", list(Channel))
def test_an_action_without_a_row_keeps_its_name(channel):
    assert map_event("browse", channel) == "browse"
    assert map_event("message-stopped", channel) == "message-stopped"


@pytest.mark.parametrize("channel", list(Channel))
def test_both_spellings_of_the_sent_event_are_one(channel):
    assert map_event("message-sent", channel) == map_event("message_sent", channel) == "message_sent"


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("email", Channel.EMAIL),
        ("mobile", Channel.MOBILE),
        ("push", Channel.MOBILE),
        ("sms", Channel.SMS),
        ("mms", Channel.SMS),
        ("sms/mms", Channel.SMS),
        ("rcs", Channel.SMS),
        ("rest", Channel.REST),
        ("rest-api", Channel.REST),
        ("custom", Channel.CUSTOM),
    ],
)
def test_a_channel_goes_by_all_of_its_names_in_any_case(name, channel):
    assert Channel(name) is Channel(name.upper()) is Channel(name.title()) is channel
    assert map_event("click", name.upper()) == map_event("click", channel)


def test_a_channel_is_its_string_and_prints_as_what_makes_it():
    assert [str(channel) for channel in Channel] == ["email", "mobile", "sms", "rest", "custom"]
    assert all(channel == str(channel) and isinstance(channel, str) for channel in Channel)
    assert all(eval(repr(channel), {"Channel": Channel}) is channel for channel in Channel)  # noqa: S307


@pytest.mark.parametrize("name", ["", "e-mail", "email ", "push-ios", "x" * 500])
def test_another_string_is_a_value_error_that_lists_what_is_accepted(name):
    with pytest.raises(
        ValueError, match="email, mobile, sms, rest, custom, push, mms, sms/mms, rcs, rest-api"
    ) as caught:
        map_event("open", name)
    assert name[:60] in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("channel", [5, b"email", ["email"], {}])
def test_a_channel_that_is_no_string_is_a_type_error(channel):
    with pytest.raises(TypeError, match="channel must be a Channel or its string"):
        map_event("open", channel)


@pytest.mark.parametrize("action", [None, 5, b"open", ["open"]])
def test_an_action_that_is_no_string_is_a_type_error(action):
    with pytest.raises(TypeError, match="action must be a string"):
        map_event(action)


def test_an_empty_action_is_a_value_error():
    with pytest.raises(ValueError, match="must not be empty"):
        map_event("", "email")
