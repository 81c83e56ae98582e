"""Channel, and the tables of channel_of; the order in which it looks is among the calls in vectors/."""

from functools import partial

import pytest

from cordial_segment import Channel, Policy, channel_of, is_blocked, map_event

EMAIL, MOBILE, SMS, REST, CUSTOM = Channel
FIELDS = ["chnl-type", "chnl", "channel"]

# Channel

NAMES = {
    EMAIL: ["email"],
    MOBILE: ["mobile", "push"],
    SMS: ["sms", "mms", "sms/mms", "rcs"],
    REST: ["rest", "rest-api"],
    CUSTOM: ["custom"],
}


@pytest.mark.parametrize("channel", NAMES, ids=str)
def test_channel_by_name(channel):
    """A channel goes by its string and by Cordial's names, in any case."""
    for name in NAMES[channel]:
        assert Channel(name) is Channel(name.upper()) is Channel(name.title()) is channel
        for field in FIELDS:
            assert channel_of({"action": "browse", field: name.title()}) is channel
    assert channel == str(channel) == NAMES[channel][0]
    assert eval(repr(channel), {"Channel": Channel}) is channel  # noqa: S307


NOT_NAMES = {**dict.fromkeys(["", "e-mail", "email ", " sms", "push-ios", "x" * 50], ValueError), 5: TypeError}


@pytest.mark.parametrize("name", NOT_NAMES)
def test_channel_of_another_name(name):
    """As an argument a name is known only whole: nothing is guessed, and no space is cut off."""
    by_position = (Channel, partial(map_event, "open"), partial(Policy().allows, "open"))
    for call in (*by_position, lambda name: is_blocked({}, channel=name)):
        with pytest.raises(NOT_NAMES[name]) as told:
            call(name)
        assert str(told.value).startswith(
            f"{name!r} is not a channel: use" if name != 5 else "channel must be a Channel"
        )


# channel_of: a name that the record carries

FIRST_WORDS = {
    **dict.fromkeys(["email-promo", "Email promo", "email.2", f"email {'x' * 80}"], EMAIL),
    **dict.fromkeys(["push-ios", "PUSH_ANDROID", "mobile:app"], MOBILE),
    **dict.fromkeys(["sms_plivo", "sms-email", "mms/eu", "rcs·eu"], SMS),
}


@pytest.mark.parametrize("name", FIRST_WORDS)
def test_channel_by_first_word(name):
    """It ends at anything that is no letter or digit, and tells the channel whatever the action."""
    for field in FIELDS:
        for action in ("open", "crdl_app_open", "crdl_sms_failed", "browse", None):
            assert channel_of({"action": action, field: name}) is FIRST_WORDS[name]


UNKNOWN = [
    # No first word that is known.
    *("whatsapp", "e-mail", "my email", "promo_sms", "weekly", " email", " push", "_sms"),
    # The word goes on, at any length.
    *("emails", "email2", "smsplivo", "pushy", "smsé", "\u017fms", "x" * 64 + " sms"),
    # rest and custom are known only whole, and with nothing around them.
    *("rest_of_world_email", "rest-1", "rest ", " rest", "rest-apis", "custom-events", "custom ", " custom"),
]


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_name(name):
    """``sendType`` then identifies a text message; a click without it does not count as email."""
    for field in FIELDS:
        assert channel_of({"action": "click", field: name, "sp": {"sendType": "sms"}}) is SMS
        assert channel_of({"action": "click", field: name}) is CUSTOM


@pytest.mark.parametrize("value", [None, "", 5, True, ["sms"], {"name": "sms"}, b"sms"], ids=repr)
def test_name_that_is_no_string(value):
    """It names nothing, and is not unknown either."""
    for field in FIELDS:
        assert channel_of({"action": "click", field: value}) is EMAIL
        assert channel_of({"action": "click", field: value, "channel": "push"}) is MOBILE


# channel_of: sendType


@pytest.mark.parametrize("text", ["sms", "MMS", "rcs", "sms/mms", "sms_marketing"])
def test_send_type_of_a_text(text):
    """It may stand in either section. It comes after names and before the action."""
    for action in ("click", "open", "crdl_app_open", "crdl_email_send_failure", "browse", None):
        for record in ({"sp": {"sendType": text}}, {"system_properties": {"sendType": text}, "sp": {"sendType": 1}}):
            assert channel_of({"action": action, **record}) is SMS
            assert channel_of({"action": action, **record, "chnl": "weekly"}) is SMS
            assert channel_of({"action": action, **record, "channel": "email"}) is EMAIL


@pytest.mark.parametrize("value", ["email", "push", "rest", "custom", "promo", "", None, 1, ["sms"]], ids=repr)
def test_send_type_of_anything_else(value):
    """It says nothing, nor does a text's at another place."""
    assert channel_of({"action": "click", "sp": {"sendType": value}, "system_properties": {"sendType": value}}) is EMAIL
    assert channel_of({"action": "click", "sendType": "sms", "properties": {"sendType": "sms"}}) is EMAIL
    assert channel_of({"action": "click", "system_properties": "sms", "sp": ["sendType", "sms"]}) is EMAIL


# channel_of: the action

BY_ACTION = {
    EMAIL: "open click optout bounce complaint message-stopped crdl_email_send_failure crdl_email_2_send_failure",
    MOBILE: """
        crdl_app_install crdl_app_open crdl_app_close crdl_deep_link_open crdl_inbox_read crdl_push_enabled_change
        crdl_device_notifications_manual_optin crdl_device_notifications_manual_optout crdl_device_notifications_optout
        crdl_device_notifications_uninstalled crdl_in-app-dismissed crdl_in_app_message_auto_dismiss
        crdl_in_app_message_manual_dismiss crdl_in_app_message_shown crdl_notification_delivered_in_background
        crdl_notification_delivered_in_foreground crdl_notification_tap crdl_push_send_failure
        crdl_push-ios_send_failure
        """,
    SMS: """
        crdl_incoming_sms crdl_phone_deactivation crdl_rcs_fallback crdl_rcs_open crdl_sms_delivered
        crdl_sms_doi_confirm crdl_sms_doi_optin crdl_sms_failed crdl_sms_send_failure crdl_sms_plivo_send_failure
        """,
    REST: "crdl_rest_send_failure crdl_rest-api_send_failure",
    # Among them: keys that name no channel, and actions in another case or with a space around them.
    CUSTOM: """
        browse message_sent message-sent crdl_subscribeStatusChange crdl_merged_contacts crdl_graph_identified
        crdl_contact_update_unique_constraint_error crdl-pdm-x crdl_new_thing crdl_send_failure crdl__send_failure
        crdl_whatsapp_send_failure crdl_rest_2_send_failure sms_send_failure crdl_sms_send_failures
        crdl-sms_send_failure Open CLICK crdl_App_Open CRDL_sms_SEND_FAILURE
        """,
}
ROWS = [(action, channel) for channel, actions in BY_ACTION.items() for action in actions.split()]


@pytest.mark.parametrize(("action", "channel"), [*ROWS, (" open", CUSTOM), ("crdl_ sms_send_failure", CUSTOM)])
def test_channel_by_action(action, channel):
    """With an unknown type no action makes an email; with another unknown name only ``click`` and ``optout`` do not."""
    told = CUSTOM if channel is EMAIL else channel
    assert channel_of({"action": action}) is channel_of({"action": "", "a": action}) is channel
    assert channel_of({"action": action, "chnl-type": "whatsapp"}) is told
    for field in ("chnl", "channel"):
        assert channel_of({"a": action, field: "weekly"}) is (CUSTOM if action in ("click", "optout") else channel)
