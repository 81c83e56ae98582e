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


def test_default_origin_fields_are_public():
    assert list(ORIGIN_FIELDS) == PLACES


@pytest.mark.parametrize("path", PLACES)
def test_mark_blocks(path):
    """Whatever the policy says, and even if the action is missing or invalid."""
    for mark in ("segment", "Segment", "SEGMENT", "  segment\t\n"):
        assert is_blocked(at(path, mark, action="open")) is True
    everything = Policy(email=SendAll(), custom=Allow("browse"))
    for record in (at(path, "segment", action="browse"), at(path, "segment"), at(path, "segment", action=5)):
        assert is_blocked(record, everything, channel="email", robots=SendAll())


NO_MARKS = ["cordial", "", "segments", "segment.io", "\u017fegment", "seg ment", None, True, 0, ["segment"], b"segment"]


@pytest.mark.parametrize("value", NO_MARKS, ids=ascii)
def test_other_value_is_no_mark(value):
    for path in PLACES:
        assert is_blocked(at(path, value, action="open")) is False


@pytest.mark.parametrize(
    "path", ["d.source", "properties.context.source", "Source", "properties.sources", "sp.0.source"]
)
def test_mark_elsewhere(path):
    assert is_blocked(at(path, "segment", action="open")) is False


@pytest.mark.parametrize("holder", ["segment", 5, None, ["source", "segment"], [{"source": "segment"}]], ids=repr)
def test_holder_that_is_no_mapping(holder):
    assert not is_blocked({"context": holder, "properties": holder, "sp": holder})


@pytest.mark.parametrize(
    ("fields", "blocked"),
    [
        (["made_by"], True),
        (("a.b.c", "made_by"), True),
        (iter(["made_by"]), True),
        (["properties.made_by"], True),
        (["properties.deep.made_by"], True),
        ([*ORIGIN_FIELDS, "x"], True),
        (["deep.made_by"], False),
        (["properties"], False),
        (["properties.deep"], False),
        (["properties.made_by.x"], False),
        ([], False),
    ],
)
def test_origin_fields(fields, blocked):
    """They stand for the default ones."""
    properties = {"made_by": "segment", "deep": {"made_by": "segment"}}
    record = {"source": "segment", "made_by": "segment", "properties": properties}
    assert is_blocked(record, origin_fields=fields) is blocked


@pytest.mark.parametrize("fields", ["source", [5], ["source", b"origin"]], ids=repr)
def test_origin_fields_of_another_kind(fields):
    with pytest.raises(TypeError, match="origin_fields must"):
        is_blocked({}, origin_fields=fields)


# Robots

ROBOT = {"action": "click", "cID": "c1", "d": {"robot": True}}


@pytest.mark.parametrize(
    ("robots", "blocked"),
    [(None, False), (SendAll(), False), (BlockAll(), True), (Block("open", "click"), True), (Allow("click"), False)],
    ids=repr,
)
def test_robots(robots, blocked):
    """The rule for robots is on top of the policy."""
    assert is_blocked(ROBOT, robots=robots) is blocked
    assert is_blocked(ROBOT, Policy(), robots=robots) is blocked
    assert is_blocked(ROBOT, Policy(email=Block("click")), robots=robots)
    assert is_blocked({**ROBOT, "d": {"robot": False}}, Policy(email=Block("click")), robots=robots)


@pytest.mark.parametrize("flag", [True, 1, 1.0, "true", "1", "True", " TRUE "], ids=repr)
def test_robots_flag(flag):
    assert is_blocked({"action": "click", "d": {"robot": flag}}, robots=BlockAll())


DEVICES = [{"robot": flag} for flag in (False, 0, 2, "false", "0", "", "yes", "11", None, [True], {"robot": True})]


@pytest.mark.parametrize("device", [*DEVICES, {}, None, "x"], ids=repr)
def test_device_that_is_no_robots(device):
    """The rule is not asked and no action is needed."""
    assert not is_blocked({"action": "click", "d": device}, robots=BlockAll())
    assert not is_blocked({"d": device, "robot": True, "properties": {"robot": True}}, robots=BlockAll())


def test_robots_by_a_rule_of_your_own():
    """It takes the action alone, in its one spelling."""

    class Rule:
        def allows(self, action):
            return action != "message_sent"

    assert is_blocked({"a": "message-sent", "d": {"robot": True}}, robots=Rule())
    assert not is_blocked(ROBOT, robots=Rule())


@pytest.mark.parametrize(
    "robots", [BlockAll, Policy(), {"block": ["open"]}, "block_all", 0], ids=lambda v: type(v).__name__
)
def test_robots_of_another_kind(robots):
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
        ({"action": " ", "a": "open"}, None, True),
        ({"action": "click", "a": "open"}, None, False),
        ({"action": "Open"}, None, False),
        ({"action": "crdl_app_close"}, None, True),
        ({"action": "crdl_sms_failed"}, None, True),
        ({"action": "crdl_rcs_open"}, None, False),
        ({"action": "message_sent"}, None, False),
        ({"action": "browse"}, None, True),
        # The channel that the record names.
        ({"action": "open", "chnl-type": "sms"}, None, False),
        ({"action": "open", "chnl": " sms"}, None, True),
        ({"action": "browse", "chnl": "EMAIL"}, None, False),
        ({"action": "browse", "chnl": "push-ios"}, None, True),
        ({"action": "message-sent", "chnl-type": "rest-api"}, None, True),
        ({"action": "crdl_app_close", "channel": "custom"}, None, False),
        ({"action": "open", "chnl-type": "whatsapp"}, None, False),
        # The channel that is given comes before both.
        ({"action": "open"}, "email", True),
        ({"action": "open"}, Channel.SMS, False),
        ({"action": "open"}, "Push", True),
        ({"action": "open", "chnl-type": "sms"}, "email", True),
        ({"action": "open", "channel": "email"}, "sms", False),
        ({"action": "browse", "chnl": "push"}, "email", False),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else str(value),
)
def test_policy(record, channel, blocked):
    assert is_blocked(record, POLICY, channel=channel) is blocked
    assert is_blocked(record, policy=None, channel=channel) is False


def test_policy_of_your_own():
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
        ({"email": "block_all"}, "not dict: use Policy.from_dict(...)"),
        ({}, "not dict: use Policy.from_dict(...)"),
        ("block_all", "not str: use Policy.from_dict(...)"),
        (0, "not int: use Policy.from_dict(...)"),
        (Policy, "not the class Policy: use Policy.from_dict(...)"),
        (BlockAll, "not the class BlockAll: use Policy.from_dict(...)"),
        (BlockAll(), "not BlockAll: use Policy(email=BlockAll())"),
        (Allow("open", "click"), "not Allow: use Policy(email=Allow('click', 'open'))"),
    ],
)
def test_policy_of_another_kind(policy, use):
    """It is refused at once, with what to write."""
    for record in ({"action": "open"}, {}, {"source": "segment"}):
        with pytest.raises(TypeError) as caught:
            is_blocked(record, policy)
        assert str(caught.value) == f"policy must be a Policy, {use}"


def test_action_is_needed_by_rules_alone():
    assert not is_blocked({})
    assert not is_blocked({"action": 5}, channel="sms")
    for record, error, path in (({}, MissingFieldError, "action"), ({"a": 5}, InvalidFieldError, "a")):
        for arguments in ({"policy": Policy()}, {"robots": SendAll()}):
            with pytest.raises(error) as caught:
                is_blocked({**record, "d": {"robot": True}}, **arguments)
            assert caught.value.path == path


def test_arguments_of_is_blocked():
    for policy in (None, Policy()):
        with pytest.raises(ValueError, match="'fax' is not a channel"):
            is_blocked({"action": "open"}, policy, channel="fax")
    with pytest.raises(TypeError):
        is_blocked({"action": "open"}, None, "email")
