"""is_blocked: the guard against loops, and the account's policy."""

import pytest

from cordial_segment import (
    ORIGIN_FIELDS,
    Allow,
    Block,
    BlockAll,
    Channel,
    InvalidFieldError,
    MissingFieldError,
    Policy,
    SendAll,
    is_blocked,
)

PLACES = [
    "source",
    "origin",
    "context.source",
    "context.origin",
    "properties.source",
    "properties.origin",
    "system_properties.source",
    "system_properties.origin",
    "sp.source",
    "sp.origin",
]


def at(path, value, **record):
    *holders, name = path.split(".")
    inner = record
    for holder in holders:
        inner = inner.setdefault(holder, {})
    inner[name] = value
    return record


def test_the_default_places_are_public():
    assert list(ORIGIN_FIELDS) == PLACES


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("mark", ["segment", "Segment", "SEGMENT", "  segment\t\n"])
def test_the_mark_blocks_at_every_default_place(path, mark):
    assert is_blocked(at(path, mark, action="open")) is True


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(
    "value",
    ["cordial", "", "segments", "segment.io", "seg ment", None, True, 0, ["segment"], {"segment": 1}, b"segment"],
)
def test_anything_else_there_does_not(path, value):
    assert is_blocked(at(path, value, action="open")) is False


@pytest.mark.parametrize(
    "path", ["d.source", "properties.context.source", "Source", "properties.sources", "properties.0.source"]
)
def test_the_mark_elsewhere_does_not(path):
    assert is_blocked(at(path, "segment", action="open")) is False


@pytest.mark.parametrize("path", PLACES)
def test_no_policy_lifts_the_guard(path):
    everything = Policy(email=SendAll(), custom=Allow("browse"))
    assert is_blocked(at(path, "segment", action="browse"), everything)
    assert is_blocked(at(path, "segment"), everything)
    assert is_blocked(at(path, "segment", action=5), everything, channel="email")


@pytest.mark.parametrize("holder", ["segment", 5, None, ["source", "segment"], [{"source": "segment"}]])
def test_a_holder_that_is_no_mapping_holds_no_mark(holder):
    assert not is_blocked({"context": holder, "properties": holder, "sp": holder})


@pytest.mark.parametrize(
    ("fields", "blocked"),
    [
        (["made_by"], True),
        (("a.b.c", "made_by"), True),
        (iter(["made_by"]), True),
        (["properties.made_by"], True),
        (["properties.deep.made_by"], True),
        (["deep.made_by"], False),
        (["properties"], False),
        (["properties.deep"], False),
        (["properties.made_by.x"], False),
        ([], False),
    ],
)
def test_other_places_can_be_named(fields, blocked):
    record = {
        "source": "segment",
        "made_by": "segment",
        "properties": {"made_by": "segment", "deep": {"made_by": "segment"}},
    }
    assert is_blocked(record, origin_fields=fields) is blocked


def test_a_copy_of_the_default_places_is_as_good():
    assert is_blocked({"sp": {"origin": "segment"}}, origin_fields=list(ORIGIN_FIELDS))
    assert is_blocked({"x": "segment"}, origin_fields=[*ORIGIN_FIELDS, "x"])


@pytest.mark.parametrize("fields", ["source", [5], [None], ["source", b"origin"]])
def test_places_of_another_kind_are_a_type_error(fields):
    with pytest.raises(TypeError, match="origin_fields must"):
        is_blocked({}, origin_fields=fields)


@pytest.mark.parametrize(
    ("record", "channel", "blocked"),
    [
        ({"action": "open"}, None, True),
        ({"action": "click"}, None, False),
        ({"a": "open"}, None, True),
        ({"action": "open"}, "email", True),
        ({"action": "open"}, Channel.SMS, False),
        ({"action": "open", "chnl-type": "sms"}, None, False),
        ({"action": "open", "chnl-type": "sms"}, "email", True),
        ({"action": "browse", "chnl": "EMAIL"}, None, False),
        ({"action": "browse"}, None, True),
        ({"action": "message-sent", "chnl-type": "rest-api"}, None, True),
        ({"action": "message_sent"}, None, False),
        ({"action": "crdl_app_close"}, None, True),
        ({"action": "crdl_app_close", "channel": "custom"}, None, False),
        ({"action": "crdl_rcs_open"}, None, False),
        ({"action": "crdl_sms_failed"}, None, True),
        ({"action": "crdl_in-app-dismissed"}, None, True),
        ({"action": "message-stopped"}, None, True),
    ],
)
def test_a_policy_decides_by_the_records_action_and_channel(record, channel, blocked):
    policy = Policy(
        email=Block("open", "message-stopped"),
        mobile=BlockAll(),
        sms=Block("crdl_sms_failed"),
        rest=Block("message_sent"),
        custom=Block("browse"),
    )
    assert is_blocked(record, policy, channel=channel) is blocked


SYSTEM_EVENTS = {
    "email": ["complaint", "message-stopped", "open", "click", "optout", "bounce"],
    "mobile": [
        "crdl_app_install",
        "crdl_app_open",
        "crdl_notification_tap",
        "crdl_deep_link_open",
        "crdl_notification_delivered_in_foreground",
        "crdl_app_close",
        "crdl_device_notifications_manual_optin",
        "crdl_device_notifications_manual_optout",
        "crdl_device_notifications_optout",
        "crdl_device_notifications_uninstalled",
        "crdl_in_app_message_auto_dismiss",
        "crdl_in_app_message_shown",
        "crdl_in_app_message_manual_dismiss",
        "crdl_inbox_read",
        "crdl_in-app-dismissed",
        "crdl_push_enabled_change",
        "crdl_notification_delivered_in_background",
    ],
    "sms": [
        "crdl_phone_deactivation",
        "crdl_sms_delivered",
        "crdl_sms_doi_optin",
        "crdl_sms_doi_confirm",
        "crdl_sms_failed",
        "crdl_incoming_sms",
        "crdl_rcs_fallback",
        "crdl_rcs_open",
    ],
    "custom": ["browse", "message_sent", "message-sent", "crdl_new_thing"],
}


@pytest.mark.parametrize(("channel", "action"), [(c, a) for c, actions in SYSTEM_EVENTS.items() for a in actions])
def test_each_system_event_tells_its_channel(channel, action):
    only = Policy(
        **{name: SendAll() if name == channel else BlockAll() for name in ("email", "mobile", "sms", "rest", "custom")}
    )
    assert not is_blocked({"action": action}, only)


def test_one_rule_stands_for_all_channels():
    assert is_blocked({"action": "open"}, BlockAll())
    assert not is_blocked({"action": "open", "chnl": "sms"}, Allow("open"))


def test_anything_with_the_method_is_a_policy():
    class Odd:
        def allows(self, action, channel):
            assert (action, channel) == ("message_sent", Channel.REST)
            return 0

    assert is_blocked({"a": "message-sent", "chnl-type": "REST"}, Odd()) is True


@pytest.mark.parametrize("policy", [5, "block_all", {"email": "block_all"}, object()])
def test_anything_else_is_a_type_error(policy):
    with pytest.raises(TypeError, match="policy must have a method allows"):
        is_blocked({"action": "open"}, policy)


def test_a_policy_may_be_named_and_the_other_options_must_be():
    assert is_blocked({"action": "open"}, policy=BlockAll())
    with pytest.raises(TypeError):
        is_blocked({"action": "open"}, None, "email")  # type: ignore[misc]


def test_only_a_policy_needs_the_action():
    assert not is_blocked({})
    with pytest.raises(MissingFieldError) as caught:
        is_blocked({}, Policy())
    assert caught.value.path == "action"
    with pytest.raises(InvalidFieldError) as caught_too:
        is_blocked({"a": 5}, Policy())
    assert caught_too.value.path == "a"


def test_a_channel_is_checked_with_or_without_a_policy():
    for policy in (None, Policy()):
        with pytest.raises(ValueError, match="no channel"):
            is_blocked({"action": "open"}, policy, channel="fax")
        with pytest.raises(TypeError, match="channel must be"):
            is_blocked({"action": "open"}, policy, channel=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("event", [None, [], "text", 5])
def test_a_record_that_is_no_mapping_is_a_type_error(event):
    with pytest.raises(TypeError, match="event must be a mapping, not"):
        is_blocked(event)
