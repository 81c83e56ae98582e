"""The main path stays short: how many bytecode instructions it takes, which no noise can change."""

import inspect
import json
import math
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from cordial_segment import (
    Allow,
    Block,
    BlockAll,
    Channel,
    InvalidFieldError,
    KeyCollisionError,
    PayloadTooLargeError,
    Policy,
    SendAll,
    TranslationError,
    _flattening,
    _payloads,
    _properties,
    build_track_payload,
    flatten,
    is_blocked,
)

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
CLICK = json.loads((EXAMPLES / "click.json").read_text(encoding="utf-8"))
CART = json.loads((EXAMPLES / "custom-cart.json").read_text(encoding="utf-8"))
MESSAGE = json.loads((EXAMPLES / "click.message.json").read_text(encoding="utf-8"))
POLICY = Policy(
    email=Allow("open", "click"), mobile=BlockAll(), sms=Block("click"), rest=SendAll(), custom=Block("browse")
)


def instructions(call):
    """Count the bytecode instructions that **call** runs in Python functions."""
    call()  # what is specialised, cached or imported at first use is so before the count
    count = 0

    def trace(frame, event, _):
        nonlocal count
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    for _ in range(2):  # since Python 3.12 the first traced call may go uncounted
        count = 0
        sys.settrace(trace)
        try:
            call()
        finally:
            sys.settrace(before)
    return count


# As counted when the code was written, by version of Python; two in a hundred more or less are let pass.
COUNTS = {
    "build_track_payload, click": {(3, 11): 2854, (3, 12): 2660, (3, 13): 2535},
    "build_track_payload, cart": {(3, 11): 2855, (3, 12): 2677, (3, 13): 2567},
    "is_blocked, click": {(3, 11): 410, (3, 12): 373, (3, 13): 371},
    "flatten, click": {(3, 11): 1264, (3, 12): 1164, (3, 13): 1084},
}
CALLS = {
    "build_track_payload, click": lambda: build_track_payload(CLICK, message=MESSAGE),
    "build_track_payload, cart": lambda: build_track_payload(CART),
    "is_blocked, click": lambda: is_blocked(CLICK, POLICY),
    "flatten, click": lambda: flatten(CLICK),
}


@pytest.mark.parametrize("name", COUNTS)
def test_the_main_path_takes_no_more_instructions_than_it_did(name):
    counted = COUNTS[name].get(sys.version_info[:2])
    if counted is None:
        pytest.skip("not counted on this version of Python")
    assert counted * 0.98 < instructions(CALLS[name]) < counted * 1.02


def chain(depth, wrap, leaf):
    for _ in range(depth):
        leaf = wrap(leaf)
    return leaf


PLAIN = [
    {},
    {"a": 1, "b": "x", "c": None, "d": True, "e": False, "f": 1.5, "g": 0, "h": "", "i": 0.0, "j": -(1 << 63)},
    {"a": {"b": 1, "c": "x", "d": None, "e": True, "f": -2.5, "g": {"h": (1 << 64) - 1, "i": 1 - (1 << 64)}}},
    {"a": [], "b": {}, "c": {"d": [], "e": {}}, "f": [[], {}]},
    {"a": [1, "x", None, [False, {"b": [2.5]}]]},
    {"a": [{"n": number} for number in range(250)]},
    {"a": list(range(100)), "b": list(range(101)), "c": list(range(99))},
    {"1": {"2": {"3": {"4": 5}}}},
    {"é": {"ü": "ß"}, "": {"": 0}},
    {"deep": chain(98, lambda inner: {"n": inner}, {"leaf": 1})},
    {"deep": chain(98, lambda inner: [inner], [])},
    {"deep": chain(98, lambda inner: (inner,), ())},
    {
        "deep": [
            chain(45, lambda inner: [{"n": inner}], leaf) for leaf in ([], {}, 1, "x", None, 0.5, [1, 2], {"a": {}})
        ]
    },
    {"t": (1, "x", (2,), ((),), [()], ({},))},
    {"long": "x" * 32_000},
    {"k" * 100: [{"n": 1}] * 250},
]


@pytest.fixture
def no_careful_way(monkeypatch):
    def unreachable(*_):
        raise AssertionError("plain data took the careful way")

    monkeypatch.setattr(_flattening, "leaves", unreachable)
    monkeypatch.setattr(_properties, "leaves", unreachable)


@pytest.mark.parametrize("data", PLAIN, ids=range(len(PLAIN)))
@pytest.mark.usefixtures("no_careful_way")
def test_plain_data_takes_the_short_way(data):
    record = {"action": "browse", "cID": "c1", **data}
    assert build_track_payload(record)["properties"] == flatten(record)


@pytest.mark.parametrize(
    ("data", "error", "path"),
    [
        ({"a": {"b": [1, math.nan]}}, "InvalidFieldError", "a.b.1"),
        ({"a": [[[[{"b": -math.inf}]]]]}, "InvalidFieldError", "a.0.0.0.0.b"),
        ({"a": {"b": 10**5000}}, "InvalidFieldError", "a.b"),
        ({"a": [{"b": Decimal(1)}]}, "InvalidFieldError", "a.0.b"),
        ({"a": {"b": {"c": [1]}, "b_c": {"0": 2}}}, "KeyCollisionError", "a.b_c.0"),
        ({"a": [[[1]]], "b": [{"c": 1, "d": {}}], "b_0": {"d": None}}, "KeyCollisionError", "b_0.d"),
        ({"a": {"b": {}}, "a_b": {"c": 1}, "a_b_c": 2}, "KeyCollisionError", "a_b_c"),
        ({"a": {"x": 1, "b": [{"c": [0]}]}, "a_b": {"0_c_0": 1}}, "KeyCollisionError", "a_b.0_c_0"),
        ({"a": chain(100, lambda inner: [inner], 1)}, "NestingError", ".".join(["a", *["0"] * 99])),
        ({"a": [0, chain(99, lambda inner: {"n": inner}, [])]}, "NestingError", ".".join(["a", "1", *["n"] * 98])),
        ({"a": chain(99, lambda inner: [inner, 0], {})}, "NestingError", ".".join(["a", *["0"] * 99])),
        ({"a": {"b": [0] * 7000}}, "PayloadTooLargeError", "a.b"),
        ({"a": [[[["x" * 300, [0] * 9000]]]]}, "PayloadTooLargeError", "a.0.0.0.1"),
        ({"a": [[{"b": {"c": [0] * 9000}}]]}, "PayloadTooLargeError", "a.0.0.b.c"),
        ({"a": [{"b": [0] * 9000}, 0]}, "PayloadTooLargeError", "a.0.b"),
        ({"a": {"b": ["x" * 40_000]}, "c": []}, "PayloadTooLargeError", "a.b.0"),
        ({"a": [["x"], [[{"b": math.nan}]], 0]}, "InvalidFieldError", "a.1.0.0.b"),
        ({"a": [["x"], math.nan]}, "InvalidFieldError", "a.1"),
        ({"a": {"b": 1}, "a_b": 2, "c": "x" * 40_000}, "PayloadTooLargeError", None),
    ],
)
@pytest.mark.usefixtures("no_careful_way")
def test_what_is_wrong_in_plain_data_is_told_on_the_short_way_too(data, error, path):
    """So that no record that JSON can hold costs much more than one that is right."""
    with pytest.raises(TranslationError) as caught:
        build_track_payload({"action": "browse", "cID": "c1", **data})
    assert (type(caught.value).__name__, caught.value.path) == (error, path)


def within(frames, call):
    """Call with no more than so many frames of the interpreter's stack left."""

    def down(left):
        return call() if not left else down(left - 1)

    depth = len(inspect.stack())
    return down(sys.getrecursionlimit() - depth - frames)


@pytest.mark.parametrize("frames", [25, 40, 60, 80, 110])
@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"n": inner, "m": 0}])
def test_a_caller_deep_in_the_stack_gets_the_same(frames, wrap):
    data = {"d": chain(90, wrap, 0)}
    flat = flatten(data)
    base = {"action": "browse", "cID": "c1", **data}
    assert within(frames, lambda: flatten(data)) == flat
    assert within(frames, lambda: build_track_payload(base))["properties"].items() >= flat.items()
    last = [*flat][-1]
    with pytest.raises(KeyCollisionError) as caught:
        within(frames, lambda: build_track_payload({**base, last: 1}))
    assert caught.value.key == last


@pytest.mark.parametrize(
    "data", [{"a": {"b": {"c": [1]}, "b_c": {"0": 2}}}, {"a": [[1], {"b": 1, "c": 2}], "a_1": {"c": 3}}]
)
def test_a_collision_is_told_the_same_on_both_ways(data):
    errors = []
    for given in (data, {**data, 5: None}):
        with pytest.raises(KeyCollisionError) as caught:
            build_track_payload({"action": "browse", "cID": "c1", **given})
        errors.append((str(caught.value), caught.value.key, caught.value.paths))
    assert errors[0] == errors[1]


@pytest.mark.parametrize("data", [{"a": ["xyz"]}, {"a": [["x"]]}, {"a": ("xy", "")}])
def test_what_an_only_child_takes_is_counted_to_the_byte(data):
    least = sum(len(key) + len(value) + 4 for key, value in flatten(data).items())
    assert _properties.flatten_to_json(data, "_", least)[0] == flatten(data)
    if len(data["a"]) == 1:
        with pytest.raises(PayloadTooLargeError) as caught:
            _properties.flatten_to_json(data, "_", least - 1)
        assert caught.value.path.startswith("a.0")


def test_a_collision_is_told_where_both_would_fit():
    for limit, error in ((14, KeyCollisionError), (13, PayloadTooLargeError)):
        with pytest.raises(error):
            _properties.flatten_to_json({"a": {"b": None}, "a_b": None}, "_", limit)


@pytest.mark.usefixtures("no_careful_way")
def test_leaves_of_any_type_take_the_short_way_to_flatten():
    leaves = [Decimal(1), b"x", {1}, 10**30, math.nan, Path(), Channel.EMAIL, object(), range(3)]
    assert [*flatten({"a": [{"b": leaf} for leaf in leaves]}).values()] == leaves


class Incomparable(type):
    def refuse(cls, other):
        raise OSError

    __eq__ = __ne__ = refuse
    __hash__ = type.__hash__


class OfIncomparableType(metaclass=Incomparable):
    __eq__ = __ne__ = Incomparable.refuse
    __hash__ = object.__hash__


@pytest.mark.usefixtures("no_careful_way")
def test_values_and_their_types_are_compared_with_nothing():
    """A comparison could run anything; and would send the record the careful way."""
    leaf = OfIncomparableType()
    for beside in ({}, {"c": 1}):
        data = {"a": {"b": leaf, **beside}}
        assert flatten(data)["a_b"] is leaf
        with pytest.raises(InvalidFieldError) as caught:
            build_track_payload({"action": "browse", "cID": "c1", **data})
        assert caught.value.path == "a.b"


@pytest.mark.usefixtures("no_careful_way")
def test_so_does_a_record_that_just_fits():
    assert _properties.flatten_to_json({"a": None, "b": None}, "_", 10) == ({"a": None, "b": None}, 2)


@pytest.mark.parametrize(("prefix", "children"), [("abcd", 2), ("ab", 3), ("abcdefgh", 2), ("a", 5)])
def test_a_container_whose_keys_alone_cannot_fit_is_given_up_before_they_are_made(prefix, children):
    """Each of its leaves takes the prefix and four characters more: two quotes, a colon and a comma."""
    record = {prefix: dict.fromkeys(map(chr, range(97, 97 + children)))}
    least = children * (len(prefix) + 1 + 4)
    assert _properties.flatten_to_json(record, "_", least)[1] == children * (len(prefix) + 2)
    with pytest.raises(PayloadTooLargeError) as caught:
        _properties.flatten_to_json(record, "_", least - 1)
    assert caught.value.path == prefix


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"n": inner}, lambda inner: (inner,)])
def test_a_chain_of_only_children_takes_a_loop_of_its_own(wrap):
    """Half the instructions that a call for each of them would take."""
    few, many = ({"d": chain(depth, wrap, 0)} for depth in (10, 90))
    take = [
        instructions(lambda record=record: _properties.flatten_to_json(record, "_", 1000)) for record in (few, many)
    ]
    assert (take[1] - take[0]) / 80 < 55


def test_short_lists_take_indexes_made_once(monkeypatch):
    """Up to as many as there are; where there are more children, all their indexes are made."""
    for module in (_flattening, _properties):
        monkeypatch.setattr(module, "INDEXES", ("a", "b", "c"))
    monkeypatch.setattr(_properties, "PREPARED", 3)
    assert flatten([5]) == {"a": 5}
    for items, keys in (([5, 6], "ab"), ([5, 6, 7], "abc"), ((5, 6), "ab"), ([5, 6, 7, 8], "0123")):
        assert [*flatten(items)] == [*keys]
        assert [*_properties.flatten_to_json({"d": items}, "_", 99)[0]] == [f"d_{key}" for key in keys]


@pytest.mark.parametrize("spare", [0, 1])
def test_a_payload_that_must_fit_is_not_written_out_to_be_measured(monkeypatch, spare):
    """A bound on its size is enough: 6 bytes for a character, 30 more for a property, 1,000 and the context's size."""
    measured = []

    def size(value):
        measured.append(type(value))
        return 4 + spare

    monkeypatch.setattr(_payloads, "_size", size)
    characters = (32768 - 1000 - 3 * 30 - 4) / 6
    text = "é" * int(characters - len("x" + "c" + "action" + "x" + "cID" + "c" + "t"))
    build_track_payload({"action": "x", "cID": "c", "t": text}, context={})
    assert measured == [list, *[dict] * spare]
    assert characters % 1 == 0


def test_one_with_more_children_than_room_is_given_up_before_they_are_looked_at():
    with pytest.raises(PayloadTooLargeError):
        _properties.flatten_to_json({"a": None, "b": None}, "_", 7)


@pytest.mark.usefixtures("no_careful_way")
def test_so_do_real_records():
    assert build_track_payload(CLICK, message=MESSAGE)["event"] == "Email Link Clicked"
    assert build_track_payload(CART)["event"] == "cart"
    assert len(flatten(CART)) == 26


@pytest.mark.parametrize("data", [[1, "x"], [], [[]], [{"a": [1]}], list(range(300))])
@pytest.mark.usefixtures("no_careful_way")
def test_so_does_a_list(data):
    assert len(flatten(data)) == len(data)


@pytest.mark.parametrize("size", [5, 100, 101, 1000])
@pytest.mark.usefixtures("no_careful_way")
def test_a_wide_flat_dict_is_copied_whole(size):
    """Past 100 keys no Python code looks at each: the effort does not grow."""
    data = {f"k{number}": number for number in range(size)}
    assert flatten(data) == data
    assert (instructions(lambda: flatten(data)) < 350) == (size != 100)
