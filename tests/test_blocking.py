"""is_blocked: the guard against loops, robots, and the account's policy."""

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

# The mark

PLACES = [
    *("source", "origin"),
    *("context.source", "context.origin"),
    *("properties.source", "properties.origin"),
    *("system_properties.source", "system_properties.origin"),
    *("sp.source", "sp.origin"),
]


def at(path, value, **record):
    """Return the record with the value at a dotted path."""
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
def test_anything_else_there_does_not(path):
    others = [
        "cordial",
        "",
        "segments",
        "segment.io",
        "\u017fegment",
        "seg ment",
        None,
        True,
        0,
        ["segment"],
        {"segment": 1},
        b"segment",
    ]
    for value in others:
        assert is_blocked(at(path, value, action="open")) is False


@pytest.mark.parametrize(
    "path", ["d.source", "properties.context.source", "Source", "properties.sources", "properties.0.source"]
)
def test_the_mark_elsewhere_does_not(path):
    assert is_blocked(at(path, "segment", action="open")) is False


@pytest.mark.parametrize("holder", ["segment", 5, None, ["source", "segment"], [{"source": "segment"}]])
def test_a_holder_that_is_no_mapping_holds_no_mark(holder):
    assert not is_blocked({"context": holder, "properties": holder, "sp": holder})


@pytest.mark.parametrize("path", PLACES)
def test_no_policy_lifts_the_guard(path):
    """A marked record is blocked even if its action is missing or invalid."""
    everything = Policy(email=SendAll(), custom=Allow("browse"))
    for record in (at(path, "segment", action="browse"), at(path, "segment"), at(path, "segment", action=5)):
        assert is_blocked(record, everything)
        assert is_blocked(record, everything, channel="email", robots=SendAll())


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
def test_other_places_can_be_named_instead(fields, blocked):
    record = {
        "source": "segment",
        "made_by": "segment",
        "properties": {"made_by": "segment", "deep": {"made_by": "segment"}},
    }
    assert is_blocked(record, origin_fields=fields) is blocked


def test_other_places_can_be_added():
    assert is_blocked({"sp": {"origin": "segment"}}, origin_fields=[*ORIGIN_FIELDS, "x"])
    assert is_blocked({"x": "segment"}, origin_fields=[*ORIGIN_FIELDS, "x"])


@pytest.mark.parametrize("fields", ["source", [5], [None], ["source", b"origin"]])
def test_places_of_another_kind_are_a_type_error(fields):
    with pytest.raises(TypeError, match="origin_fields must"):
        is_blocked({}, origin_fields=fields)


# Robots

ROBOTS_CLICK = {"action": "click", "cID": "c1", "d": {"robot": True}}


@pytest.mark.parametrize(
    ("robots", "blocked"),
    [(None, False), (SendAll(), False), (BlockAll(), True), (Block("open", "click"), True), (Allow("click"), False)],
)
def test_the_rule_for_robots_decides_what_robots_do(robots, blocked):
    assert is_blocked(ROBOTS_CLICK, robots=robots) is blocked


@pytest.mark.parametrize("flag", [True, 1, 1.0, "true", "1", "True", " TRUE "], ids=repr)
def test_a_robots_flag_is_true_or_1_or_either_as_text(flag):
    assert is_blocked({"action": "click", "cID": "c1", "d": {"robot": flag}}, robots=BlockAll())


DEVICES = [{"robot": flag} for flag in (False, 0, 2, "false", "0", "", "yes", None, [True], {"robot": True})]


@pytest.mark.parametrize("device", [*DEVICES, {}, None, "x"], ids=repr)
def test_any_other_device_is_no_robot(device):
    """The rule is not asked and no action is needed."""
    assert not is_blocked({"action": "click", "cID": "c1", "d": device}, robots=BlockAll())
    assert not is_blocked({"d": device, "robot": True, "properties": {"robot": True}}, robots=BlockAll())


def test_the_rule_for_robots_is_on_top_of_the_policy():
    clicks = Policy(email=Block("click"))
    assert is_blocked(ROBOTS_CLICK, clicks, robots=SendAll())
    assert is_blocked(ROBOTS_CLICK, Policy(), robots=Block("click"))
    assert not is_blocked(ROBOTS_CLICK, Policy(), robots=Block("open"))
    assert is_blocked({**ROBOTS_CLICK, "d": {"robot": False}}, clicks, robots=BlockAll())


def test_the_rule_for_robots_takes_the_action_alone_in_its_one_spelling():
    class Rule:
        def allows(self, action):
            return action != "message_sent"

    assert is_blocked({"a": "message-sent", "d": {"robot": True}}, robots=Rule())
    assert not is_blocked(ROBOTS_CLICK, robots=Rule())


def test_a_robots_record_needs_an_action():
    with pytest.raises(MissingFieldError) as caught:
        is_blocked({"d": {"robot": True}}, robots=SendAll())
    assert caught.value.path == "action"


@pytest.mark.parametrize("robots", [BlockAll, Policy(), {"block": ["open"]}, "block_all", 0, object()])
def test_what_is_no_rule_is_a_type_error_at_once(robots):
    for record in ({}, {"source": "segment"}):
        with pytest.raises(TypeError, match=r"robots must be a rule such as BlockAll\(\)"):
            is_blocked(record, robots=robots)


# The policy

POLICY = Policy(
    email=Block("open", "message-stopped"),
    mobile=BlockAll(),
    sms=Block("crdl_sms_failed"),
    rest=Block("message_sent"),
    custom=Block("browse"),
)


@pytest.mark.parametrize(
    ("record", "channel", "blocked"),
    [
        # The action, and the channel that it tells.
        ({"action": "open"}, None, True),
        ({"a": "open"}, None, True),
        ({"action": "", "a": "open"}, None, True),
        ({"action": "click", "a": "open"}, None, False),
        ({"action": "Open"}, None, False),
        ({"action": "crdl_app_close"}, None, True),
        ({"action": "crdl_sms_failed"}, None, True),
        ({"action": "crdl_rcs_open"}, None, False),
        ({"action": "message_sent"}, None, False),
        ({"action": "browse"}, None, True),
        # The channel that the record names.
        ({"action": "open", "chnl-type": "sms"}, None, False),
        ({"action": "browse", "chnl": "EMAIL"}, None, False),
        ({"action": "browse", "chnl": "push-ios"}, None, True),
        ({"action": "message-sent", "chnl-type": "rest-api"}, None, True),
        ({"action": "crdl_app_close", "channel": "custom"}, None, False),
        ({"action": "open", "chnl-type": "whatsapp"}, None, False),
        # The channel that is given.
        ({"action": "open"}, "email", True),
        ({"action": "open"}, Channel.SMS, False),
        ({"action": "open"}, "Push", True),
        ({"action": "open", "chnl-type": "sms"}, "email", True),
    ],
)
def test_a_policy_decides_by_the_records_action_and_channel(record, channel, blocked):
    assert is_blocked(record, POLICY, channel=channel) is blocked


def test_without_a_policy_nothing_is_blocked():
    assert is_blocked({"action": "open"}) is is_blocked({"action": "open"}, None, channel="sms") is False


def test_a_policy_of_your_own_is_any_object_with_its_method():
    class OnlySentByRest:
        def allows(self, action, channel):
            return 1 if (action, channel) == ("message_sent", Channel.REST) else 0

        def __len__(self):
            return 0  # an object that is false decides as well

    assert is_blocked({"a": "message-sent", "chnl-type": "REST"}, OnlySentByRest()) is False
    assert is_blocked({"a": "open"}, OnlySentByRest()) is True


@pytest.mark.parametrize(
    ("policy", "use"),
    [
        ({"email": "block_all"}, r"use Policy.from_dict\(\.\.\.\)"),
        ({}, r"use Policy.from_dict\(\.\.\.\)"),
        ("block_all", r"use Policy.from_dict\(\.\.\.\)"),
        (0, "policy must be a Policy, not int"),
        (object(), "policy must be a Policy, not object"),
        (Policy, "not the class Policy"),
        (BlockAll, "not the class BlockAll"),
        (BlockAll(), r"use Policy\(email=BlockAll\(\)\)"),
        (Allow("open", "click"), r"use Policy\(email=Allow\('click', 'open'\)\)"),
    ],
)
def test_anything_else_is_a_type_error_at_once_that_says_what_to_write(policy, use):
    for record in ({"action": "open"}, {}, {"source": "segment"}):
        with pytest.raises(TypeError, match=use):
            is_blocked(record, policy)


def test_only_the_record_and_the_policy_go_by_position():
    assert is_blocked({"action": "open"}, policy=Policy(email=BlockAll()))
    with pytest.raises(TypeError):
        is_blocked({"action": "open"}, None, "email")  # type: ignore[misc]


def test_only_a_policy_needs_the_action():
    assert not is_blocked({})
    assert not is_blocked({"action": 5})
    with pytest.raises(MissingFieldError) as caught:
        is_blocked({}, Policy())
    assert caught.value.path == "action"
    with pytest.raises(InvalidFieldError) as caught_too:
        is_blocked({"a": 5}, Policy())
    assert caught_too.value.path == "a"


def test_a_channel_is_checked_with_or_without_a_policy():
    for policy in (None, Policy()):
        with pytest.raises(ValueError, match="'fax' is not a channel"):
            is_blocked({"action": "open"}, policy, channel="fax")
        with pytest.raises(TypeError, match="channel must be"):
            is_blocked({"action": "open"}, policy, channel=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("event", [None, [], "text", 5])
def test_a_record_that_is_no_mapping_is_a_type_error(event):
    with pytest.raises(TypeError, match="event must be a mapping, not"):
        is_blocked(event)
