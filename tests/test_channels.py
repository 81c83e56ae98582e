"""Channel and channel_of: the names of a channel, and what tells the channel of a record."""

import pytest

from cordial_segment import Channel, InvalidFieldError, channel_of

EMAIL, MOBILE, SMS, REST, CUSTOM = Channel

# Channel


@pytest.mark.parametrize(
    ("names", "channel"),
    [
        (["email"], EMAIL),
        (["mobile", "push"], MOBILE),
        (["sms", "mms", "sms/mms", "rcs"], SMS),
        (["rest", "rest-api"], REST),
        (["custom"], CUSTOM),
    ],
)
def test_a_channel_goes_by_its_string_and_by_cordials_names_in_any_case(names, channel):
    for name in names:
        assert Channel(name) is Channel(name.upper()) is Channel(name.title()) is channel


def test_a_channel_is_its_string_and_its_repr_evaluates_to_it():
    assert [str(channel) for channel in Channel] == ["email", "mobile", "sms", "rest", "custom"]
    assert all(channel == str(channel) and isinstance(channel, str) for channel in Channel)
    assert all(eval(repr(channel), {"Channel": Channel}) is channel for channel in Channel)  # noqa: S307


@pytest.mark.parametrize("name", ["", "e-mail", "email ", " sms", "push-ios", "sms_plivo", "x" * 500])
def test_another_string_is_a_value_error_that_lists_what_is_accepted(name):
    """As an argument a name is known only whole: nothing is guessed, and no space is cut off."""
    with pytest.raises(ValueError, match="email, mobile, sms, rest, custom, push, mms, sms/mms, rcs, rest-api") as told:
        Channel(name)
    assert repr(name[:60]) in str(told.value)
    assert len(str(told.value)) < 250


@pytest.mark.parametrize("channel", [None, 5, b"email", ["email"], {}])
def test_what_is_no_string_is_a_type_error(channel):
    with pytest.raises(TypeError, match="channel must be a Channel or its string"):
        Channel(channel)


# channel_of: names


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        # Whole, in any case.
        ("email", EMAIL),
        ("EMAIL", EMAIL),
        ("mobile", MOBILE),
        ("push", MOBILE),
        ("sms", SMS),
        ("MMS", SMS),
        ("Sms/Mms", SMS),
        ("rcs", SMS),
        ("rest", REST),
        ("REST-API", REST),
        ("Custom", CUSTOM),
        # By the first word, which ends at anything that is no letter or digit.
        ("email-promo", EMAIL),
        ("Email promo", EMAIL),
        ("email.2", EMAIL),
        ("push-ios", MOBILE),
        ("PUSH_ANDROID", MOBILE),
        ("mobile:app", MOBILE),
        ("sms_plivo", SMS),
        ("sms-email", SMS),
        ("mms/eu", SMS),
        ("rcs·eu", SMS),
    ],
)
@pytest.mark.parametrize("field", ["chnl-type", "chnl", "channel"])
def test_a_known_name_tells_the_channel_whatever_the_action(field, name, channel):
    for action in ("open", "click", "crdl_app_open", "crdl_sms_failed", "browse", None):
        assert channel_of({"action": action, field: name}) is channel


@pytest.mark.parametrize(
    "name",
    [
        # No first word that tells.
        *("whatsapp", "e-mail", "my email", "promo_sms", "weekly"),
        # The word goes on.
        *("emails", "email2", "smsplivo", "pushy", "smsé", "\u017fms"),
        # rest and custom are known only whole, and with nothing around them.
        *("rest_of_world_email", "rest-1", "rest ", " rest", "rest-apis", "custom-events", "custom ", " custom"),
    ],
)
@pytest.mark.parametrize("field", ["chnl-type", "chnl", "channel"])
def test_any_other_name_is_unknown(field, name):
    """``sendType`` then identifies a text message; a click without it does not count as email."""
    assert channel_of({"action": "click", field: name, "sp": {"sendType": "sms"}}) is SMS
    assert channel_of({"action": "click", field: name}) is CUSTOM


@pytest.mark.parametrize(
    ("names", "channel"),
    [
        ({"channel": "email", "chnl": "push", "chnl-type": "sms"}, SMS),
        ({"channel": "email", "chnl": "push"}, MOBILE),
        ({"channel": "email"}, EMAIL),
        # Unknown names are passed over.
        ({"chnl-type": "whatsapp", "chnl": "sms_plivo"}, SMS),
        ({"chnl-type": "whatsapp", "channel": "push"}, MOBILE),
        ({"chnl": "weekly", "channel": "email"}, EMAIL),
        ({"chnl-type": "custom", "chnl": "email"}, CUSTOM),
    ],
)
def test_the_first_of_three_fields_that_names_a_channel_tells_it(names, channel):
    assert channel_of({"action": "click", **names}) is channel
    assert channel_of(dict(reversed({"action": "click", **names}.items()))) is channel


@pytest.mark.parametrize("value", [None, "", 5, True, ["sms"], {"name": "sms"}, b"sms"])
@pytest.mark.parametrize("field", ["chnl-type", "chnl", "channel"])
def test_what_is_no_string_names_nothing_and_is_not_unknown_either(field, value):
    assert channel_of({"action": "click", field: value}) is EMAIL
    assert channel_of({"action": "click", field: value, "channel": "push"}) is MOBILE


# channel_of: sendType


@pytest.mark.parametrize("section", ["system_properties", "sp"])
@pytest.mark.parametrize(
    ("send_type", "channel"),
    [
        ("sms", SMS),
        ("MMS", SMS),
        ("rcs", SMS),
        ("sms/mms", SMS),
        ("sms_marketing", SMS),
        # Its other values say nothing.
        *((value, EMAIL) for value in ("email", "push", "rest", "custom", "promo", "", None, 1, ["sms"])),
    ],
)
def test_send_type_counts_only_where_it_names_a_text_channel(section, send_type, channel):
    assert channel_of({"action": "click", section: {"sendType": send_type}}) is channel


def test_send_type_may_stand_in_either_section_and_nowhere_else():
    assert channel_of({"action": "click", "system_properties": {"sendType": "email"}, "sp": {"sendType": "sms"}}) is SMS
    assert channel_of({"action": "click", "system_properties": "sms", "sp": ["sendType", "sms"]}) is EMAIL
    assert channel_of({"action": "click", "sendType": "sms", "properties": {"sendType": "sms"}}) is EMAIL


@pytest.mark.parametrize("action", ["click", "open", "crdl_app_open", "crdl_email_send_failure", "browse", None])
def test_send_type_comes_after_names_and_before_the_action(action):
    text = {"action": action, "sp": {"sendType": "sms"}}
    assert channel_of(text) is SMS
    assert channel_of({**text, "chnl": "weekly"}) is SMS
    assert channel_of({**text, "channel": "email"}) is EMAIL


# channel_of: actions

BY_ACTION = {
    EMAIL: ["open", "click", "optout", "bounce", "complaint", "message-stopped"],
    MOBILE: [
        "crdl_app_install",
        "crdl_app_open",
        "crdl_app_close",
        "crdl_deep_link_open",
        "crdl_device_notifications_manual_optin",
        "crdl_device_notifications_manual_optout",
        "crdl_device_notifications_optout",
        "crdl_device_notifications_uninstalled",
        "crdl_in-app-dismissed",
        "crdl_in_app_message_auto_dismiss",
        "crdl_in_app_message_manual_dismiss",
        "crdl_in_app_message_shown",
        "crdl_inbox_read",
        "crdl_notification_delivered_in_background",
        "crdl_notification_delivered_in_foreground",
        "crdl_notification_tap",
        "crdl_push_enabled_change",
        "crdl_push_send_failure",
        "crdl_push-ios_send_failure",
    ],
    SMS: [
        "crdl_incoming_sms",
        "crdl_phone_deactivation",
        "crdl_rcs_fallback",
        "crdl_rcs_open",
        "crdl_sms_delivered",
        "crdl_sms_doi_confirm",
        "crdl_sms_doi_optin",
        "crdl_sms_failed",
        "crdl_sms_send_failure",
        "crdl_sms_plivo_send_failure",
    ],
    REST: ["crdl_rest_send_failure", "crdl_rest-api_send_failure"],
    CUSTOM: [
        "browse",
        "message_sent",
        "message-sent",
        "crdl_subscribeStatusChange",
        "crdl_merged_contacts",
        "crdl_graph_identified",
        "crdl_contact_update_unique_constraint_error",
        "crdl-pdm-x",
        "crdl_new_thing",
        # No key, or one that names no channel.
        "crdl_send_failure",
        "crdl__send_failure",
        "crdl_whatsapp_send_failure",
        "crdl_rest_2_send_failure",
        "sms_send_failure",
        "crdl_sms_send_failures",
        "crdl-sms_send_failure",
        # Actions are case-sensitive, and no space is cut off.
        "Open",
        "CLICK",
        " open",
        "crdl_App_Open",
        "CRDL_sms_SEND_FAILURE",
    ],
}
BY_ACTION_ROWS = [(action, channel) for channel, actions in BY_ACTION.items() for action in actions]


@pytest.mark.parametrize(("action", "channel"), BY_ACTION_ROWS)
def test_where_nothing_is_named_the_action_tells_the_channel(action, channel):
    assert channel_of({"action": action}) is channel
    assert channel_of({"a": action}) is channel
    assert channel_of({"action": "", "a": action}) is channel


@pytest.mark.parametrize(("action", "channel"), BY_ACTION_ROWS)
def test_of_an_unknown_type_no_action_makes_an_email(action, channel):
    """Cordial defines the types, so an unknown type is not email. Other channels' actions are still recognised."""
    told = CUSTOM if channel is EMAIL else channel
    assert channel_of({"action": action, "chnl-type": "whatsapp"}) is told
    assert channel_of({"action": action, "chnl-type": "whatsapp", "chnl": "weekly"}) is told


@pytest.mark.parametrize(("action", "channel"), BY_ACTION_ROWS)
@pytest.mark.parametrize("field", ["chnl", "channel"])
def test_on_an_unknown_key_only_clicks_and_optouts_are_no_email(field, action, channel):
    """Accounts name these themselves, so an unknown one may well be email; but several channels have these actions."""
    assert channel_of({"action": action, field: "weekly"}) is (CUSTOM if action in ("click", "optout") else channel)


def test_an_email_that_could_not_be_sent_is_email_unless_another_type_is_named():
    assert channel_of({"action": "crdl_email_send_failure"}) is EMAIL
    assert channel_of({"action": "crdl_email_send_failure", "chnl": "weekly"}) is EMAIL
    assert channel_of({"action": "crdl_email_send_failure", "chnl-type": "whatsapp"}) is CUSTOM


@pytest.mark.parametrize("record", [{}, {"cID": "c1"}, {"action": None, "a": ""}, {"chnl": "weekly"}])
def test_a_record_without_an_action_is_custom_unless_it_names_its_channel(record):
    assert channel_of(record) is CUSTOM
    assert channel_of({**record, "chnl": "push-ios"}) is MOBILE


def test_an_action_that_is_no_string_is_an_error_where_it_is_needed():
    assert channel_of({"action": 5, "chnl": "sms"}) is SMS
    with pytest.raises(InvalidFieldError) as caught:
        channel_of({"action": "", "a": 5})
    assert caught.value.path == "a"


@pytest.mark.parametrize("event", [None, [], "text", 5])
def test_a_record_that_is_no_mapping_is_a_type_error(event):
    with pytest.raises(TypeError, match="event must be a mapping, not"):
        channel_of(event)
