"""The errors: what they are, what they say, and that it is fit for a log."""

import pytest

import cordial_segment
from cordial_segment import (
    InvalidFieldError,
    KeyCollisionError,
    MissingFieldError,
    NestingError,
    PayloadTooLargeError,
    TranslationError,
    build_track_payload,
    flatten,
)

KINDS = [MissingFieldError, InvalidFieldError, KeyCollisionError, NestingError, PayloadTooLargeError]


@pytest.mark.parametrize("kind", [TranslationError, *KINDS])
def test_all_are_translation_errors_and_those_value_errors(kind):
    assert issubclass(kind, TranslationError)
    assert issubclass(kind, ValueError)
    assert kind.__name__ in cordial_segment.__all__


@pytest.mark.parametrize("kind", [TranslationError, *KINDS])
def test_the_path_comes_first_where_there_is_one(kind):
    assert str(kind("wrong", path="a.0")) == "a.0: wrong"
    assert kind("wrong", path="a.0").path == "a.0"
    assert str(kind("wrong")) == "wrong"
    assert kind("wrong").path is None


def test_an_empty_key_is_a_path_too():
    assert str(TranslationError("wrong", path="")) == "'': wrong"


def test_a_path_is_whole_in_the_error_and_short_in_its_message():
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload({"action": "x", "cID": "c", "k" * 100: {"n": float("nan")}})
    assert caught.value.path == "k" * 100 + ".n"
    assert str(caught.value).startswith("k" * 60 + "…: nan")


def test_a_path_of_60_characters_is_not_cut():
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload({"action": "x", "cID": "c", "k" * 60: float("nan")})
    assert str(caught.value).startswith("k" * 60 + ": nan")


@pytest.mark.parametrize("key", ["a\nERROR b", "\x1b[31mred", "\u2028", "\ud83d", "\u202eright-to-left"])
def test_a_message_is_one_printable_line(key):
    """A key from a stranger must not forge a line of the log, or write to a terminal."""
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload({"action": "x", "cID": "c", key: float("nan")})
    assert str(caught.value).isprintable()
    assert caught.value.path == key
    with pytest.raises(KeyCollisionError) as caught_too:
        flatten({key: {"b": 1}, f"{key}_b": 2})
    assert str(caught_too.value).isprintable()
    with pytest.raises(InvalidFieldError) as caught_last:
        build_track_payload({"action": "x", "cID": "c", "time": key})
    assert str(caught_last.value).isprintable()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "True"),
        (7, "7"),
        (-(2**127), str(-(2**127))),
        (2**128, "a value of type int"),
        (1.5, "1.5"),
        ({"x": "y" * 60}, "a value of type dict"),
        ([1] * 1000, "a value of type list"),
        ({"a": 1}, "a value of type dict"),
        (type("\n" * 3, (), {})(), r"a value of type \n\n\n"),
    ],
    ids=str,
)
def test_the_value_is_shown_in_a_few_characters(value, shown):
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload({"action": "x", "cID": value})
    assert str(caught.value) == f"cID: {shown} is of the wrong type: expected a string"


@pytest.mark.parametrize(("length", "end"), [(60, "'"), (61, "'…")])
def test_a_text_is_shown_up_to_60_characters(length, end):
    with pytest.raises(InvalidFieldError, match="is no time") as caught:
        build_track_payload({"action": "x", "cID": "c", "time": "y" * length})
    assert str(caught.value).startswith(f"time: '{'y' * 60}{end} is no time")


def test_the_place_is_given_by_name():
    for kind in [TranslationError, *KINDS]:
        with pytest.raises(TypeError):
            kind("wrong", "a.0")


def test_nothing_of_a_value_but_its_type_is_run():
    class Loud:
        def __repr__(self):
            raise AssertionError("must not be asked")

        __str__ = __len__ = __bool__ = __eq__ = __hash__ = __repr__

    with pytest.raises(InvalidFieldError, match="a value of type Loud"):
        build_track_payload({"action": "x", "cID": "c", "a": Loud()})
