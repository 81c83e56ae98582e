"""What holds for every record, tried on many made-up ones, against references written in the plainest way."""

import copy
import json
from collections import UserDict
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from cordial_segment import (
    KeyCollisionError,
    PayloadTooLargeError,
    Policy,
    TranslationError,
    build_track_payload,
    enrich_email_fields,
    flatten,
    is_blocked,
)

fixed = settings(derandomize=True, database=None, deadline=None, max_examples=100)

NAMES = ["action", "a", "time", "bmID", "link", "rl", "link_url", "lKey", "name", "sp", "system_properties", "campaign"]
KEYS = st.sampled_from(NAMES) | st.text(max_size=4) | st.text(alphabet="ab_", max_size=3)
TEXTS = st.text(max_size=6) | st.text(alphabet=st.characters(codec=None), max_size=3)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
TREES = st.recursive(
    LEAVES, lambda trees: st.lists(trees, max_size=4) | st.dictionaries(KEYS, trees, max_size=4), max_leaves=20
)
DICTS = st.dictionaries(KEYS, TREES, max_size=6)
SECTION = {"link": st.sampled_from(["", "l", 1, None]), "rl": st.sampled_from(["l", 1, ""]), "x": TREES}
SECTIONS = DICTS | st.fixed_dictionaries({}, optional=SECTION)
# Fields with a type of their own, in which other values are errors.
CHECKED = {"time", "ats", "ts", "_id"}
RECORDS = st.builds(
    lambda base, action, more: {**{k: v for k, v in base.items() if k not in CHECKED}, **action, "cID": "c1", **more},
    DICTS,
    st.fixed_dictionaries({"action": st.sampled_from(["open", "click", "message-sent", "crdl_app_open", "browse"])}),
    st.fixed_dictionaries(
        {},
        optional={
            "system_properties": SECTIONS,
            "sp": SECTIONS,
            "time": st.just("2021-10-22T16:11:48Z"),
            **dict.fromkeys(("bmID", "mcID", "linkUrl", "link_url"), LEAVES),
        },
    ),
)
SEPARATORS = st.sampled_from(["_", ".", "", "::"])
EMAIL_FIELDS = {"campaign_id", "campaign_name", "email_id", "email_subject", "link_id", "link_url"}


def leaves(tree, path=()):
    """Yield each leaf's path and value: the plainest statement of what flattening means."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list | tuple) else None
    if children is None or (path and not tree):
        yield path, tree
        return
    for key, child in children:
        yield from leaves(child, (*path, str(key)))


def containers(tree):
    """Return the ids of all dicts and lists in **tree**."""
    if not isinstance(tree, dict | list):
        return set()
    return {id(tree)}.union(*map(containers, tree.values() if isinstance(tree, dict) else tree))


def same(one, other):
    """Compare as JSON does: 1, 1.0 and True differ, and so does another order."""
    return json.dumps(one) == json.dumps(other)


def as_mappings(tree):
    """Remake **tree** of other mappings and of tuples."""
    if isinstance(tree, dict):
        kind = UserDict if len(tree) % 2 else MappingProxyType
        return kind({key: as_mappings(child) for key, child in tree.items()})
    return tuple(map(as_mappings, tree)) if isinstance(tree, list) else tree


def outcome(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except TranslationError as error:
        return type(error), str(error), error.path


# flatten


@fixed
@given(DICTS | st.lists(TREES, max_size=5), SEPARATORS)
@example({"": {"": 1}, "_": 2}, "_")
@example({"a": [{}], "a_0": []}, "_")
def test_every_leaf_is_under_the_key_of_its_path_or_the_collision_is_an_error(data, separator):
    places = [(separator.join(path), path, value) for path, value in leaves(data)]
    keys = [key for key, _, _ in places]
    if len({*keys}) == len(keys):
        assert same(list(flatten(data, separator=separator).items()), [(key, value) for key, _, value in places])
        return
    with pytest.raises(KeyCollisionError) as caught:
        flatten(data, separator=separator)
    colliding = [".".join(path) for key, path, _ in places if key == caught.value.key]
    assert caught.value.paths == (colliding[0], colliding[1])


@fixed
@given(st.recursive(LEAVES, lambda t: st.lists(t) | st.dictionaries(st.text(alphabet="abc", max_size=3), t)))
def test_the_paths_can_be_read_from_the_keys_where_no_key_holds_the_separator(tree):
    flat = flatten({"root": tree}, separator="/")
    assert same([(key.split("/"), value) for key, value in flat.items()], list(leaves({"root": tree})))


@fixed
@given(DICTS, SEPARATORS)
def test_mappings_and_tuples_give_what_dicts_and_lists_do(data, separator):
    plain, other = (outcome(flatten, tree, separator=separator) for tree in (data, as_mappings(data)))
    assert type(plain) is type(other)
    assert list(plain) == list(other)
    assert plain == other


@fixed
@given(DICTS | st.lists(TREES, max_size=5))
def test_flatten_changes_and_shares_nothing(data):
    before = copy.deepcopy(data)
    flat = outcome(flatten, data)
    assert same(data, before)
    assert not containers(flat) & containers(data)


# build_track_payload


@fixed
@given(RECORDS, SEPARATORS)
@example({"action": "click", "cID": "c1", "sp": {"link": "l", "rl": "l"}, "time": "2021-10-22T16:11:48Z"}, "_")
@example({"action": "browse", "cID": "c1", "": 1}, "_")
@example({"action": "browse", "cID": "c1", "ti": {"me": 1}, "time": "2021-10-22T16:11:48Z"}, "")
@example({"action": "click", "cID": "c1", "link_url": True, "sp": {"link": 1}}, "_")
def test_every_leaf_is_a_property_but_the_time_and_a_needless_link(record, separator):
    keys = [separator.join(path) for path, _ in leaves(record) if path != ("time",)]
    if len({*keys}) < len(keys):
        with pytest.raises(KeyCollisionError):
            build_track_payload(record, separator=separator)
        return
    properties = build_track_payload(record, separator=separator)["properties"]
    kept = {separator.join(path): value for path, value in leaves(record) if path != ("time",)}
    dropped = kept.keys() - properties.keys()
    assert dropped <= {f"system_properties{separator}link", f"sp{separator}link"}
    for key in dropped:
        assert kept[key] in ("", None) or same(kept[key], properties["link_url"])
    assert all(same(value, properties[key]) for key, value in kept.items() if key not in dropped)
    emptied = {key.removesuffix(f"{separator}link") for key in dropped}
    assert properties.keys() - kept.keys() <= EMAIL_FIELDS | emptied


@fixed
@given(RECORDS, st.sampled_from([None, "email", "sms"]))
def test_a_payload_is_made_of_the_record_alone_and_serialises(record, channel):
    before = copy.deepcopy(record)
    payload = outcome(build_track_payload, record, channel=channel)
    assert same(record, before)
    again = outcome(build_track_payload, as_mappings(record), channel=channel)
    assert payload == again
    if isinstance(payload, dict):
        assert same(json.loads(json.dumps(payload, allow_nan=False)), payload)
        assert same(payload, again)
        assert not containers(payload) & (containers(record) | containers(again))


ODD = st.floats() | st.binary(max_size=2) | st.sampled_from([Decimal(1), {1}, 2**70, object(), 1j, ...])
ODD_KEYS = KEYS | st.integers() | st.none() | st.booleans() | st.floats()
ODD_TREES = st.recursive(
    LEAVES | ODD, lambda t: st.lists(t, max_size=3) | st.dictionaries(ODD_KEYS, t, max_size=3), max_leaves=8
)


@fixed
@given(st.dictionaries(ODD_KEYS, ODD_TREES, max_size=4), st.dictionaries(KEYS, ODD_TREES, max_size=2), st.booleans())
def test_whatever_goes_in_a_payload_that_comes_out_serialises(record, other, at_top):
    """And nothing but a TranslationError is raised about it."""
    record = record if at_top else {"action": "click", "cID": "c1", **record}
    payload = outcome(build_track_payload, record, message=other, context=other)
    if isinstance(payload, dict):
        json.dumps(payload, allow_nan=False)
    outcome(is_blocked, record, Policy())
    outcome(enrich_email_fields, record, other)


LIMIT = 32_768
SIZES = st.sampled_from([1, 2, 3, 4, 6])
CHARACTER = {1: "x", 2: "é", 3: "€", 4: "🎉", 6: "\ud83d"}


def compact(payload):
    """Return the bytes of the most compact JSON there is; a lone surrogate is written as its escape of six."""
    return len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace"))


@fixed
@given(RECORDS, SIZES, st.sampled_from(["", "w" * 5000]), st.sampled_from(["_", "=" * 9000]))
@example({"action": "click", "cID": "c1"}, 1, "", "_")
@example({"action": "click", "cID": "c1", "time": "2021-10-22T16:11:48.123456Z", "n": 2**70}, 1, "", "_")
@example({"action": "click", "cID": "c1", "sp": {"link": "l" * 20_000, "rl": ""}, "link_url": "l" * 20_000}, 1, "", "_")
@example({"action": "click", "cID": "c1", "sp": {"link": ""}, "n": 2**70}, 1, "", "=" * 9000)
@example({"action": "click", "cID": "c1", "sp": {"link": 10**4000}, "link_url": 10**4000}, 1, "", "_")
def test_a_payload_of_32768_bytes_fits_and_one_of_a_byte_more_does_not(record, size, write_key, separator):
    options = {"write_key": write_key, "separator": separator}
    payload = outcome(build_track_payload, {**record, "pad": ""}, **options)
    assume(isinstance(payload, dict))
    room = LIMIT - compact(payload)
    pad = CHARACTER[size] * (room // size) + "x" * (room % size)
    assert compact(build_track_payload({**record, "pad": pad}, **options)) == LIMIT
    for one_more in (pad + "x", "x" + pad):
        with pytest.raises(PayloadTooLargeError):
            build_track_payload({**record, "pad": one_more}, **options)


@pytest.mark.parametrize(
    ("text", "size"), [("\n", 2), ("\x1f", 6), ('"', 2), ("\\", 2), ("/", 1), ("\x7f", 1), ("\u2028", 3), ("\ud83d", 6)]
)
def test_a_character_counts_as_its_shortest_form_in_json(text, size):
    record = {"action": "browse", "cID": "c1"}
    room = LIMIT - compact(build_track_payload({**record, "pad": ""}))
    assert build_track_payload({**record, "pad": text * (room // size)})
    with pytest.raises(PayloadTooLargeError):
        build_track_payload({**record, "pad": text * (room // size + 1)})


# enrich_email_fields and is_blocked


@fixed
@given(RECORDS)
def test_an_enriched_record_is_the_record_and_more_and_shares_what_is_deeper(record):
    before = copy.deepcopy(record)
    enriched = enrich_email_fields(record)
    assert same(record, before)
    assert enriched is not record
    assert list(enriched)[: len(record)] == list(record)
    assert enriched.keys() - record.keys() <= EMAIL_FIELDS
    for key, value in record.items():
        if isinstance(value, dict) and enriched[key] is not value:
            assert key in ("system_properties", "sp")
            assert same(enriched[key], {name: child for name, child in value.items() if name != "link"})
        else:
            assert enriched[key] is value
    assert same(enrich_email_fields(enriched), enriched), "a second time adds nothing"


@fixed
@given(RECORDS)
def test_a_payload_of_an_email_has_the_fields_that_enriching_adds(record):
    """Unless the flattened record has a property of that name, which stays."""
    try:
        flat = flatten(record)
    except KeyCollisionError:
        return
    enriched = enrich_email_fields(record)
    assume(not EMAIL_FIELDS & (flat.keys() - record.keys()))
    payload = outcome(build_track_payload, record, channel="email")
    assert payload == outcome(build_track_payload, enriched, channel="email")


@fixed
@given(RECORDS)
def test_a_policy_that_sends_all_is_as_good_as_none(record):
    assert is_blocked(record, Policy()) == is_blocked(record)
