"""What holds for every record, tried on many made-up ones, against references written in the plainest way."""

import copy
import json
from collections import UserDict
from contextlib import suppress
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
CLICK = {"action": "click", "cID": "c1"}
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
def test_flatten_by_the_plainest_reading(data, separator):
    """Every leaf is under the key of its path, or the collision is an error; nothing is changed or shared."""
    before = copy.deepcopy(data)
    places = [(separator.join(path), path, value) for path, value in leaves(data)]
    keys = [key for key, _, _ in places]
    if len({*keys}) == len(keys):
        for given_as in (data, as_mappings(data)):
            flat = flatten(given_as, separator=separator)
            assert same(list(flat.items()), [(key, value) for key, _, value in places])
            assert not containers(flat) & containers(data)
    else:
        for given_as in (data, as_mappings(data)):
            with pytest.raises(KeyCollisionError) as caught:
                flatten(given_as, separator=separator)
            assert caught.value.paths == tuple(".".join(path) for key, path, _ in places if key == caught.value.key)[:2]
    assert same(data, before)


# build_track_payload


@fixed
@given(RECORDS, SEPARATORS)
@example({**CLICK, "sp": {"link": "l", "rl": "l"}, "time": "2021-10-22T16:11:48Z"}, "_")
@example({"action": "browse", "cID": "c1", "": 1}, "_")
@example({"action": "browse", "cID": "c1", "ti": {"me": 1}, "time": "2021-10-22T16:11:48Z"}, "")
@example({**CLICK, "link_url": True, "sp": {"link": 1}}, "_")
def test_each_leaf_is_a_property_but_the_time_and_a_needless_link(record, separator):
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
def test_payload_is_made_of_the_record_alone(record, channel):
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
ODD_TREES = st.recursive(LEAVES | ODD, lambda t: st.lists(t) | st.dictionaries(ODD_KEYS, t), max_leaves=8)


@fixed
@given(st.dictionaries(ODD_KEYS, ODD_TREES, max_size=4), st.dictionaries(KEYS, ODD_TREES, max_size=2))
def test_payload_always_serialises(record, other):
    """And nothing but a TranslationError is raised about it."""
    for given_as in (record, {**CLICK, **record}):
        payload = outcome(build_track_payload, given_as, message=other, context=other)
        assert not isinstance(payload, dict) or json.dumps(payload, allow_nan=False)
        outcome(is_blocked, given_as, Policy())


LIMIT = 32_768
WIDTHS = {"x": 1, "é": 2, "€": 3, "🎉": 4, "\ud83d": 6}


def compact(payload):
    """Return the bytes of the most compact JSON there is; a lone surrogate is written as its escape of six."""
    return len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace"))


@fixed
@given(RECORDS, st.sampled_from([*WIDTHS]), st.sampled_from(["", "w" * 5000]), st.sampled_from(["_", "=" * 9000]))
@example({**CLICK, "ts": "2021-10-22T16:11:48.123456Z", "n": 2**70}, "x", "", "_")
@example({**CLICK, "sp": {"link": "l" * 20_000, "rl": ""}, "link_url": "l" * 20_000}, "x", "", "_")
@example({**CLICK, "sp": {"link": ""}, "n": 2**70}, "x", "", "=" * 9000)
@example({**CLICK, "sp": {"link": 10**4000}, "link_url": 10**4000}, "x", "", "_")
def test_payload_of_32768_bytes_fits_and_of_one_more_does_not(record, character, write_key, separator):
    options = {"write_key": write_key, "separator": separator}
    payload = outcome(build_track_payload, {**record, "pad": ""}, **options)
    assume(isinstance(payload, dict))
    count, rest = divmod(LIMIT - compact(payload), WIDTHS[character])
    pad = character * count + "x" * rest
    assert compact(build_track_payload({**record, "pad": pad}, **options)) == LIMIT
    for one_more in (pad + "x", "x" + pad):
        with pytest.raises(PayloadTooLargeError):
            build_track_payload({**record, "pad": one_more}, **options)


# enrich_email_fields


@fixed
@given(RECORDS)
def test_enriched_record_is_the_record_and_more(record):
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
    with suppress(KeyCollisionError):
        if not EMAIL_FIELDS & (flatten(record).keys() - record.keys()):  # a property of that name would stay
            payload = outcome(build_track_payload, record, channel="email")
            assert payload == outcome(build_track_payload, enriched, channel="email")
