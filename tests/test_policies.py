"""Rules and policies: the four modes on every channel, rules of your own, and settings read from files."""

import json
import tomllib
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordial_segment import Allow, Block, BlockAll, Channel, Policy, Rule, SendAll

RULES = [SendAll(), Allow("open", "click"), Allow(), Block("open", "click"), Block(), BlockAll()]
ACTIONS = st.text(min_size=1, max_size=3, alphabet="abA-_ ").filter(str.strip) | st.sampled_from(
    ["open", "message-sent", "message_sent"]
)


@pytest.mark.parametrize(
    ("rule", "of_open", "of_bounce"),
    [
        (SendAll(), True, True),
        (Allow("open"), True, False),
        (Allow(), False, False),
        (Block("open"), False, True),
        (Block(), True, True),
        (BlockAll(), False, False),
    ],
)
@pytest.mark.parametrize("channel", list(Channel))
def test_a_rule_decides_on_its_own_channel_and_every_other_one_sends_all(rule, of_open, of_bounce, channel):
    policy = Policy(**{channel.value: rule})
    assert (rule.allows("open"), rule.allows("bounce")) == (of_open, of_bounce)
    for each in Channel:
        expected = (of_open, of_bounce) if each is channel else (True, True)
        assert (policy.allows("open", each), policy.allows("bounce", each.value)) == expected


def test_the_default_sends_all():
    assert all(Policy().allows(action, channel) for action in ("open", "x") for channel in Channel)
    assert Policy() == Policy(email=SendAll(), mobile=SendAll(), sms=SendAll(), rest=SendAll(), custom=SendAll())


def test_a_policy_takes_a_channel_by_any_of_its_names():
    policy = Policy(mobile=BlockAll(), sms=Block("click"))
    assert not policy.allows("open", "Push")
    assert not policy.allows("click", "SMS/MMS")
    assert policy.allows("click", "rest-api")


@given(st.sets(ACTIONS), ACTIONS)
@settings(max_examples=50)
def test_a_rule_is_a_set_of_actions(actions, action):
    """They are case-sensitive; only the sent event has two spellings."""
    is_one = action.replace("message-sent", "message_sent") in {each.replace("-sent", "_sent") for each in actions}
    assert Allow(*actions).allows(action) is is_one
    assert Block(*actions).allows(action) is not is_one


@pytest.mark.parametrize("action", ["Open", "OPEN", " open", "open ", "opens"])
def test_an_action_is_compared_as_it_is(action):
    assert not Allow("open").allows(action)
    assert Block("open").allows(action)
    assert Allow(action).allows(action)
    assert not Allow(action).allows("open")


@pytest.mark.parametrize("given_as", ["message-sent", "message_sent"])
@pytest.mark.parametrize("asked_as", ["message-sent", "message_sent"])
def test_both_spellings_of_the_sent_event_are_one(given_as, asked_as):
    assert Allow(given_as).allows(asked_as)
    assert not Block(given_as).allows(asked_as)
    assert not Policy(rest=Block(given_as)).allows(asked_as, "rest-api")


@pytest.mark.parametrize("kind", [Allow, Block])
@pytest.mark.parametrize(
    ("action", "error"), [(5, TypeError), (["open"], TypeError), (None, TypeError), ("", ValueError)]
)
def test_a_rule_takes_strings_that_are_not_empty(kind, action, error):
    with pytest.raises(error, match="action must"):
        kind("open", action)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("action", "error"), [(5, TypeError), (None, TypeError), ("", ValueError)])
def test_only_an_action_can_be_asked_about(rule, action, error):
    with pytest.raises(error, match="action must"):
        rule.allows(action)
    with pytest.raises(error, match="action must"):
        Policy(email=rule).allows(action, "email")


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_takes_no_channel(rule):
    """It stands for one channel, and would ignore it."""
    with pytest.raises(TypeError):
        rule.allows("open", "email")


@pytest.mark.parametrize("kind", [SendAll, BlockAll])
def test_the_extremes_take_no_actions(kind):
    with pytest.raises(TypeError):
        kind("open")


# Rules of your own


class Daytime:
    """A rule without a base class."""

    def allows(self, action: str) -> bool:
        return not action.startswith("night_")


def test_a_rule_of_your_own_is_any_object_with_the_method():
    rule: Rule = Daytime()
    policy = Policy(email=BlockAll(), custom=rule)
    assert policy.allows("browse", "custom")
    assert not policy.allows("night_browse", "custom")
    assert policy.allows("night_browse", "sms")


def test_a_rule_of_your_own_sees_the_action_in_its_one_spelling():
    class Seen:
        def allows(self, action: str) -> bool:
            return action == "message_sent"

    assert Policy(rest=Seen()).allows("message-sent", "rest")


@pytest.mark.parametrize(
    "rule", ["block_all", None, {"allow": []}, object(), Allow, SendAll, Daytime, Policy(), Policy]
)
@pytest.mark.parametrize("channel", list(Channel))
def test_anything_else_in_a_rules_place_is_a_type_error_at_once(channel, rule):
    with pytest.raises(TypeError, match=rf"{channel} must be a rule such as BlockAll\(\)"):
        Policy(**{channel.value: rule})


def test_each_rule_is_given_by_its_channels_name():
    with pytest.raises(TypeError):
        Policy(BlockAll())  # type: ignore[misc]
    with pytest.raises(TypeError):
        Policy(push=BlockAll())  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("channel", "error", "message"),
    [("fax", ValueError, "'fax' is not a channel: use one of email"), (None, TypeError, "channel must be")],
)
def test_a_policy_is_asked_about_a_known_channel(channel, error, message):
    with pytest.raises(error, match=message):
        Policy().allows("open", channel)


# Values


def test_rules_are_equal_by_kind_and_actions():
    assert Allow("a", "b") == Allow("b", "a", "a")
    assert hash(Allow("a", "b")) == hash(Allow("b", "a"))
    assert Allow("message-sent") == Allow("message_sent")
    assert all(one != other for one, other in combinations(RULES, 2))
    assert len(set(RULES)) == len(RULES)
    assert Allow("a") != "Allow('a')"
    assert Allow("a", "b") != Allow("a")
    assert Allow("a") != Allow("a", "b")
    assert Allow("a") != Allow("A")


def test_policies_are_equal_by_their_rules():
    assert Policy(email=Allow("a")) == Policy(email=Allow("a"), sms=SendAll())
    assert hash(Policy(email=Allow("a"))) == hash(Policy(email=Allow("a")))
    assert len({Policy(**{channel.value: BlockAll()}) for channel in Channel}) == len(Channel)
    assert Policy() != SendAll()
    assert SendAll() != Policy()


def test_their_repr_evaluates_to_them():
    policy = Policy(email=Allow("open", "it's"), mobile=BlockAll(), sms=Block(), rest=Block("x"), custom=SendAll())
    assert repr(policy) == """Policy(email=Allow("it's", 'open'), mobile=BlockAll(), sms=Block(), rest=Block('x'))"""
    assert repr(Policy()) == "Policy()"
    names = {"Policy": Policy, "Allow": Allow, "Block": Block, "BlockAll": BlockAll, "SendAll": SendAll}
    for value in (policy, Policy(), *RULES):
        assert eval(repr(value), names) == value  # noqa: S307


@pytest.mark.parametrize("value", [*RULES, Policy(email=BlockAll())])
def test_they_cannot_be_changed(value):
    for name in (*vars(value), "allows", "new"):
        with pytest.raises(AttributeError, match=f"{type(value).__name__} objects cannot be changed"):
            setattr(value, name, 1)
        with pytest.raises(AttributeError, match=f"{type(value).__name__} objects cannot be changed"):
            delattr(value, name)


# Settings

JSON = """
{"email": {"allow": ["open", "click"]}, "push": "send_all", "SMS/MMS": "block_all",
 "rest": {"block": []}, "custom": {"block": ["browse"]}}
"""
TOML = """
push = "send_all"
"sms/mms" = "block_all"
email.allow = ["open", "click"]
rest = { block = [] }
[custom]
block = ["browse"]
"""


@pytest.mark.parametrize("read", [json.loads(JSON), tomllib.loads(TOML)], ids=["json", "toml"])
def test_settings_come_from_a_file(read):
    assert Policy.from_dict(read) == Policy(
        email=Allow("open", "click"), sms=BlockAll(), rest=Block(), custom=Block("browse")
    )


def test_settings_may_be_few_or_none():
    assert Policy.from_dict({}) == Policy()
    assert Policy.from_dict({Channel.REST: {"allow": ("x",)}}) == Policy(rest=Allow("x"))
    assert Policy.from_dict({"email": {"allow": {"x"}}}) == Policy(email=Allow("x"))
    assert Policy.from_dict({"email": {"allow": []}}) == Policy(email=Allow())


@pytest.mark.parametrize(
    ("read", "shows"),
    [
        # An unknown channel, or one twice.
        ({"fax": "send_all"}, "'fax'"),
        ({"push-ios": "send_all"}, "'push-ios'"),
        ({5: "send_all"}, "'5'"),
        ({"sms": "block_all", "mms": "send_all"}, "'mms' is a second rule for sms"),
        # An unknown mode.
        ({"email": "allow_all"}, "email: 'allow_all'"),
        ({"email": "BLOCK_ALL"}, "email: 'BLOCK_ALL'"),
        ({"push": None}, "mobile: None"),
        ({"email": ["open"]}, "email: a value of type list"),
        # An unknown shape.
        ({"email": {}}, "email: a value of type dict"),
        ({"email": {"deny": ["open"]}}, "email: 'deny' is not a mode"),
        ({"email": {"allow": ["open"], "block": ["click"]}}, "email: a value of type dict"),
        ({"email": {"allow": "open"}}, "email.allow: 'open'"),
        ({"email": {"block": {"open": 1}}}, "email.block: a value of type dict"),
        ({"email": {"allow": ["open", 5]}}, "email.allow: action must be a string, not 5"),
        ({"email": {"block": [""]}}, "email.block: action must not be empty"),
    ],
)
def test_what_is_unknown_in_settings_is_a_value_error_that_names_it(read, shows):
    with pytest.raises(ValueError) as caught:
        Policy.from_dict(read)
    assert str(caught.value).startswith(shows)


@pytest.mark.parametrize("read", [None, [], "block_all", 5])
def test_settings_that_are_no_mapping_are_a_type_error(read):
    with pytest.raises(TypeError, match="settings must be a mapping, not"):
        Policy.from_dict(read)
