"""Policies: the four modes on every channel, and settings read from files."""

import json
import tomllib
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cordial_segment import Allow, Block, BlockAll, Channel, Policy, SendAll

RULES = [SendAll(), Allow("open", "click"), Allow(), Block("open", "click"), Block(), BlockAll()]
ACTIONS = st.text(min_size=1, max_size=3, alphabet="abc-_") | st.sampled_from(["open", "message-sent", "message_sent"])


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
def test_the_modes_on_every_channel(rule, of_open, of_bounce, channel):
    """A rule decides on its own channel; every other channel sends all."""
    policy = Policy(**{channel.value: rule})
    assert (rule.allows("open"), rule.allows("bounce")) == (of_open, of_bounce)
    for each in Channel:
        expected = (of_open, of_bounce) if each is channel else (True, True)
        assert (policy.allows("open", each), policy.allows("bounce", each.value)) == expected


def test_the_default_sends_all():
    assert all(Policy().allows(action, channel) for action in ("open", "x") for channel in Channel)
    assert Policy() == Policy(email=SendAll(), mobile=SendAll(), sms=SendAll(), rest=SendAll(), custom=SendAll())


@given(st.sets(ACTIONS), ACTIONS)
def test_allow_and_block_of_the_same_actions_are_complements(actions, action):
    assert Allow(*actions).allows(action) is not Block(*actions).allows(action)


@given(st.sets(ACTIONS), st.sets(ACTIONS), ACTIONS)
def test_rules_are_sets_of_actions(first, second, action):
    allowed = Allow(*first).allows(action), Allow(*second).allows(action)
    assert Allow(*first, *second).allows(action) == any(allowed)
    assert Block(*first, *second).allows(action) == (not any(allowed))
    assert Allow(*first).allows(action) == (action.replace("message-sent", "message_sent") in Allow(*first)._parts)


@given(ACTIONS)
def test_the_extremes_are_the_empty_lists(action):
    assert Allow().allows(action) == BlockAll().allows(action)
    assert Block().allows(action) == SendAll().allows(action)


@pytest.mark.parametrize("given_as", ["message-sent", "message_sent"])
@pytest.mark.parametrize("asked_as", ["message-sent", "message_sent"])
def test_both_spellings_of_the_sent_event_are_one(given_as, asked_as):
    assert Allow(given_as).allows(asked_as)
    assert not Block(given_as).allows(asked_as)
    assert not Policy(rest=Block(given_as)).allows(asked_as, "rest-api")


def test_rules_compare_by_kind_and_actions():
    assert Allow("a", "b") == Allow("b", "a", "a")
    assert hash(Allow("a", "b")) == hash(Allow("b", "a"))
    assert all(one != other for one, other in combinations(RULES, 2))
    assert len(set(RULES)) == len(RULES)
    assert len({hash(rule) for rule in RULES}) == len(RULES)
    assert Allow("a") != "Allow('a')"
    assert Allow("a", "b") != Allow("a")
    assert Allow("a") != Allow("a", "b")


def test_policies_compare_by_their_rules():
    assert Policy(email=Allow("a")) == Policy(email=Allow("a"), sms=SendAll())
    assert hash(Policy(email=Allow("a"))) == hash(Policy(email=Allow("a")))
    assert len({Policy(**{channel.value: BlockAll()}) for channel in Channel}) == len(Channel)
    assert Policy() != SendAll()
    assert SendAll() != Policy()


def test_policies_print_as_what_makes_them():
    policy = Policy(email=Allow("open", "it's"), mobile=BlockAll(), sms=Block(), rest=Block("x"), custom=SendAll())
    assert repr(policy) == """Policy(email=Allow("it's", 'open'), mobile=BlockAll(), sms=Block(), rest=Block('x'))"""
    names = {"Policy": Policy, "Allow": Allow, "Block": Block, "BlockAll": BlockAll, "SendAll": SendAll}
    for value in (policy, Policy(), *RULES):
        assert eval(repr(value), names) == value  # noqa: S307
    assert repr(Policy()) == "Policy()"


@pytest.mark.parametrize("value", [*RULES, Policy(email=BlockAll())])
def test_they_cannot_be_changed(value):
    for name in ("_parts", "allows", "new"):
        with pytest.raises(AttributeError, match=f"{type(value).__name__} objects cannot be changed"):
            setattr(value, name, 1)
    with pytest.raises(AttributeError, match=f"{type(value).__name__} objects cannot be changed"):
        del value._parts


@pytest.mark.parametrize("kind", [Allow, Block])
@pytest.mark.parametrize(
    ("action", "error"), [(5, TypeError), (["open"], TypeError), (None, TypeError), ("", ValueError)]
)
def test_actions_are_strings_with_something_in_them(kind, action, error):
    with pytest.raises(error, match="action must"):
        kind("open", action)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("action", "error"), [(5, TypeError), (None, TypeError), ("", ValueError)])
def test_only_an_action_can_be_asked_about(rule, action, error):
    with pytest.raises(error, match="action must"):
        rule.allows(action)
    with pytest.raises(error, match="action must"):
        Policy(email=rule).allows(action, "email")


@pytest.mark.parametrize("kind", [SendAll, BlockAll])
def test_the_extremes_take_no_actions(kind):
    with pytest.raises(TypeError):
        kind("open")


def test_a_policy_asks_for_a_known_channel():
    with pytest.raises(ValueError, match="no channel: expected one of email"):
        Policy().allows("open", "fax")
    with pytest.raises(TypeError, match="channel must be"):
        Policy().allows("open", None)  # type: ignore[arg-type]


def test_each_rule_is_given_by_its_channels_name():
    with pytest.raises(TypeError):
        Policy(BlockAll())  # type: ignore[misc]


@pytest.mark.parametrize("rule", ["block_all", None, Allow, Policy(), {"allow": []}])
def test_a_policy_is_made_of_rules(rule):
    for channel in Channel:
        with pytest.raises(TypeError, match=rf"{channel} must be a rule such as BlockAll\(\), not "):
            Policy(**{channel.value: rule})


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


@pytest.mark.parametrize("settings", [json.loads(JSON), tomllib.loads(TOML)], ids=["json", "toml"])
def test_settings_come_from_a_file(settings):
    assert Policy.from_dict(settings) == Policy(
        email=Allow("open", "click"), sms=BlockAll(), rest=Block(), custom=Block("browse")
    )


def test_settings_may_be_few_or_none():
    assert Policy.from_dict({}) == Policy()
    assert Policy.from_dict({Channel.REST: {"allow": ("x",)}}) == Policy(rest=Allow("x"))
    assert Policy.from_dict({"email": {"allow": frozenset({"x"})}}) == Policy.from_dict({"email": {"allow": {"x"}}})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fax": "send_all"}, "'fax' is no channel: expected one of email"),
        ({5: "send_all"}, "channel must be a Channel or its string, not 5"),
        (
            {"email": "allow_all"},
            "email: 'allow_all' is no mode: expected 'send_all', 'block_all', {'allow': [...]} or ",
        ),
        ({"email": "BLOCK_ALL"}, "email: 'BLOCK_ALL' is no mode"),
        ({"email": None}, "email: None is no mode"),
        ({"email": ["open"]}, "email: a value of type list is no mode"),
        ({"email": {}}, "email: a value of type dict is no mode"),
        ({"email": {"deny": ["open"]}}, "email: {'deny'} is no mode"),
        ({"email": {"allow": ["open"], "block": ["click"]}}, "email: {'allow', 'block'} is no mode"),
        ({"email": {"allow": "open"}}, "email.allow: expected a list of actions, not 'open'"),
        ({"email": {"block": {"open": 1}}}, "email.block: expected a list of actions, not a value of type dict"),
        ({"email": {"allow": ["open", 5]}}, "email.allow: action must be a string, not 5"),
        ({"email": {"block": [""]}}, "email.block: action must not be empty"),
        ({"sms": "block_all", "mms": "send_all"}, "'mms' gives a second rule for sms"),
    ],
)
def test_what_is_unknown_in_settings_is_a_value_error_that_names_it(settings, message):
    with pytest.raises(ValueError) as caught:
        Policy.from_dict(settings)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("settings", [None, [], "block_all", 5])
def test_settings_that_are_no_mapping_are_a_type_error(settings):
    with pytest.raises(TypeError, match="settings must be a mapping, not"):
        Policy.from_dict(settings)
