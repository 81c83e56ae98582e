"""flatten: nested data to one flat dict, with nothing lost."""

import copy
import sys
from types import MappingProxyType

import pytest

from cordial_segment import InvalidFieldError, KeyCollisionError, NestingError, PayloadTooLargeError, flatten
from cordial_segment._flattening import leaves


@pytest.mark.parametrize(
    ("data", "flat"),
    [
        ({}, {}),
        ([], {}),
        ((), {}),
        ({"a": 1}, {"a": 1}),
        ({"a": {"b": {"c": 1}}}, {"a_b_c": 1}),
        ({"a": [1, [2, 3]]}, {"a_0": 1, "a_1_0": 2, "a_1_1": 3}),
        ({"a": (1, {"b": 2})}, {"a_0": 1, "a_1_b": 2}),
        ([1, {"a": 2}], {"0": 1, "1_a": 2}),
        ((1, [2]), {"0": 1, "1_0": 2}),
        ({"a": {}, "b": [], "c": ()}, {"a": {}, "b": [], "c": []}),
        ({"a": {"b": {}}, "c": [[]]}, {"a_b": {}, "c_0": []}),
        ({"a": 0, "b": "", "c": False, "d": None, "e": 0.0}, {"a": 0, "b": "", "c": False, "d": None, "e": 0.0}),
        ({"a": {"b": 0, "c": "", "d": False, "e": None}}, {"a_b": 0, "a_c": "", "a_d": False, "a_e": None}),
        ({1: {2: "x"}, -3: "y"}, {"1_2": "x", "-3": "y"}),
        ({"": {"": 1}}, {"_": 1}),
        ({"a b": {"c-d": "é"}}, {"a b_c-d": "é"}),
        (MappingProxyType({"a": MappingProxyType({"b": 1, "c": MappingProxyType({})})}), {"a_b": 1, "a_c": {}}),
        ({"a": {"b": "x", "c": b"y"}}, {"a_b": "x", "a_c": b"y"}),
        ({"a": [{}, {"b": []}, 1]}, {"a_0": {}, "a_1_b": [], "a_2": 1}),
    ],
)
def test_each_leaf_stands_under_the_keys_that_lead_to_it(data, flat):
    assert flatten(data) == flat
    assert [type(value) for value in flatten(data).values()] == [type(value) for value in flat.values()]


def test_order_is_the_documents():
    data = {"z": 1, "a": {"y": 2, "b": [3, {"x": 4}]}, "m": 5, "c": {}}
    assert list(flatten(data)) == ["z", "a_y", "a_b_0", "a_b_1_x", "m", "c"]
    assert list(flatten({**data, "odd": {1}})) == ["z", "a_y", "a_b_0", "a_b_1_x", "m", "c", "odd"]


@pytest.mark.parametrize(
    ("separator", "key"), [(".", "a.b.0"), ("", "ab0"), (" -> ", "a -> b -> 0"), ("\0", "a\0b\0000")]
)
@pytest.mark.parametrize("leaf", [1, b"1"], ids=["plain", "careful"])
def test_the_separator_stands_between_the_parts(separator, key, leaf):
    assert flatten({"a": {"b": [leaf]}}, separator=separator) == {key: leaf}


@pytest.mark.parametrize("leaf", ["text", b"bytes", {1, 2}, frozenset(), range(3), object(), Exception, 1 + 2j])
def test_any_other_object_is_a_leaf_and_comes_out_as_itself(leaf):
    flat = flatten({"a": [leaf], "b": leaf})
    assert list(flat) == ["a_0", "b"]
    assert flat["a_0"] is leaf
    assert flat["b"] is leaf


def test_long_lists_count_on():
    """Indexes past those kept ready are as good."""
    items = [{"n": number} for number in range(250)]
    assert flatten({"i": items}) == {f"i_{number}_n": number for number in range(250)}
    assert flatten(list(range(101))) == {str(number): number for number in range(101)}


def test_a_wide_flat_dict_comes_out_whole_and_new():
    data = {f"k{number}": number for number in range(500)}
    flat = flatten(data)
    assert flat == data
    assert list(flat) == list(data)
    assert flat is not data


@pytest.mark.parametrize("last", [{}, [], {"x": 1}, b"b", ()])
def test_a_wide_dict_with_one_value_that_is_not_flat_is_flattened(last):
    data = {**{f"k{number}": number for number in range(500)}, "last": last}
    assert flatten(data) == {**flatten({"last": last}), **{f"k{number}": number for number in range(500)}}


def test_a_wide_dict_with_one_key_that_is_no_string_is_flattened():
    assert flatten({**{f"k{number}": 0 for number in range(500)}, 7: 1})["7"] == 1


def test_input_is_not_changed_and_nothing_mutable_is_shared():
    data = {"a": {}, "b": [[], {"c": ()}], "d": {"e": {}}}
    before = copy.deepcopy(data)
    flat = flatten(data)
    for value in flat.values():
        if isinstance(value, dict):
            value["new"] = 1
        else:
            value.append(1)
    assert data == before


@pytest.mark.parametrize(
    ("data", "separator", "key", "paths"),
    [
        ({"a": {"b": 1}, "a_b": 2}, "_", "a_b", ("a.b", "a_b")),
        ({"a_b": 2, "a": {"b": 1}}, "_", "a_b", ("a_b", "a.b")),
        ({"a": {"b_c": 1}, "a_b": {"c": 2}}, "_", "a_b_c", ("a.b_c", "a_b.c")),
        ({"a": [5], "a.0": 1}, ".", "a.0", ("a.0", "a.0")),
        ({1: "x", "1": "y"}, "_", "1", ("1", "1")),
        ({"ab": 1, "a": {"b": 2}}, "", "ab", ("ab", "a.b")),
        ({"a": {"b": {}}, "a_b": ()}, "_", "a_b", ("a.b", "a_b")),
        ({"a": {"b": b"x"}, "a_b": b"y"}, "_", "a_b", ("a.b", "a_b")),
        ({"x": 0, "p": [{"a": {"b": 1}, "a_b": 2}]}, "_", "p_0_a_b", ("p.0.a.b", "p.0.a_b")),
    ],
)
def test_two_places_with_one_key_are_an_error_that_names_both(data, separator, key, paths):
    with pytest.raises(KeyCollisionError) as caught:
        flatten(data, separator=separator)
    error = caught.value
    assert (error.key, error.paths, error.path) == (key, paths, paths[1])
    assert str(error) == (
        f"{paths[1]}: flattens to {key!r}, and so does {paths[0]}: rename one, or use another separator"
    )


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (None, "None"),
        (1.5, "1.5"),
        (True, "True"),
        (b"k", "a value of type bytes"),
        ((1, 2), "a value of type tuple"),
        pytest.param(10**5000, "a value of type int", id="huge"),
    ],
)
@pytest.mark.parametrize("wide", [False, True])
def test_a_key_of_another_kind_is_an_error_that_names_the_path(key, shown, wide):
    data = {"a": [{key: 1}]}
    with pytest.raises(InvalidFieldError, match="keys are strings or integers") as caught:
        flatten({**{f"k{number}": number for number in range(500 * wide)}, **data})
    assert caught.value.path == f"a.0.{shown}"
    assert str(caught.value).startswith(f"a.0.{shown}: {shown} is no key")


def nested(depth: int, kind: type, leaf: object = 1):
    """Give **leaf** in **depth** containers."""
    for _ in range(depth):
        leaf = {"a": leaf} if kind is dict else kind([leaf])
    return leaf


@pytest.mark.parametrize("kind", [dict, list, tuple])
def test_as_many_containers_as_max_depth_may_nest(kind):
    key = "a" if kind is dict else "0"
    assert flatten(nested(100, kind)) == {"_".join([key] * 100): 1}
    assert flatten(nested(3, kind), max_depth=3) == {"_".join([key] * 3): 1}
    assert flatten(nested(1, kind), max_depth=1) == {key: 1}
    assert flatten(nested(0, kind, {}), max_depth=1) == {}


@pytest.mark.parametrize("kind", [dict, list, tuple])
@pytest.mark.parametrize("leaf", [1, {}, [], (), b"x"])
def test_one_more_is_an_error_that_names_the_path(kind, leaf):
    key = "a" if kind is dict else "0"
    for max_depth in (1, 3, 100):
        for extra in (1, 2, 50):
            with pytest.raises(NestingError) as caught:
                flatten(nested(max_depth + extra, kind, leaf), max_depth=max_depth)
            assert caught.value.path == ".".join([key] * max_depth)
            assert f"deeper than {max_depth}" in str(caught.value)


@pytest.mark.parametrize("leaf", [{}, [], ()])
def test_an_empty_container_counts_as_one(leaf):
    assert list(flatten({"a": leaf}, max_depth=2)) == ["a"]
    with pytest.raises(NestingError):
        flatten({"a": leaf}, max_depth=1)


def test_depth_past_the_interpreters_own_limit_is_no_recursion_error():
    deep = sys.getrecursionlimit() * 5
    assert flatten(nested(deep, dict), separator="", max_depth=deep) == {"a" * deep: 1}
    with pytest.raises(NestingError):
        flatten(nested(deep + 1, list), max_depth=deep)


def test_a_structure_that_contains_itself_ends_too():
    loop: dict = {"a": []}
    loop["a"].append(loop)
    with pytest.raises(NestingError, match="contains itself"):
        flatten(loop)


@pytest.mark.parametrize("data", ["text", b"bytes", None, 5, {1, 2}, object()])
def test_what_is_no_container_is_a_type_error(data):
    with pytest.raises(TypeError, match="data must be a mapping, list or tuple, not"):
        flatten(data)


@pytest.mark.parametrize("separator", [None, 1, b"_"])
def test_a_separator_that_is_no_string_is_a_type_error(separator):
    with pytest.raises(TypeError, match="separator must be a string"):
        flatten({"a": 1}, separator=separator)


@pytest.mark.parametrize(
    ("max_depth", "error"), [("9", TypeError), (True, TypeError), (1.0, TypeError), (0, ValueError)]
)
def test_a_max_depth_that_makes_no_sense_is_an_error(max_depth, error):
    with pytest.raises(error, match="max_depth must be"):
        flatten({"a": 1}, max_depth=max_depth)


@pytest.mark.parametrize(
    ("data", "bytes_of_json"),
    [
        ({"ab": 1}, 6),
        ({"": 1}, 4),
        ({"a": {"b": 1}}, 7),
        ({"a": []}, 5),
        ({"a": 1, "b": 2}, 10),
        ([[1, 2], {"": 3}], 20),
        ({"abcd": 1, "efgh": 2}, 16),
        ({"abcde": 1, "fghij": 2}, 18),
    ],
)
def test_leaves_end_where_their_json_cannot_fit(data, bytes_of_json):
    """Each takes its key and four characters at the least: two quotes, a colon, and a comma or brace."""
    assert len([*leaves(data, "_", 9, bytes_of_json)]) == len(flatten(data))
    with pytest.raises(PayloadTooLargeError, match=f"over {bytes_of_json - 1} bytes") as caught:
        list(leaves(data, "_", 9, bytes_of_json - 1))
    assert caught.value.path is not None


def test_a_container_under_too_long_a_key_is_not_opened():
    class Sealed(dict):
        def items(self):
            raise AssertionError("opened")

    with pytest.raises(PayloadTooLargeError):
        list(leaves({"long": Sealed(a=1)}, "_", 9, 7))


def test_options_are_given_by_name():
    with pytest.raises(TypeError):
        flatten({"a": 1}, ".")  # type: ignore[misc]
