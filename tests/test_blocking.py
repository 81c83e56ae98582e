"""is_blocked: what the calls in vectors/ cannot say."""

from decimal import Decimal
from fractions import Fraction

import pytest

from cordial_segment import ORIGIN_FIELDS, Allow, BlockAll, Channel, Policy, SendAll, is_blocked

ROBOT = {"action": "click", "d": {"robot": True}}


def test_default_origin_fields_are_public():
    holders = ("", "context.", "properties.", "system_properties.", "sp.")
    assert list(ORIGIN_FIELDS) == [holder + name for holder in holders for name in ("source", "origin")]
    for places in ([*ORIGIN_FIELDS, "x"], ("x",), iter(["x"])):
        assert is_blocked({"x": "segment"}, origin_fields=places)


@pytest.mark.parametrize("fields", ["source", [5], ["source", b"origin"]], ids=repr)
def test_origin_fields_of_another_kind(fields):
    with pytest.raises(TypeError, match="origin_fields must"):
        is_blocked({}, origin_fields=fields)


@pytest.mark.parametrize("flag", [Decimal(1), Fraction(1), [1]], ids=repr)
def test_robots_flag_of_another_kind(flag):
    assert not is_blocked({"action": "click", "d": {"robot": flag}}, robots=BlockAll())


def test_robots_by_a_rule_of_your_own():
    """It takes the action alone, in its one spelling."""

    class Rule:
        def allows(self, action):
            return action != "message_sent"

    assert is_blocked({"a": "message-sent", "d": {"robot": True}}, robots=Rule())
    assert not is_blocked(ROBOT, robots=Rule())
    assert not is_blocked({**ROBOT, "d": {"robot": b"true"}}, robots=BlockAll())


@pytest.mark.parametrize("robots", [BlockAll, Policy(), {"block": ["open"]}, "block_all", 0])
def test_robots_of_another_kind(robots):
    for record in ({}, {"source": "segment"}):
        with pytest.raises(TypeError, match=r"robots must be a rule such as BlockAll\(\)"):
            is_blocked(record, robots=robots)


def test_policy_of_your_own():
    class OnlySentByRest:
        def allows(self, action, channel):
            return 1 if (action, channel) == ("message_sent", Channel.REST) else 0

        def __len__(self):
            return 0  # an object that is false decides as well

    assert is_blocked({"a": "message-sent", "chnl-type": "REST"}, OnlySentByRest()) is False
    assert is_blocked({"a": "open"}, OnlySentByRest()) is True
    assert is_blocked({"a": "open", "chnl": "sms"}, Policy(email=BlockAll()), channel=Channel.EMAIL, robots=SendAll())


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
