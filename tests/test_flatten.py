"""flatten: nested data to one flat dict, with nothing lost; the usual cases are among the calls in vectors/."""

import sys

import pytest

from cordial_segment import KeyCollisionError, NestingError, flatten

K, M = "k" * 2_000, "m" * 2_000  # longer than the quick walk reads
LEAVES = {
    "integers as keys": ({1: {2: "x"}, -3: "y"}, {"1_2": "x", "-3": "y"}),
    "1 twice": ({1: {"x": 0}, "1": {"y": 0}}, {"1_x": 0, "1_y": 0}),
    "tuple": ((1, [2], ()), {"0": 1, "1_0": 2, "2": []}),
    "tuple inside": ({"a": (1, {"b": 2}), "c": ()}, {"a_0": 1, "a_1_b": 2, "c": []}),
    "another leaf": ({"a": b"6", "b": [b"7", {}], "c": 1}, {"a": b"6", "b_0": b"7", "b_1": {}, "c": 1}),
    "long list": ([[n] for n in range(1_001)], {f"{n}_0": n for n in range(1_001)}),
    "long keys": (
        {K: {"a": {M: {"b": [1, {}, b""], "c": 2}, "d": 3}, "e": 4}, "f": 5},
        dict(
            zip(
                (*(f"{K}_a_{M}_{k}" for k in ("b_0", "b_1", "b_2", "c")), f"{K}_a_d", f"{K}_e", "f"),
                (1, {}, b"", 2, 3, 4, 5),
            )
        ),
    ),
}


@pytest.mark.parametrize("name", LEAVES)
def test_flatten(name):
    """Each leaf stands under the keys that lead to it."""
    data, flat = LEAVES[name]
    assert list(flatten(data).items()) == list(flat.items())
    assert [type(value) for value in flatten(data).values()] == [type(value) for value in flat.values()]


def test_flatten_shares_no_container():
    data = {"a": {}, "b": [[], {"c": ()}], "d": {"e": {}}, "flat": 1}
    flat = flatten(data)
    for value in flat.values():
        if value != 1:
            value.update(new=1) if isinstance(value, dict) else value.append(1)
    assert flat == {"a": {"new": 1}, "b_0": [1], "b_1_c": [1], "d_e": {"new": 1}, "flat": 1}
    assert data == {"a": {}, "b": [[], {"c": ()}], "d": {"e": {}}, "flat": 1}
    assert flatten(plain := {"a": 1}) == plain
    assert flatten(plain) is not plain


@pytest.mark.parametrize(
    ("data", "key", "paths"),
    [
        ({"a": {"b": b"x"}, "a_b": b"x"}, "a_b", ("a.b", "a_b")),
        ({"a": {"b": ()}, "a_b": ()}, "a_b", ("a.b", "a_b")),
        ({1: "x", "1": "y"}, "1", ("1", "1")),
        ({"a": {"b": {"c": 1}, "b_c": 2}, "a_b": {"c": 3}}, "a_b_c", ("a.b.c", "a.b_c")),
    ],
    ids=["bytes", "tuples", "number", "three"],
)
def test_collision(data, key, paths):
    """The key and both paths are told."""
    with pytest.raises(KeyCollisionError) as caught:
        flatten(data)
    assert (caught.value.key, caught.value.paths, caught.value.path) == (key, paths, paths[1])
    assert all(text in str(caught.value) for text in (repr(key), *paths))


# Depth


def nested(depth, kind, leaf=1):
    """Put **leaf** into **depth** containers."""
    for _ in range(depth):
        leaf = {"a": leaf} if kind is dict else kind([leaf])
    return leaf


@pytest.mark.parametrize(("kind", "key"), [(dict, "a"), (list, "0"), (tuple, "0")], ids=["dict", "list", "tuple"])
@pytest.mark.parametrize("limit", [{}, {"max_depth": 1}, {"max_depth": 3}], ids=["default", "1", "3"])
def test_max_depth(kind, key, limit):
    """The default is 100. The data itself counts, as does an empty container. The error names the first too deep."""
    depth = limit.get("max_depth", 100)
    assert flatten(nested(depth, kind), **limit) == {"_".join([key] * depth): 1}
    for too_deep in (nested(depth + 1, kind), nested(depth, kind, {}), nested(depth, kind, []), nested(500, kind)):
        with pytest.raises(NestingError, match=f"deeper than {depth}") as caught:
            flatten(too_deep, **limit)
        assert caught.value.path == ".".join([key] * depth)


def test_max_depth_beyond_the_interpreters_own():
    depth = sys.getrecursionlimit() + 100
    assert flatten(nested(depth, dict), separator="", max_depth=depth) == {"a" * depth: 1}
    with pytest.raises(NestingError):
        flatten(nested(depth + 1, list), max_depth=depth)
    with pytest.raises(KeyCollisionError) as caught:
        flatten({**nested(150, dict), "_".join("a" * 150): 0}, max_depth=200)
    assert caught.value.paths == (".".join("a" * 150), "_".join("a" * 150))


def test_loop_is_too_deep():
    loop = {"a": []}
    loop["a"].append(loop)
    with pytest.raises(NestingError, match="contains itself") as caught:
        flatten(loop)
    assert caught.value.path.startswith("a.0.a.0.")


# Arguments of the wrong kind


@pytest.mark.parametrize(
    "data", ["text", b"bytes", None, 5, {1, 2}, iter([]), dict], ids=lambda data: type(data).__name__
)
def test_data_of_another_kind(data):
    with pytest.raises(TypeError, match="data must be a mapping, list or tuple, not"):
        flatten(data)


def test_option_of_another_kind():
    wrong = {"separator": (None, 1, b"_"), "max_depth": ("9", 1.0, True, None)}
    for option, value in ((option, value) for option, values in wrong.items() for value in values):
        with pytest.raises(TypeError, match=f"{option} must be"):
            flatten({"a": 1}, **{option: value})
    for depth in (0, -1):
        with pytest.raises(ValueError, match=f"max_depth must be at least 1, not {depth}"):
            flatten({"a": 1}, max_depth=depth)
    with pytest.raises(TypeError):
        flatten({"a": 1}, ".")
