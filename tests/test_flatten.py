"""flatten: nested data to one flat dict, with nothing lost."""

import sys

import pytest

from cordial_segment import InvalidFieldError, KeyCollisionError, NestingError, flatten


@pytest.mark.parametrize(
    ("data", "flat"),
    [
        # A child's key is its parent's key, the separator, then its own key or index.
        ({"a": 1}, {"a": 1}),
        ({"a": {"b": {"c": 1}}}, {"a_b_c": 1}),
        ({"a": [1, [2, 3]]}, {"a_0": 1, "a_1_0": 2, "a_1_1": 3}),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a_0_b": 1, "a_1_b": 2}),
        ({"a b": {"c-d": "é"}}, {"a b_c-d": "é"}),
        ({"": {"": 1}}, {"_": 1}),
        ({1: {2: "x"}, -3: "y"}, {"1_2": "x", "-3": "y"}),
        # The data itself may be a list or tuple; a tuple counts as a list.
        ([1, {"a": 2}], {"0": 1, "1_a": 2}),
        ((1, [2]), {"0": 1, "1_0": 2}),
        ({"a": (1, {"b": 2})}, {"a_0": 1, "a_1_b": 2}),
        # Nothing is lost: not an empty container, not a value that is false.
        ({"a": {}, "b": [], "c": ()}, {"a": {}, "b": [], "c": []}),
        ({"a": {"b": {}}, "c": [[]]}, {"a_b": {}, "c_0": []}),
        ({"a": [{}, {"b": []}, 1]}, {"a_0": {}, "a_1_b": [], "a_2": 1}),
        ({"a": {"b": 0, "c": "", "d": False, "e": None}}, {"a_b": 0, "a_c": "", "a_d": False, "a_e": None}),
        # Only data that is empty itself has no leaf.
        ({}, {}),
        ([], {}),
        ((), {}),
    ],
)
def test_each_leaf_stands_under_the_keys_that_lead_to_it(data, flat):
    assert flatten(data) == flat
    assert [type(value) for value in flatten(data).values()] == [type(value) for value in flat.values()]


def test_order_is_the_documents():
    data = {"z": 1, "a": {"y": 2, "b": [3, {"x": 4}]}, "m": 5, "c": {}, "odd": b"6"}
    assert list(flatten(data)) == ["z", "a_y", "a_b_0", "a_b_1_x", "m", "c", "odd"]


@pytest.mark.parametrize(
    ("separator", "key"), [(".", "a.b.0"), ("", "ab0"), (" -> ", "a -> b -> 0"), ("\0", "a\0b\0000")]
)
def test_the_separator_stands_between_the_parts_of_a_key(separator, key):
    assert flatten({"a": {"b": [1]}}, separator=separator) == {key: 1}


def test_keys_of_any_length_stand_before_what_is_below_them_and_before_nothing_else():
    k, m = "k" * 2_000, "m" * 2_000
    data = {k: {"a": {m: {"b": [1, {}], "c": 2}, "d": 3}, "e": 4}, "f": 5}
    flat = [
        (f"{k}-a-{m}-b-0", 1),
        (f"{k}-a-{m}-b-1", {}),
        (f"{k}-a-{m}-c", 2),
        (f"{k}-a-d", 3),
        (f"{k}-e", 4),
        ("f", 5),
    ]
    assert list(flatten(data, separator="-").items()) == flat


def test_indexes_count_on_without_padding():
    flat = flatten([{"n": number} for number in range(1200)])
    assert list(flat.items()) == [(f"{number}_n", number) for number in range(1200)]


def test_the_data_is_not_changed_and_no_container_is_shared_with_it():
    data = {"a": {}, "b": [[], {"c": ()}], "d": {"e": {}}}
    for value in (flat := flatten(data)).values():
        value.update(new=1) if isinstance(value, dict) else value.append(1)
    assert flat == {"a": {"new": 1}, "b_0": [1], "b_1_c": [1], "d_e": {"new": 1}}
    assert data == {"a": {}, "b": [[], {"c": ()}], "d": {"e": {}}}


def test_data_that_is_flat_already_comes_out_equal_and_new():
    data = {"a": 1, "b_c": "x"}
    assert flatten(data) == data
    assert flatten(data) is not data


# Two places for one key


@pytest.mark.parametrize(
    ("data", "separator", "key", "paths"),
    [
        ({"a": {"b": 1}, "a_b": 2}, "_", "a_b", ("a.b", "a_b")),
        ({"a_b": 2, "a": {"b": 1}}, "_", "a_b", ("a_b", "a.b")),
        ({"a": {"b_c": 1}, "a_b": {"c": 2}}, "_", "a_b_c", ("a.b_c", "a_b.c")),
        ({"x": 0, "p": [{"a": {"b": 1}, "a_b": 2}]}, "_", "p_0_a_b", ("p.0.a.b", "p.0.a_b")),
        ({"a": {"b": {}}, "a_b": ()}, "_", "a_b", ("a.b", "a_b")),
        ({"a": {"b": b"x"}, "a_b": b"x"}, "_", "a_b", ("a.b", "a_b")),
        ({"a": [5], "a.0": 1}, ".", "a.0", ("a.0", "a.0")),
        ({"ab": 1, "a": {"b": 2}}, "", "ab", ("ab", "a.b")),
        ({"": {"": 1}, "_": 2}, "_", "_", (".", "_")),
        ({1: "x", "1": "y"}, "_", "1", ("1", "1")),
    ],
)
def test_two_places_with_one_key_are_an_error_that_names_the_key_and_both(data, separator, key, paths):
    with pytest.raises(KeyCollisionError) as caught:
        flatten(data, separator=separator)
    assert (caught.value.key, caught.value.paths, caught.value.path) == (key, paths, paths[1])
    assert all(text in str(caught.value) for text in (repr(key), *paths))


def test_another_separator_resolves_a_collision():
    assert flatten({"a": {"b": 1}, "a_b": 2}, separator=".") == {"a.b": 1, "a_b": 2}


# Depth


def nested(depth, kind, leaf=1):
    """Put **leaf** into **depth** containers."""
    for _ in range(depth):
        leaf = {"a": leaf} if kind is dict else kind([leaf])
    return leaf


@pytest.mark.parametrize(("kind", "key"), [(dict, "a"), (list, "0"), (tuple, "0")])
@pytest.mark.parametrize("limit", [{}, {"max_depth": 100}, {"max_depth": 1}, {"max_depth": 3}])
def test_as_many_containers_as_max_depth_may_nest_and_no_more(kind, key, limit):
    """The default is 100. The data itself counts, as does an empty container. The error names the first too deep."""
    depth = limit.get("max_depth", 100)
    assert flatten(nested(depth, kind), **limit) == {"_".join([key] * depth): 1}
    for too_deep in (nested(depth + 1, kind), nested(depth, kind, {}), nested(depth, kind, []), nested(500, kind)):
        with pytest.raises(NestingError, match=f"deeper than {depth}") as caught:
            flatten(too_deep, **limit)
        assert caught.value.path == ".".join([key] * depth)


def test_a_collision_deeper_than_the_default_max_depth_names_both_places():
    key = "_".join("a" * 150)
    with pytest.raises(KeyCollisionError) as caught:
        flatten({**nested(150, dict), key: 0}, max_depth=200)
    assert caught.value.paths == (".".join("a" * 150), key)


def test_max_depth_may_be_larger_than_the_interpreters_own_limit():
    depth = sys.getrecursionlimit() + 100
    assert flatten(nested(depth, dict), separator="", max_depth=depth) == {"a" * depth: 1}
    with pytest.raises(NestingError):
        flatten(nested(depth + 1, list), max_depth=depth)


def test_a_structure_that_contains_itself_is_too_deep():
    loop = {"a": []}
    loop["a"].append(loop)
    with pytest.raises(NestingError, match="contains itself") as caught:
        flatten(loop)
    assert caught.value.path.startswith("a.0.a.0.")


# Keys and arguments of the wrong kind


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (None, "None"),
        (True, "True"),
        (False, "False"),
        (1.5, "1.5"),
        (b"k", "a value of type bytes"),
        ((1, 2), "a value of type tuple"),
        pytest.param(10**5000, "a value of type int", id="huge"),
    ],
)
def test_a_key_that_is_no_string_and_no_integer_is_an_error_that_names_the_path(key, shown):
    with pytest.raises(InvalidFieldError, match="keys are strings or integers") as caught:
        flatten({"a": [{key: 1}]})
    assert caught.value.path == f"a.0.{shown}"


@pytest.mark.parametrize("data", ["text", b"bytes", None, 5, {1, 2}, object(), iter([]), dict])
def test_what_is_no_mapping_list_or_tuple_is_a_type_error(data):
    with pytest.raises(TypeError, match="data must be a mapping, list or tuple, not"):
        flatten(data)


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"separator": None}, TypeError),
        ({"separator": 1}, TypeError),
        ({"separator": b"_"}, TypeError),
        ({"max_depth": "9"}, TypeError),
        ({"max_depth": 1.0}, TypeError),
        ({"max_depth": True}, TypeError),
        ({"max_depth": None}, TypeError),
        ({"max_depth": 0}, ValueError),
        ({"max_depth": -(10**5000)}, ValueError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else next(iter(value)),
)
def test_an_option_that_makes_no_sense_is_an_error_that_names_it(option, error):
    (name,) = option
    with pytest.raises(error, match=f"{name} must be"):
        flatten({"a": 1}, **option)


def test_options_are_passed_by_name():
    with pytest.raises(TypeError):
        flatten({"a": 1}, ".")
