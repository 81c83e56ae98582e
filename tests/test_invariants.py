"""What holds for every record, tried on many made-up ones."""

import copy
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cordial_segment import (
    KeyCollisionError,
    Policy,
    SendAll,
    TranslationError,
    build_track_payload,
    enrich_email_fields,
    flatten,
    is_blocked,
)

NAMES = ["action", "a", "time", "bmID", "link", "rl", "link_url", "lKey", "name", "sp", "system_properties", "campaign"]
KEYS = st.sampled_from(NAMES) | st.text(max_size=4) | st.text(alphabet="ab_", max_size=3)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6)
)
TREES = st.recursive(
    LEAVES, lambda trees: st.lists(trees, max_size=4) | st.dictionaries(KEYS, trees, max_size=4), max_leaves=20
)
DICTS = st.dictionaries(KEYS, TREES, max_size=6)
# Fields with a type of their own, which other values are errors in.
CHECKED = {"time", "ats", "ts", "_id"}
ACTIONS = st.sampled_from(["open", "click", "message-sent", "crdl_app_open", "browse"])
RECORDS = st.builds(
    lambda base, action, section, link: {
        **{k: base[k] for k in base if k not in CHECKED},
        "action": action,
        "cID": "c1",
        **section,
        **link,
    },
    DICTS,
    ACTIONS,
    st.fixed_dictionaries(
        {}, optional={"system_properties": DICTS, "sp": DICTS, "time": st.just("2021-10-22T16:11:48Z")}
    ),
    st.fixed_dictionaries({}, optional={"bmID": LEAVES, "mcID": LEAVES, "linkUrl": LEAVES}),
)


def leaves(tree, path=()):
    """Give each leaf's path and value: the plainest statement of what flattening means."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list | tuple) else None
    if children is None or (path and not tree):
        yield path, tree
        return
    for key, child in children:
        yield from leaves(child, (*path, str(key)))


def containers(tree):
    """Give the ids of all dicts and lists in **tree**."""
    if isinstance(tree, dict | list | tuple):
        yield id(tree)
        for child in tree.values() if isinstance(tree, dict) else tree:
            yield from containers(child)


def same(one, other):
    """Compare as JSON does, so that 1, 1.0 and True differ."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def careful(tree):
    """Make **tree** take the careful way: tuples are not plain JSON."""
    return {**tree, "careful": (1,)}


@given(DICTS | st.lists(TREES, max_size=5), st.sampled_from(["_", ".", "", "::"]))
def test_every_leaf_survives_under_the_key_of_its_path(data, separator):
    wanted = [(separator.join(path), value) for path, value in leaves(data)]
    keys = [key for key, _ in wanted]
    if len(set(keys)) < len(keys):
        with pytest.raises(KeyCollisionError) as caught:
            flatten(data, separator=separator)
        assert keys.count(caught.value.key) > 1
        return
    flat = flatten(data, separator=separator)
    assert list(flat) == keys
    assert same(list(flat.values()), [value for _, value in wanted])


@given(DICTS)
def test_the_careful_way_gives_what_the_short_way_does(data):
    def outcome(tree):
        try:
            return list(flatten(tree).items())
        except KeyCollisionError as error:
            return error.key, error.paths

    plain, odd = outcome(data), outcome(careful(data))
    assert plain == odd or plain == [pair for pair in odd if pair[0] != "careful_0"]


def unflatten(flat, separator, kinds):
    """Nest **flat** again; **kinds** tells which paths were lists."""
    if not flat and not kinds:
        return {}
    root = [] if kinds.get(()) is list else {}
    for key, value in flat.items():
        path, here = key.split(separator), root
        for depth, step in enumerate(path):
            step = int(step) if isinstance(here, list) else step
            last = depth == len(path) - 1
            fresh = value if last else ([] if kinds.get(tuple(path[: depth + 1])) is list else {})
            if isinstance(here, list):
                if step == len(here):
                    here.append(fresh)
            elif last or step not in here:
                here[step] = fresh
            here = here[step]
    return root


def kinds_of(tree, path=()):
    if isinstance(tree, dict | list) and (tree or not path):
        yield path, type(tree)
        for key, child in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from kinds_of(child, (*path, str(key)))


@given(
    st.recursive(
        LEAVES, lambda t: st.lists(t, max_size=4) | st.dictionaries(st.text(alphabet="abc", max_size=3), t, max_size=4)
    )
)
def test_it_comes_back_to_the_nested_form_where_no_key_holds_the_separator(tree):
    data = {"root": tree}
    assert same(unflatten(flatten(data, separator="/"), "/", dict(kinds_of(data))), data)


@given(DICTS | st.lists(TREES, max_size=5))
def test_flatten_changes_and_shares_nothing(data):
    before = copy.deepcopy(data)
    try:
        flat = flatten(data)
    except KeyCollisionError:
        flat = {}
    assert same(data, before)
    assert not {*containers(flat)} & {*containers(data)}


@given(RECORDS)
@example({"action": "click", "cID": "c1", "sp": {"link": "l", "rl": "l"}, "time": "2021-10-22T16:11:48Z"})
def test_every_leaf_of_a_record_is_a_property_but_the_time_and_an_absorbed_link(record):
    try:
        properties = build_track_payload(record)["properties"]
    except KeyCollisionError:
        return
    gone = []
    for path, value in leaves(record):
        key = "_".join(path)
        if key not in properties:
            gone.append((path, value))
        else:
            assert same(properties[key], value) or key.endswith(("system_properties", "sp"))
    for path, value in gone:
        assert path == ("time",) or (
            path in {("system_properties", "link"), ("sp", "link")} and value in ("", None, properties.get("link_url"))
        )
    added = properties.keys() - {"_".join(path) for path, _ in leaves(record)}
    assert added <= {
        *("campaign_id", "campaign_name", "email_id", "email_subject", "link_id", "link_url"),
        *("system_properties", "sp"),  # left empty by an absorbed link
    }


@given(RECORDS, st.sampled_from([None, "email", "sms"]))
def test_a_payload_is_made_of_the_record_alone_and_always_serialises(record, channel):
    before = copy.deepcopy(record)
    try:
        payload = build_track_payload(record, channel=channel)
    except TranslationError:
        assert same(record, before)
        return
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload
    assert same(record, before)
    assert not {*containers(payload)} & {*containers(record)}
    again = build_track_payload(copy.deepcopy(record), channel=channel)
    assert list(again["properties"].items()) == list(payload["properties"].items())
    assert same(again, payload)
    assert not {*containers(payload)} & {*containers(again)}


@given(RECORDS)
def test_an_enriched_record_is_the_record_and_more(record):
    before = copy.deepcopy(record)
    enriched = enrich_email_fields(record)
    assert same(record, before)
    assert not {*containers(enriched)} & {*containers(record)}
    for key, value in record.items():
        if key not in ("system_properties", "sp"):
            assert same(enriched[key], value)
    assert same(enrich_email_fields(enriched), enriched), "a second time adds nothing"


@given(RECORDS)
def test_enriching_first_changes_no_payload(record):
    def outcome(event):
        try:
            return build_track_payload(event, channel="email")
        except TranslationError as error:
            return str(error)

    assert outcome(record) == outcome(enrich_email_fields(record))


@given(RECORDS)
def test_a_policy_that_sends_all_is_as_good_as_none(record):
    assert is_blocked(record, Policy()) == is_blocked(record) == is_blocked(record, SendAll())
