"""Rules and policies: the four modes on every channel, rules of your own, and settings read from files."""

import tomllib
from functools import partial
from itertools import combinations
from pathlib import PurePosixPath

import pytest

from cordial_segment import Allow, Block, BlockAll, Channel, Policy, Rule, SendAll

# Whether a rule allows open, and whether it allows bounce.
ALLOWS = {
    SendAll(): (True, True),
    Allow("open", "click"): (True, False),
    Allow(): (False, False),
    Block("open", "click"): (False, True),
    Block(): (True, True),
    BlockAll(): (False, False),
}
RULES = [*ALLOWS]


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_rule_on_its_channel(rule):
    """It decides on its own channel, by any name of it; every other channel sends all."""
    assert (rule.allows("open"), rule.allows("bounce")) == ALLOWS[rule]
    for channel in Channel:
        policy = Policy(**{channel.value: rule})
        for each in Channel:
            expected = ALLOWS[rule] if each is channel else (True, True)
            assert (policy.allows("open", each), policy.allows("bounce", each.value.upper())) == expected
    assert Policy(sms=rule).allows("open", "SMS/MMS") is rule.allows("open")


@pytest.mark.parametrize("action", ["Open", " open", "open ", "opens", "message-sent", "message_sent"])
def test_rule_compares_actions_as_they_are(action):
    """They are case-sensitive; only the sent event has two spellings."""
    for rule in (Allow("open", "message_sent"), Allow("message-sent", "open")):
        assert rule.allows(action) is action.startswith("message")
    for rule in (Block("open", "message_sent"), Block("message-sent", "open")):
        assert rule.allows(action) is not action.startswith("message")
        assert Policy(rest=rule).allows(action, "rest-api") is not action.startswith("message")
    assert Allow(action).allows(action)
    assert not Allow(action).allows("open")


@pytest.mark.parametrize(("action", "error"), [(5, TypeError), (None, TypeError), ("", ValueError), (" ", ValueError)])
def test_rule_takes_actions_alone(action, error):
    for call in (Allow, Block, *(rule.allows for rule in RULES), lambda action: Policy().allows(action, "email")):
        with pytest.raises(error, match="action must"):
            call(action)


def test_rule_takes_nothing_else():
    """It stands for one channel, and would ignore it; the extremes take no actions."""
    for call in (*(partial(rule.allows, "open") for rule in RULES), SendAll, BlockAll, Policy):
        with pytest.raises(TypeError):
            call("email")


class NotAtNight:
    """A rule without a base class, which sees the sent event in its one spelling."""

    def allows(self, action: str) -> bool:
        return not action.startswith("night_") and action != "message-sent"


def test_rule_of_your_own():
    rule: Rule = NotAtNight()
    policy = Policy(email=BlockAll(), custom=rule)
    assert policy.allows("browse", "custom")
    assert policy.allows("message-sent", "custom")
    assert not policy.allows("night_browse", "custom")
    assert policy.allows("night_browse", "sms")


@pytest.mark.parametrize(
    "rule", ["block_all", None, {"allow": []}, Allow, NotAtNight, Policy(), Policy], ids=lambda rule: repr(rule)[-20:]
)
def test_policy_refuses_what_is_no_rule(rule):
    for channel in Channel:
        with pytest.raises(TypeError, match=rf"{channel} must be a rule such as BlockAll\(\)"):
            Policy(**{channel.value: rule})


# Values


def test_values_are_equal_by_what_they_hold():
    assert Allow("a", "b") == Allow("b", "a", "a")
    assert hash(Allow("a", "b")) == hash(Allow("b", "a"))
    assert Allow("message-sent") == Allow("message_sent")
    assert Allow("a", "b") != Allow("a") != Allow("A")
    assert Allow("a") != "Allow('a')"
    assert Policy() == Policy(**{channel.value: SendAll() for channel in Channel}) != SendAll()
    assert hash(Policy(email=Allow("a"))) == hash(Policy(email=Allow("a"), sms=SendAll()))
    different = [*RULES, *(Policy(**{channel.value: BlockAll()}) for channel in Channel)]
    assert all(one != other for one, other in combinations(different, 2))
    assert len({hash(value) for value in different}) == len(different)


def test_repr_evaluates_to_the_value():
    policy = Policy(email=Allow("open", "it's"), mobile=BlockAll(), sms=Block(), rest=Block("x"), custom=SendAll())
    assert repr(policy) == """Policy(email=Allow("it's", 'open'), mobile=BlockAll(), sms=Block(), rest=Block('x'))"""
    assert repr(Policy()) == "Policy()"
    names = {"Policy": Policy, "Allow": Allow, "Block": Block, "BlockAll": BlockAll, "SendAll": SendAll}
    for value in (policy, Policy(), *RULES):
        assert eval(repr(value), names) == value  # noqa: S307


@pytest.mark.parametrize("value", [*RULES, Policy(email=BlockAll())], ids=repr)
def test_values_cannot_be_changed(value):
    for name in (*vars(value), "allows", "new"):
        for change in (lambda name=name: setattr(value, name, 1), lambda name=name: delattr(value, name)):
            with pytest.raises(AttributeError, match=f"{type(value).__name__} objects cannot be changed"):
                change()


# Settings

TOML = """
push = "send_all"
"SMS/MMS" = "block_all"
email.allow = ["open", "click"]
rest = { block = [] }
[custom]
block = ["browse"]
"""


def test_settings():
    rules = {"email": Allow("open", "click"), "sms": BlockAll(), "rest": Block(), "custom": Block("browse")}
    assert Policy.from_dict(tomllib.loads(TOML)) == Policy(**rules)
    assert Policy.from_dict({}) == Policy()
    assert Policy.from_dict({Channel.REST: {"allow": ("x",)}}) == Policy(rest=Allow("x"))
    assert Policy.from_dict({"email": {"allow": {"x"}}}) == Policy(email=Allow("x"))
    assert Policy.from_dict({"email": {"allow": []}}) == Policy(email=Allow())


WRONG_SETTINGS = [
    # An unknown channel, or one twice.
    ({"fax": "send_all"}, "'fax' is not a channel"),
    ({" sms": "send_all"}, "' sms' is not a channel"),
    ({"push-ios": "send_all"}, "'push-ios' is not a channel"),
    ({5: "send_all"}, "'5' is not a channel"),
    ({PurePosixPath("email"): "block_all"}, "\"PurePosixPath('email')\" is not a channel"),
    ({"sms": "block_all", "mms": "send_all"}, "'mms' is a second rule for sms"),
    # An unknown mode.
    ({"email": "allow_all"}, "email: 'allow_all' is not a mode"),
    ({"email": "BLOCK_ALL"}, "email: 'BLOCK_ALL' is not a mode"),
    ({"push": None}, "mobile: None is not a mode"),
    # An unknown shape.
    ({"email": ["open"]}, "email: a value of type list is not a mode"),
    ({"email": {}}, "email: a value of type dict is not a mode"),
    ({"email": {"deny": ["open"]}}, "email: 'deny' is not a mode"),
    ({"email": {"allow": ["open"], "block": ["click"]}}, "email: a value of type dict is not a mode"),
    ({"email": {"allow": "open"}}, "email.allow: 'open' is not a list"),
    ({"email": {"block": {"open": 1}}}, "email.block: a value of type dict is not a list"),
    ({"email": {"allow": ["open", 5]}}, "email.allow: action must be a string, not 5"),
    ({"email": {"block": [""]}}, "email.block: action must not be empty"),
]


@pytest.mark.parametrize(("read", "shows"), [pytest.param(*row, id=row[1][:45]) for row in WRONG_SETTINGS])
def test_settings_that_are_wrong(read, shows):
    with pytest.raises(ValueError) as caught:
        Policy.from_dict(read)
    assert str(caught.value).startswith(shows)


def test_settings_that_are_no_mapping():
    for read in (None, [], "block_all", 5):
        with pytest.raises(TypeError, match="settings must be a mapping, not"):
            Policy.from_dict(read)
