"""What Python callers really pass: mappings, strings, numbers and leaves of every make."""

import copy
import json
import math
import sys
from collections import ChainMap, OrderedDict, UserDict, defaultdict, namedtuple
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from fractions import Fraction
from pathlib import PurePosixPath
from types import MappingProxyType, SimpleNamespace
from typing import NamedTuple
from unittest.mock import Mock
from uuid import UUID

import pytest

from cordial_segment import (
    Block,
    Channel,
    InvalidFieldError,
    KeyCollisionError,
    MissingFieldError,
    Policy,
    TranslationError,
    build_track_payload,
    enrich_email_fields,
    flatten,
    is_blocked,
    map_event,
)

RECORD = {
    "action": "click",
    "cID": "c1",
    "_id": "e1",
    "time": "2021-10-22T16:11:48+0000",
    "d": {"type": "phone", "tags": ["new", {"deep": 1}], "none": {}},
    "sp": {"link": "", "rl": "https://example.com/", "lKey": "k1"},
    "properties": {"source": "shop"},
}


def properties(record, **options):
    payload = build_track_payload({"action": "browse", "cID": "c1", **record}, **options)
    json.loads(json.dumps(payload, allow_nan=False))
    return {key: value for key, value in payload["properties"].items() if key not in ("action", "cID")}


# Mappings


class Multi(Mapping):
    """A multi-valued mapping, as web frameworks have for forms: one value to ask for, all of them to go through."""

    def __init__(self, *pairs):
        self.pairs = pairs

    def __getitem__(self, key):
        return dict(self.pairs)[key]

    def __iter__(self):
        return (key for key, _ in self.pairs)

    def __len__(self):
        return len(self.pairs)

    def items(self):
        return list(self.pairs)


class Failing(Mapping):
    """A mapping over something that has gone away, which shows in one of its methods."""

    def __init__(self, method):
        self.method = method

    def _do(self, method):
        if self.method == method:
            raise ConnectionError(f"{method}: gone")

    def __getitem__(self, key):
        self._do("get")
        return 1

    def __iter__(self):
        self._do("iter")
        yield "a"
        self._do("later")

    def __len__(self):
        self._do("len")
        return 1


class Shouting(dict):
    """A dict that shows itself otherwise than it is stored."""

    def items(self):
        return [(key.upper() if key == "x" else key, value) for key, value in super().items()]

    def get(self, key, default=None):
        raise AssertionError("what items() gives is what is read")


class Backwards(list):
    def __iter__(self):
        return reversed(list(super().__iter__()))


KINDS = [
    MappingProxyType,
    OrderedDict,
    UserDict,
    ChainMap,
    lambda inner: defaultdict(list, inner),
    lambda inner: Multi(*inner.items()),
    type("Dict", (dict,), {}),
]
KIND_NAMES = ["MappingProxyType", "OrderedDict", "UserDict", "ChainMap", "defaultdict", "Multi", "Dict"]


def remade(value, kind):
    if isinstance(value, dict):
        return kind({key: remade(child, kind) for key, child in value.items()})
    return [remade(child, kind) for child in value] if isinstance(value, list) else value


@pytest.mark.parametrize("kind", KINDS, ids=KIND_NAMES)
def test_any_mapping_is_as_good_as_a_dict(kind):
    record = remade(RECORD, kind)
    assert build_track_payload(record, message=kind({"name": "Sale"})) == build_track_payload(
        RECORD, message={"name": "Sale"}
    )
    assert enrich_email_fields(record) == enrich_email_fields(RECORD)
    assert flatten(record) == flatten(RECORD)
    assert is_blocked(record) is False
    assert is_blocked(remade({**RECORD, "properties": {"source": "segment"}}, kind)) is True
    assert is_blocked(record, Block("click")) is True
    assert Policy.from_dict(remade({"email": {"block": ["click"]}}, kind)) == Policy(email=Block("click"))


@pytest.mark.parametrize("kind", KINDS, ids=KIND_NAMES)
def test_results_are_plain_and_share_nothing_with_odd_mappings(kind):
    record = remade(RECORD, kind)
    enriched = enrich_email_fields(record)
    assert type(enriched) is dict
    assert type(enriched["d"]) is dict
    assert type(enriched["d"]["tags"][1]) is dict
    payload = build_track_payload(record, context=kind({"a": kind({"b": 1})}), integrations=kind({"All": kind({})}))
    assert type(payload["context"]["a"]) is dict
    assert type(payload["integrations"]["All"]) is dict
    assert type(payload["properties"]["d_none"]) is dict


def test_reading_a_defaultdict_puts_nothing_into_it():
    record = defaultdict(dict, {"action": "open", "cID": "c1"})
    build_track_payload(record)
    is_blocked(record, Policy())
    enrich_email_fields(record)
    assert record == {"action": "open", "cID": "c1"}


def test_a_chain_map_gives_its_first_value_for_each_key():
    assert flatten(ChainMap({"a": 1}, {"a": 2, "b": 3})) == {"a": 1, "b": 3}


def test_a_key_that_a_mapping_gives_twice_is_a_collision():
    twice = Multi(("a", 1), ("b", 2), ("a", 3))
    with pytest.raises(KeyCollisionError) as caught:
        flatten({"form": twice})
    assert (caught.value.key, caught.value.paths) == ("form_a", ("form.a", "form.a"))
    for call in (
        lambda: build_track_payload({"action": "open", "cID": "c1", "form": twice}),
        lambda: build_track_payload(Multi(("action", "open"), ("cID", "c1"), ("x", 1), ("x", 2))),
        lambda: enrich_email_fields({"form": twice}),
        lambda: is_blocked(Multi(("source", "x"), ("source", "segment"))),
    ):
        with pytest.raises(KeyCollisionError):
            call()


@pytest.mark.parametrize("method", ["iter", "later", "get"])
def test_a_mapping_that_cannot_be_read_is_an_error_at_its_place(method):
    failing = Failing(method)
    base = {"action": "open", "cID": "c1"}
    for call, path in (
        (lambda: flatten({"x": [failing]}), "x.0"),
        (lambda: flatten(failing), None),
        (lambda: build_track_payload({**base, "x": failing}), "x"),
        (lambda: build_track_payload({**base, "sp": failing}), "sp"),
        (lambda: build_track_payload(failing), None),
        (lambda: build_track_payload(base, context={"x": failing}), "context.x"),
        (lambda: enrich_email_fields({"x": failing}), "x"),
        (lambda: enrich_email_fields(failing), None),
        (lambda: is_blocked(failing), None),
        (lambda: is_blocked({"sp": failing}), "sp"),
    ):
        with pytest.raises(InvalidFieldError) as caught:
            call()
        assert caught.value.path == path
        assert "ConnectionError" in str(caught.value)
        assert isinstance(caught.value.__cause__, ConnectionError)


@pytest.mark.parametrize("kind", [UserDict, MappingProxyType, ChainMap, OrderedDict, Shouting, Backwards])
def test_an_empty_one_of_any_kind_has_no_leaves(kind):
    assert flatten(kind(() if kind is Backwards else {})) == {}
    assert flatten({"a": kind(() if kind is Backwards else {})}) == {"a": [] if kind is Backwards else {}}


def test_the_path_to_an_unreadable_holder_of_a_mark_is_whole():
    for record, path in (({"a": {"b": Failing("iter")}}, "a.b"), ({"a": Failing("iter")}, "a")):
        with pytest.raises(InvalidFieldError) as caught:
            is_blocked(record, origin_fields=["x", "a.b.c", "a.b.d"])
        assert caught.value.path == path


def test_an_enum_that_stands_twice_is_named_by_what_it_holds():
    class Column(str, Enum):  # noqa: UP042 (whose str() is not what it holds)
        SKU = "sku"

    with pytest.raises(KeyCollisionError) as caught:
        build_track_payload(Multi((Column.SKU, 1), (Column.SKU, 2)))
    assert (caught.value.key, caught.value.paths) == ("sku", ("sku", "sku"))


def test_a_mapping_need_not_know_its_length():
    assert flatten({"x": Failing("len")}) == {"x_a": 1}
    assert properties({"x": Failing("len")}) == {"x_a": 1}


def test_a_mapping_that_gives_other_items_each_time_raises_nothing_of_its_own():
    class OneShot(Mapping):
        def __init__(self):
            self.reads = 0

        def __getitem__(self, key):
            return math.nan

        def __iter__(self):
            self.reads += 1
            return iter(["a"] if self.reads == 1 else [])

        def __len__(self):
            return 1

    with pytest.raises(InvalidFieldError):
        properties({"x": OneShot()})
    with pytest.raises(KeyCollisionError):
        flatten({"x": OneShot(), "x_a": 1})


def test_what_the_methods_of_a_dict_or_list_subclass_give_is_what_counts():
    assert flatten(Shouting({"x": Backwards([1, 2])})) == {"X_0": 2, "X_1": 1}
    assert properties({"d": Shouting({"x": 1})}) == {"d_X": 1}
    assert build_track_payload(Shouting({"action": "browse", "cID": "c1", "x": 1}))["properties"]["X"] == 1


def test_a_list_that_cannot_be_read_is_an_error_at_its_place():
    class Gone(list):
        def __iter__(self):
            raise OSError("gone")

    for call in (flatten, properties, enrich_email_fields):
        with pytest.raises(InvalidFieldError, match="reading it raised OSError") as caught:
            call({"x": Gone([1])})
        assert caught.value.path == "x"


@pytest.mark.parametrize("items", [[("a", 1, 2)], [("a",)], [None], [5], None], ids=repr)
def test_a_mapping_whose_items_are_no_pairs_is_an_error_at_its_place(items):
    class Strange(dict):
        def items(self):
            return items

    for call in (flatten, properties, enrich_email_fields):
        for record, path in (({"x": [Strange(a=1)]}, "x.0"), ({"x": Strange(a=1)}, "x")):
            with pytest.raises(InvalidFieldError, match=r"reading it raised (Type|Value)Error") as caught:
                call(record)
            assert caught.value.path == path
    with pytest.raises(InvalidFieldError):
        flatten(Strange(a=1))


class RefusesItsClass:
    @property
    def __class__(self):
        raise OSError


class RefusingType(type):
    def refuse(cls, *_):
        raise OSError

    __hash__ = __eq__ = __ne__ = refuse


class OfRefusingType(metaclass=RefusingType):
    pass


class ClasslessDict(RefusesItsClass, dict):
    pass


class ClasslessList(RefusesItsClass, list):
    pass


class ClasslessText(RefusesItsClass, str):
    pass


def test_containers_and_strings_are_told_by_their_type_and_not_by_what_they_say():
    data = {"x": ClasslessDict(a=ClasslessList([ClasslessText("b")])), ClasslessText("k"): ClasslessList()}
    assert flatten(data) == {"x_a_0": "b", "k": []}
    assert properties(data) == {"x_a_0": "b", "k": []}
    copied = enrich_email_fields(data)
    assert (type(copied["x"]), type(copied["x"]["a"]), type(copied["k"])) == (dict, list, list)
    text = ClasslessText("text")
    given = {"user_id": text, "write_key": text, "message_id": text, "separator": text}
    assert build_track_payload({"action": text, "cID": text}, **given)["event"] == "text"
    assert map_event(text) == "text"
    assert Block(text).allows(text) is False
    assert flatten({"a": {"b": 1}}, separator=text) == {"atextb": 1}
    assert is_blocked({"a": {"b": "segment"}}, origin_fields=[ClasslessText("a.b")])


def test_an_argument_that_refuses_its_class_is_a_type_error():
    odd, base = RefusesItsClass(), {"action": "open", "cID": "c1"}
    for argument in ("user_id", "write_key", "message_id", "separator", "channel", "message", "context"):
        with pytest.raises(TypeError):
            build_track_payload(base, **{argument: odd})
    for call in (
        lambda: flatten({}, max_depth=odd),
        lambda: flatten({}, separator=odd),
        lambda: is_blocked(base, origin_fields=[odd]),
        lambda: map_event(odd),
        lambda: Block(odd),
        lambda: Policy(email=odd),
        lambda: Policy().allows(odd, "email"),
        lambda: Policy().allows("open", odd),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(ValueError, match=r"email\.allow"):
        Policy.from_dict({"email": {"allow": [odd]}})


class Nameless(type):
    @property
    def __name__(cls):
        raise OSError


class OfNamelessType(metaclass=Nameless):
    pass


def test_a_type_that_refuses_its_name_is_named_all_the_same():
    with pytest.raises(InvalidFieldError, match="a value of type OfNamelessType has no JSON form"):
        properties({"x": OfNamelessType()})


class Adding(str):
    """Markup adds itself to any string so, escaped; a lazy translation does it too."""

    def __radd__(self, other):
        return other + "<added>"


class AddingObject:
    def __radd__(self, other):
        return other + "x"


def test_a_key_that_adds_itself_to_strings_in_its_own_way_is_what_it_holds():
    data = {"R&D": {Adding("k"): 1, Adding("l"): {Adding("m"): [2]}}, Adding("n"): [{Adding("o"): {Adding("p"): 3}}]}
    flat = {"R&D_k": 1, "R&D_l_m_0": 2, "n_0_o_p": 3}
    assert flatten(data) == properties(data) == flat
    assert {type(key) for key in [*flatten(data), *properties(data)]} == {str}
    for record in ({AddingObject(): 1}, {"a": {AddingObject(): 1}}, {AddingObject(): 1, "x": 2}):
        for call in (flatten, properties):
            with pytest.raises(InvalidFieldError, match="keys are strings or integers"):
                call(record)


def test_a_key_whose_hash_has_changed_is_copied_with_its_value():
    class Changing:
        number = 1

        def __hash__(self):
            return self.number

    key = Changing()
    record = {"x": {key: [1]}}
    key.number = 2
    assert [*enrich_email_fields(record)["x"].values()] == [[1]]


def test_a_list_shared_with_no_one_is_not_shared_with_the_result():
    inner = ClasslessList([1])
    copied = enrich_email_fields({"x": inner, "y": (inner,)})
    assert copied["x"] is not inner
    assert copied["y"][0] is copied["x"]


@pytest.mark.parametrize("name", ["RefusesItsClass", "OfRefusingType"])
def test_an_object_whose_class_cannot_be_looked_at_is_a_leaf(name):
    """It is no mapping, no string and no number, wherever it stands."""
    leaf = globals()[name]()
    assert flatten({"x": [leaf], 1: leaf}) == {"x_0": leaf, "1": leaf}
    with pytest.raises(TypeError):
        flatten(leaf)
    with pytest.raises(InvalidFieldError):
        flatten({leaf: 1})
    sections = {"sp": {"rl": leaf, "link": leaf}, "system_properties": leaf}
    for record in ({"x": [leaf]}, sections, {"bmID": leaf, "name": leaf, "chnl": leaf, "source": leaf}):
        assert enrich_email_fields(record) == record
        assert is_blocked({"action": "open", **record}) is False
        with pytest.raises(InvalidFieldError, match=r"has no JSON form|is of the wrong type"):
            build_track_payload({"action": "open", "cID": "c1", **record})
    for field in ("action", "cID", "_id", "time"):
        with pytest.raises(InvalidFieldError) as caught:
            properties({field: leaf})
        assert caught.value.path == field
    for call in (build_track_payload, enrich_email_fields, is_blocked, Policy.from_dict):
        with pytest.raises(TypeError):
            call(leaf)
    with pytest.raises(ValueError):
        Policy.from_dict({"email": leaf})
    for policy, channel in ((leaf, None), (None, leaf)):
        with pytest.raises(TypeError):
            is_blocked({"action": "open"}, policy, channel=channel)


class Refuser(type):
    """The type of types that refuse to be compared, themselves or what is of them."""

    def refuse(cls, other):
        raise OSError

    __eq__ = __ne__ = refuse
    __hash__ = type.__hash__


class Refusing(metaclass=Refuser):
    __eq__ = __ne__ = Refuser.refuse
    __hash__ = object.__hash__


class RefusingDict(dict, metaclass=Refuser):
    __eq__ = __ne__ = Refuser.refuse


class RefusingTuple(tuple, metaclass=Refuser):
    __eq__ = __ne__ = Refuser.refuse
    __hash__ = tuple.__hash__


class RefusingText(str, metaclass=Refuser):
    __eq__ = __ne__ = Refuser.refuse
    __hash__ = str.__hash__


class TextOfRefuser(str, metaclass=Refuser):
    pass


def test_what_is_passed_is_compared_with_nothing_but_names():
    """Comparing runs code of the value's own; numpy's arrays and pandas' missing values raise at less."""
    text, base = TextOfRefuser, {"action": "open", "cID": "c1"}
    record = RefusingDict(
        action=text("open"),
        cID=RefusingText("c1"),
        _id=text("e1"),
        time=text("2021-10-22T16:11:48Z"),
        chnl=text("email"),
        bmID=text("b1"),
        sp=RefusingDict(link=text(""), rl=text("r")),
        d=[RefusingDict(a=RefusingTuple((RefusingText("x"),)))],
    )
    record[text("t")] = {RefusingText("u"): 1}
    given = {"user_id": RefusingText("u1"), "write_key": RefusingText("w1"), "message_id": RefusingText("m1")}
    payload = build_track_payload(
        record, channel=text("email"), message=RefusingDict(name=text("n")), context=RefusingDict(a=1), **given
    )
    assert dict.__len__(payload["context"]) == 3
    assert payload["timestamp"] == "2021-10-22T16:11:48.000Z"
    assert [*payload["properties"]][-3:] == ["campaign_id", "campaign_name", "link_url"]
    assert {"d_0_a_0", "t_u", "sp_rl"} < {*payload["properties"]}
    assert "sp_link" not in payload["properties"]
    assert build_track_payload(base, integrations=RefusingDict(a=1))["integrations"] == {"a": 1}
    assert list(flatten(record)) == [
        *("action", "cID", "_id", "time", "chnl", "bmID", "sp_link", "sp_rl", "d_0_a_0", "t_u"),
    ]
    assert list(flatten(RefusingTuple((1,)))) == ["0"]
    assert enrich_email_fields(record, RefusingDict())["link_url"] is record["sp"]["rl"]
    assert is_blocked(record, Block("open"), channel=text("email"), origin_fields=RefusingTuple(("sp.rl", "x")))
    assert not is_blocked({**base, "context": Refusing(), "sp": RefusingDict(source="x"), "source": RefusingText("y")})

    class RefusingRule(Refusing):
        def allows(self, action, channel):
            return False

    assert is_blocked(base, RefusingRule())
    assert Block("open").__eq__(Refusing()) is False
    assert str(TranslationError("text", path=RefusingText("a.b"))) == "a.b: text"


def test_a_value_that_refuses_to_be_compared_is_told_as_any_other():
    leaf, base = Refusing(), {"action": "open", "cID": "c1"}
    for field in ("time", "action", "cID", "_id", "x"):
        with pytest.raises(InvalidFieldError, match="a value of type Refusing") as caught:
            build_track_payload({**base, field: leaf})
        assert caught.value.path == field
    record = {"sp": {"link": leaf, "rl": leaf}, "system_properties": leaf, "bmID": leaf, "name": leaf}
    assert enrich_email_fields(record).keys() == record.keys()
    for argument in ("channel", "message", "user_id", "write_key", "message_id", "context", "integrations"):
        with pytest.raises(TypeError, match=f"{argument} must be"):
            build_track_payload(base, **{argument: leaf})
    for call in (build_track_payload, enrich_email_fields, is_blocked, flatten, map_event, Policy.from_dict, Block):
        with pytest.raises(TypeError):
            call(leaf)
    with pytest.raises(TypeError):
        map_event("open", leaf)
    with pytest.raises(TypeError):
        is_blocked(base, leaf)
    with pytest.raises(TypeError):
        is_blocked(base, channel=leaf)
    with pytest.raises(TypeError):
        enrich_email_fields(base, leaf)


@pytest.mark.parametrize(
    "record", [None, 1, "action", b"action", [("action", "open")], {"action"}, SimpleNamespace(), dict]
)
def test_a_record_that_is_no_mapping_is_a_type_error(record):
    for call in (build_track_payload, is_blocked, enrich_email_fields):
        with pytest.raises(TypeError, match="must be a mapping"):
            call(record)
    with pytest.raises(TypeError, match="message"):
        enrich_email_fields({}, record if record is not None else 1)


# Keys


class Word(StrEnum):
    ACTION = "action"
    TIME = "time"
    CLICK = "click"
    EMAIL = "email"
    SEGMENT = "segment"
    WHEN = "2021-10-22T16:11:48+0000"


class OldWord(str, Enum):  # noqa: UP042 - what Python before 3.11 has
    ACTION = "action"
    CLICK = "click"
    SEGMENT = "segment"
    EMAIL = "email"
    WHEN = "2021-10-22T16:11:48+0000"


class Number(IntEnum):
    ONE = 1


class Flag(IntFlag):
    BOTH = 3


class Loud(str):
    """A string that is written otherwise than it is."""

    __slots__ = ()

    def __str__(self):
        return "LOUD"

    def __repr__(self):
        raise AssertionError("its own code is not run")

    def __format__(self, specification):
        return "LOUD"


class Odd(int):
    def __repr__(self):
        raise AssertionError("its own code is not run")

    __str__ = __repr__


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("a", "a"),
        ("", ""),
        ("a b-c.d", "a b-c.d"),
        ("\ud800", "\ud800"),
        (0, "0"),
        (-1, "-1"),
        (10**30, str(10**30)),
        (Word.CLICK, "click"),
        (OldWord.CLICK, "click"),
        (Number.ONE, "1"),
        (Flag.BOTH, "3"),
        (Loud("quiet"), "quiet"),
        (Odd(7), "7"),
    ],
    ids=lambda value: ascii(type(value).__name__),
)
def test_string_and_integer_keys_of_any_make_are_written_as_what_they_hold(key, written):
    assert flatten({key: 1}) == {written: 1}
    assert flatten({"d": {key: [1]}}) == {f"d_{written}_0": 1}
    assert properties({"d": {key: 1}}) == {f"d_{written}": 1}
    assert [type(name) for name in properties({"d": {key: 1}})] == [str]


class Sticky:
    """A key that can be added to a string, as pandas' missing values can."""

    def __radd__(self, other):
        return self

    def __len__(self):
        return 1


@pytest.mark.parametrize(
    "key", [Sticky(), True, False, None, 1.0, math.nan, (1, "a"), b"a", frozenset(), date(2021, 10, 22), Decimal(1)]
)
def test_a_key_of_another_kind_is_an_error_that_names_the_path(key):
    for call in (lambda: flatten({"d": [{key: 1}]}), lambda: properties({"d": [{key: 1}]})):
        with pytest.raises(InvalidFieldError, match="keys are strings or integers") as caught:
            call()
        assert caught.value.path.startswith("d.0.")
    with pytest.raises(InvalidFieldError):
        build_track_payload({"action": "open", "cID": "c1", key: 1})


def test_a_key_that_is_one_string_to_json_and_two_to_python_is_a_collision():
    for twins in ({1: "a", "1": "b"}, {Number.ONE: "a", "1": "b"}):
        with pytest.raises(KeyCollisionError) as caught:
            flatten({"d": twins})
        assert (caught.value.key, caught.value.paths) == ("d_1", ("d.1", "d.1"))


def test_enums_as_keys_are_the_fields_they_name():
    payload = build_track_payload({Word.ACTION: "open", "cID": "c1", Word.TIME: "2021-10-22"})
    assert (payload["event"], payload["timestamp"]) == ("Email Opened", "2021-10-22T00:00:00.000Z")
    assert "time" not in payload["properties"]
    assert build_track_payload({OldWord.ACTION: "open", "cID": "c1"})["event"] == "Email Opened"


# Leaves


class Pair(NamedTuple):
    left: int
    right: list


Point = namedtuple("Point", "x y")


def test_a_named_tuple_is_a_list():
    assert flatten({"p": Pair(1, [2]), "q": Point(3, ())}) == {"p_0": 1, "p_1_0": 2, "q_0": 3, "q_1": []}
    assert properties({"p": Pair(1, [2])}) == {"p_0": 1, "p_1_0": 2}


class Unhelpful:
    """An object whose every question ends in an error."""

    def _refuse(self, *_):
        raise ZeroDivisionError("its own code is not run")

    __eq__ = __ne__ = __bool__ = __str__ = __repr__ = __len__ = __iter__ = __int__ = __float__ = _refuse
    __hash__ = None


NO_JSON = [
    math.nan,
    math.inf,
    -math.inf,
    Decimal("1.5"),
    Fraction(1, 2),
    1j,
    datetime(2021, 10, 22, tzinfo=UTC),
    date(2021, 10, 22),
    time(16, 11),
    timedelta(1),
    UUID(int=1),
    b"bytes",
    bytearray(b"bytes"),
    memoryview(b"bytes"),
    {1},
    frozenset({1}),
    range(3),
    {}.keys(),
    iter(()),
    PurePosixPath("/"),
    SimpleNamespace(),
    object(),
    len,
    int,
    ...,
    NotImplemented,
    Enum("Other", "A").A,
    Unhelpful(),
]
NO_JSON_IDS = [type(value).__name__ for value in NO_JSON]


@pytest.mark.parametrize("leaf", NO_JSON, ids=NO_JSON_IDS)
def test_flatten_gives_any_other_object_back_as_it_is(leaf):
    assert flatten({"x": leaf, "d": [leaf]})["x"] is leaf
    assert flatten({"x": leaf, "d": [leaf]})["d_0"] is leaf
    assert enrich_email_fields({"x": leaf, "d": [leaf]})["d"][0] is leaf


@pytest.mark.parametrize("leaf", NO_JSON, ids=NO_JSON_IDS)
def test_a_payload_refuses_what_json_has_no_form_for_and_names_its_path(leaf):
    for record, path in (
        ({"x": leaf}, "x"),
        ({"d": {"list": [1, leaf]}}, "d.list.1"),
        ({"t": (MappingProxyType({"x": leaf}),)}, "t.0.x"),
    ):
        with pytest.raises(InvalidFieldError, match="no JSON form") as caught:
            properties(record)
        assert caught.value.path == path


@pytest.mark.parametrize("leaf", [*NO_JSON, [], {}, ["x"], True, 1.5, Odd(3), 0], ids=lambda leaf: type(leaf).__name__)
@pytest.mark.parametrize("field", ["action", "cID", "_id"])
def test_a_text_field_of_another_type_is_an_error_at_the_field(field, leaf):
    with pytest.raises(InvalidFieldError, match="expected a string") as caught:
        build_track_payload({"action": "browse", "cID": "c1", field: leaf})
    assert caught.value.path == field
    if field == "action":
        with pytest.raises(InvalidFieldError) as caught:
            is_blocked({field: leaf}, Policy())
        assert caught.value.path == "action"
        with pytest.raises(TypeError):
            map_event(leaf)


NO_TIME = [
    *(leaf for leaf in NO_JSON if not isinstance(leaf, datetime)),
    [],
    {},
    ["x"],
    True,
    0,
    1634919108,
    1.5,
    Odd(3),
]


@pytest.mark.parametrize("leaf", NO_TIME, ids=lambda leaf: type(leaf).__name__)
@pytest.mark.parametrize("field", ["time", "ats", "ts"])
def test_a_time_of_another_type_is_an_error_at_the_field(field, leaf):
    """A number too: whether it counts seconds or milliseconds is not known."""
    with pytest.raises(InvalidFieldError, match="no time that can be read") as caught:
        properties({field: leaf})
    assert caught.value.path == field


@pytest.mark.parametrize("leaf", NO_JSON, ids=NO_JSON_IDS)
def test_an_odd_object_is_no_channel_no_mark_and_no_source_of_an_email_field(leaf):
    """Where a field may hold anything, nothing is asked of what is no string."""
    names = ("chnl-type", "chnl", "channel", "source", "origin", "name", "subject", "linkUrl")
    record = dict.fromkeys(names, leaf)
    record |= {"sp": {"link": leaf, "rl": leaf, "lKey": leaf}, "context": {"source": leaf}}
    assert is_blocked(record) is False
    assert is_blocked({**record, "action": "open"}, Policy(email=Block("open"))) is True
    message = {"name": leaf, "subject": leaf}
    enriched = enrich_email_fields(record, message)
    if not isinstance(leaf, float):  # a number is a value of such a field; that NaN is none comes out below
        assert enriched.keys() == record.keys()
        assert enriched["sp"]["link"] is leaf
    with pytest.raises(InvalidFieldError):
        build_track_payload({**record, "action": "open", "cID": "c1"}, message=message)


@pytest.mark.parametrize("value", [*NO_JSON[:-1], [], 1], ids=lambda leaf: type(leaf).__name__)
def test_arguments_of_another_kind_are_type_errors(value):
    record = {"action": "open", "cID": "c1"}
    for name in ("user_id", "write_key", "message_id", "separator", "channel", "message", "context", "integrations"):
        with pytest.raises(TypeError):
            build_track_payload(record, **{name: value})
    for call in (
        lambda: flatten({}, separator=value),
        lambda: map_event("open", value),
        lambda: is_blocked(record, origin_fields=[value]),
        lambda: is_blocked(record, value),
        lambda: Policy(email=value),
        lambda: Policy().allows("open", value),
        lambda: Policy.from_dict(value),
        lambda: Block(value),
    ):
        with pytest.raises(TypeError):
            call()


@pytest.mark.parametrize(
    ("leaf", "kept"),
    [
        (None, None),
        (True, True),
        (-0.0, -0.0),
        (1e308, 1e308),
        (5e-324, 5e-324),
        (2**53 + 1, 2**53 + 1),
        (-(2**64), -(2**64)),
        (10**300, 10**300),
        ("", ""),
        ("\x00\u2028é🎉", "\x00\u2028é🎉"),
        ("\ud800", "\ud800"),
        (Word.CLICK, "click"),
        (OldWord.CLICK, "click"),
        (Number.ONE, 1),
        (Flag.BOTH, 3),
        (Loud("quiet"), "quiet"),
        (Odd(7), 7),
    ],
    ids=lambda value: ascii(type(value).__name__),
)
def test_what_json_has_a_form_for_goes_through_as_what_it_holds(leaf, kept):
    result = properties({"x": leaf, "d": [leaf]})
    assert result["x"] is leaf
    assert json.loads(json.dumps(result)) == {"x": kept, "d_0": kept}
    assert flatten({"x": leaf}) == {"x": leaf}


def test_minus_zero_keeps_its_sign():
    assert math.copysign(1, json.loads(json.dumps(properties({"x": -0.0})))["x"]) == -1


def test_strings_of_any_make_are_read_as_what_they_hold():
    for word in (Word, OldWord):
        record = {"action": word.CLICK, "cID": word.CLICK, "_id": word.CLICK, "time": word.WHEN, "chnl": word.EMAIL}
        payload = build_track_payload(record)
        assert payload == build_track_payload({key: value.value for key, value in record.items()})
        assert is_blocked({"properties": {"source": word.SEGMENT}}) is True
        assert is_blocked(record, Block(word.CLICK)) is True
        assert map_event(word.CLICK, word.EMAIL) == "Email Link Clicked"
    loud = {
        "action": Loud("open"),
        "cID": Loud("c1"),
        "_id": Loud("e1"),
        "time": Loud("2021-10-22"),
        "chnl": Loud("push"),
    }
    payload = build_track_payload(loud)
    again = json.loads(json.dumps(payload))
    assert (again["event"], again["anonymousId"], again["messageId"]) == ("open", "c1", "api-e1")
    assert again["timestamp"] == "2021-10-22T00:00:00.000Z"
    assert is_blocked({"source": Loud("segment")}) is True


def test_a_string_whose_own_methods_fail_is_read_without_them():
    class Hostile(str):
        __slots__ = ()

        def _refuse(self, *_):
            raise ZeroDivisionError("its own code is not run")

        __eq__ = __ne__ = __hash__ = __len__ = __repr__ = __str__ = strip = lower = upper = __radd__ = _refuse

    record = {"action": Hostile("open"), "cID": Hostile("c1"), "_id": Hostile("e1"), "time": Hostile("2021-10-22")}
    record |= {"chnl": Hostile("email"), "source": Hostile("shop"), "bmID": Hostile("b1"), "linkUrl": Hostile("l")}
    record["sp"] = {"link": Hostile("l"), "rl": Hostile("l")}
    payload = json.loads(json.dumps(build_track_payload(record)))
    assert payload["event"] == "Email Opened"
    assert payload["messageId"] == "api-e1"
    assert payload["properties"]["campaign_id"] == "b1"
    assert is_blocked(record) is False
    assert is_blocked({"source": Hostile("Segment")}) is True


@pytest.mark.parametrize("kind", [str, int, float, dict, list])
def test_an_object_that_only_claims_to_be_of_a_type_is_none_of_it(kind):
    """Mocks and lazy proxies say through `__class__` what they are not."""
    fake = Mock(spec=kind)
    assert isinstance(fake, kind)
    record = {"action": "browse", "cID": "c1"}
    for case in ({"x": fake}, {"action": fake}, {"cID": fake}, {"_id": fake}, {"time": fake}, {"d": {fake: 1}}):
        with pytest.raises(TranslationError):
            build_track_payload({**record, **case})
    assert is_blocked({"source": fake, "sp": {"origin": fake}}) is False


def test_lone_surrogates_are_kept_and_counted():
    text = "\ud83d" * 5000
    record = {"action": "browse", "cID": "c1", "_id": "\ud83d", "x": text}
    payload = build_track_payload(record)
    assert json.loads(json.dumps(payload))["properties"]["x"] == text
    assert payload["messageId"] == "api-\ud83d"
    assert len(build_track_payload({**record, "_id": "\ud83d" * 200})["messageId"]) == 68
    with pytest.raises(TranslationError) as caught:
        build_track_payload({**record, "\ud83d": math.nan})
    str(caught.value).encode()


# Numbers


@pytest.fixture
def digits():
    """Set how many digits Python prints, and set it back."""
    before = sys.get_int_max_str_digits()
    yield sys.set_int_max_str_digits
    sys.set_int_max_str_digits(before)


@pytest.mark.parametrize(("limit", "power"), [(4300, 4299), (640, 639), (0, 20_000), (30_000, 20_000)])
def test_an_integer_that_python_prints_and_that_fits_goes_through(digits, limit, power):
    digits(limit)
    assert properties({"x": 10**power}) == {"x": 10**power}
    assert flatten({10**power: 1}) == {str(10**power): 1}


@pytest.mark.parametrize(("limit", "power"), [(4300, 4300), (640, 640), (4300, 500_000)])
def test_an_integer_that_python_does_not_print_is_an_error_at_its_place(digits, limit, power):
    digits(limit)
    for call in (lambda: properties({"d": [10**power]}), lambda: properties({"d": [-(10**power)]})):
        with pytest.raises(InvalidFieldError, match="shorter integer, or a string") as caught:
            call()
        assert caught.value.path == "d.0"
    with pytest.raises(InvalidFieldError):
        flatten({10**power: 1})
    assert flatten({"x": 10**power}) == {"x": 10**power}


def test_an_integer_too_long_for_any_payload_is_an_error_even_where_python_prints_it(digits):
    digits(0)
    for power in (33_000, 50_000, 200_000):
        with pytest.raises(TranslationError):
            properties({"x": 10**power})


def test_a_huge_integer_shows_in_no_message():
    for call in (
        lambda: build_track_payload({"action": 10**5000, "cID": "c1"}),
        lambda: properties({"time": 10**5000}),
        lambda: map_event(10**5000),
        lambda: flatten(10**5000),
        lambda: flatten([], max_depth=-(10**5000)),
        lambda: Channel(10**5000),
        lambda: Policy.from_dict({"email": 10**5000}),
        lambda: Policy.from_dict({10**5000: "send_all"}),
        lambda: is_blocked({}, 10**5000),
        lambda: is_blocked({}, origin_fields=[10**5000]),
    ):
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        assert len(str(caught.value)) < 400


# Times


class Vague(tzinfo):
    """A time zone that does not know its offset, or fails to tell."""

    def __init__(self, offset):
        self.offset = offset

    def utcoffset(self, moment):
        if self.offset is ...:
            raise LookupError("no such zone")
        return self.offset


class Moment(datetime):
    def isoformat(self, *_, **__):
        return "not a time"

    def __str__(self):
        return "not a time"


@pytest.mark.parametrize(
    ("moment", "timestamp"),
    [
        (datetime(2021, 10, 22, 16, 11, 48), "2021-10-22T16:11:48.000Z"),
        (datetime(2021, 10, 22, 16, 11, 48, 999_999, UTC), "2021-10-22T16:11:48.999Z"),
        (datetime(2021, 10, 22, tzinfo=timezone(timedelta(hours=-7))), "2021-10-22T07:00:00.000Z"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=-1))), "0001-01-01T01:00:00.000Z"),
        (datetime(2021, 10, 22, tzinfo=Vague(None)), "2021-10-22T00:00:00.000Z"),
        (Moment(2021, 10, 22, tzinfo=UTC), "2021-10-22T00:00:00.000Z"),
    ],
)
def test_datetimes_of_any_make_are_times(moment, timestamp):
    payload = build_track_payload({"action": "open", "cID": "c1", "time": moment})
    assert payload["timestamp"] == timestamp
    assert "time" not in payload["properties"]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime(9999, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-1))),
        datetime(2021, 10, 22, tzinfo=Vague(...)),
        Mock(spec=datetime),
    ],
    ids=["before all time", "after all time", "unknown zone", "mock"],
)
def test_a_datetime_that_has_no_utc_form_is_an_error_at_the_field(moment):
    with pytest.raises(InvalidFieldError) as caught:
        properties({"ats": moment})
    assert caught.value.path == "ats"


def test_null_and_empty_times_are_missing_whatever_their_make():
    assert properties({"time": Loud(""), "ats": None, "ts": ""}) == {"time": "", "ats": None, "ts": ""}


# numpy and pandas


def test_numpy_scalars():
    """A numpy float or string is Python's own too; any other scalar has no JSON form, as for `json` itself."""
    np = pytest.importorskip("numpy")
    assert properties({"x": np.float64(1.5), "y": np.str_("text")}) == {"x": 1.5, "y": "text"}
    assert build_track_payload({"action": np.str_("open"), "cID": np.str_("c1")})["event"] == "Email Opened"
    assert flatten({np.str_("a"): {np.str_("b"): 1}}) == {"a_b": 1}
    for leaf in (np.int64(1), np.uint8(1), np.float32(1), np.bool_(True), np.datetime64("2021-10-22"), np.bytes_(b"x")):
        assert flatten({"d": [leaf]})["d_0"] is leaf
        with pytest.raises(InvalidFieldError) as caught:
            properties({"d": [leaf]})
        assert caught.value.path == "d.0"
        with pytest.raises(InvalidFieldError):
            properties({"time": leaf})
        with pytest.raises(InvalidFieldError):
            build_track_payload({"action": leaf, "cID": "c1"})
        with pytest.raises(InvalidFieldError):
            flatten({leaf: 1})
        with pytest.raises(TypeError):
            flatten({}, max_depth=leaf)
    for leaf in (np.float64("nan"), np.float64("inf")):
        with pytest.raises(InvalidFieldError):
            properties({"x": leaf})


def test_numpy_arrays_are_leaves():
    np = pytest.importorskip("numpy")
    for leaf in (np.array([1, 2]), np.array([]), np.array(1), np.array([[1], [2]]), np.ma.masked, np.recarray(1, "i4")):
        record = {
            "x": leaf,
            "sp": {"link": leaf, "rl": leaf},
            "source": leaf,
            "name": leaf,
            "chnl": leaf,
            "d": [[leaf]],
        }
        flat = flatten(record)
        assert flat["x"] is leaf
        assert flat["d_0_0"] is leaf
        assert enrich_email_fields(record)["sp"]["link"] is leaf
        assert is_blocked(record) is False
        for case in (
            {"x": leaf},
            {"d": {"e": [leaf]}},
            {"sp": {"link": leaf}, "action": "open"},
            {"cID": leaf},
            {"_id": leaf},
        ):
            with pytest.raises(InvalidFieldError):
                properties(case)
        for field in ("time", "ats", "action"):
            with pytest.raises(InvalidFieldError) as caught:
                properties({field: leaf})
            assert caught.value.path == field
        with pytest.raises(TypeError):
            flatten(leaf)


def test_pandas_times_and_missing_values():
    pd = pytest.importorskip("pandas")
    stamp = pd.Timestamp("2021-10-22T16:11:48.123456789", tz="America/Los_Angeles")
    assert (
        build_track_payload({"action": "open", "cID": "c1", "time": stamp})["timestamp"] == "2021-10-22T23:11:48.123Z"
    )
    naive = pd.Timestamp("2021-10-22T16:11:48")
    assert build_track_payload({"action": "open", "cID": "c1", "ts": naive})["timestamp"] == "2021-10-22T16:11:48.000Z"
    for leaf in (pd.NaT, pd.NA):
        record = {"x": leaf, "sp": {"link": leaf, "rl": leaf}, "source": leaf, "name": leaf, "chnl": leaf, "bmID": leaf}
        assert flatten(record)["sp_link"] is leaf
        assert enrich_email_fields(record) == record
        assert is_blocked(record) is False
        for field in ("time", "ats", "ts", "action", "cID", "_id", "x"):
            with pytest.raises(InvalidFieldError) as caught:
                properties({field: leaf})
            assert caught.value.path == field
        with pytest.raises(InvalidFieldError):
            flatten({leaf: 1})
    with pytest.raises(InvalidFieldError):
        properties({"x": stamp})


def test_a_row_of_a_data_frame_is_no_mapping_until_it_is_made_one():
    """A frame's own missing values have to go first: they are NaN, which JSON has not."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"action": ["open", "click"], "cID": ["c1", "c2"], "score": [1.5, None]})
    with pytest.raises(TypeError, match="must be a mapping"):
        build_track_payload(frame.iloc[0])
    good, bad = frame.to_dict("records")
    assert build_track_payload(good)["properties"]["score"] == 1.5
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload(bad)
    assert caught.value.path == "score"


def test_odd_input_is_not_changed():
    record = remade(RECORD, UserDict)
    before = copy.deepcopy(record)
    build_track_payload(record, message=UserDict({"name": "x"}))
    enrich_email_fields(record)
    flatten(record)
    is_blocked(record)
    assert record == before


def test_a_record_without_an_action_is_told_apart_from_one_with_an_odd_action():
    for missing in (None, "", Loud("")):
        with pytest.raises(MissingFieldError):
            build_track_payload({"action": missing, "cID": "c1"})
