"""build_track_payload: what the golden cases in vectors/ cannot say, since JSON cannot hold it or it is long."""

import copy
import json
from datetime import UTC, datetime
from hashlib import sha256
from types import MappingProxyType

import pytest

from cordial_segment import (
    InvalidFieldError,
    MissingFieldError,
    NestingError,
    PayloadTooLargeError,
    build_track_payload,
    flatten,
)

BASE = {"action": "browse", "cID": "c1"}
OPEN = {"action": "open", "cID": "c1"}
NAN, INF = float("nan"), float("inf")


def fails(error, record, **arguments):
    """Return the error that a record and the arguments raise."""
    with pytest.raises(error) as caught:
        build_track_payload(record, **arguments)
    return caught.value


# Contacts and ids


def test_contact_is_looked_at_only_for_what_is_sent():
    loop: dict = {"_id": "u1"}
    contact = {"cID": "u1", "_id": b"raw", "score": NAN, "loop": loop, 5: object(), "channels": {"push": loop, 7: 0}}
    loop["self"] = loop
    payload = build_track_payload({"a": "cart"}, contact=contact)
    assert (payload["anonymousId"], payload["properties"]) == ("u1", {"a": "cart"})


@pytest.mark.parametrize(
    ("record", "arguments"),
    [
        ({}, {}),
        ({"x": 1}, {}),
        ({"x": 1.0}, {}),
        ({"time": datetime(2021, 10, 22, 16, 11, 49, tzinfo=UTC)}, {}),
        ({}, {"channel": "sms"}),
        ({}, {"message": {"name": "é\ud800"}}),
        ({"d": {"x": [{}, None, True]}}, {"separator": "."}),
        ({"cID": None}, {"user_id": "u1", "contact": {}}),
        ({"cID": None}, {"contact": {"cID": "c3"}}),
    ],
)
def test_message_id_of_the_content(record, arguments):
    """It is made of these five values, in this form, and of nothing else."""
    payload = build_track_payload({**OPEN, "time": "2021-10-22T16:11:48Z", **record}, **arguments)
    content = [payload.get(name) for name in ("userId", "anonymousId", "event", "timestamp", "properties")]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert payload["messageId"] == f"api-{sha256(text.encode()).hexdigest()[:32]}"
    others = {"context": {"x": 1}, "integrations": {"x": 1}, "write_key": "w"}
    again = build_track_payload({**OPEN, "time": "2021-10-22T16:11:48Z", **record}, **arguments, **others)
    assert again["messageId"] == payload["messageId"]


# Properties


def test_properties_are_the_record_flattened():
    record = {**BASE, "z": {"y": [1, {"x": None}]}, "e": [], "ts": [1], "ats": "soon", "t": {"ime": 2}}
    payload = build_track_payload({**record, "time": "2021-10-22"}, separator="/")
    assert list(payload["properties"].items()) == list(flatten(record, separator="/").items())
    assert build_track_payload({**BASE, "time": "2021-10-22", "t": {"ime": 1}}, separator="")["properties"]["time"] == 1
    many = {f"{number:02x}": 0 for number in range(3_000)}
    assert build_track_payload({**BASE, **many, "time": "2021-10-22"})["properties"] == {**BASE, **many}


def test_added_fields_never_collide():
    record = {**OPEN, "bmID": "b", "mcID": "m", "campaign": {"id": 1}, "email": {"id": [2]}}
    assert build_track_payload(record)["properties"] == flatten(record) | {"email_id": "m"}
    dotted = flatten(record, separator=".") | {"campaign_id": "b", "email_id": "m"}
    assert build_track_payload(record, separator=".")["properties"] == dotted
    emptied = {**OPEN, "sp": {"link": ""}, "system_properties": {"link": None, "x": 1}}
    assert build_track_payload(emptied)["properties"] == {**OPEN, "sp": {}, "system_properties_x": 1}
    taken = {**OPEN, "s": {"p": 5}, "sp": {"link": ""}}
    assert build_track_payload(taken, separator="")["properties"] == {**OPEN, "sp": 5}


@pytest.mark.parametrize(
    ("record", "message", "path"),
    [
        (OPEN, {"name": INF}, "message.name"),
        (OPEN, {"subject": NAN, "other": b"not sent"}, "message.subject"),
        ({**OPEN, "campaign_name": "own", "subject": NAN}, {"name": INF}, "subject"),
        ({**OPEN, "campaign_name": "own"}, {"name": INF, "subject": NAN}, "message.subject"),
        ({**OPEN, "sp": {"link": INF}}, {}, "sp.link"),
        ({**OPEN, "sp": {"rl": NAN, "link": "x"}}, {}, "sp.rl"),
        ({**OPEN, "bmID": INF}, {}, "bmID"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nan_is_told_where_it_was_given(record, message, path):
    """Not at the email field that is made from it."""
    assert fails(InvalidFieldError, record, message=message).path == path


def test_message_is_looked_at_only_for_what_is_sent():
    assert build_track_payload({**OPEN, "campaign_name": "own"}, message={"name": NAN})["event"] == "Email Opened"
    assert build_track_payload(BASE, message={"name": NAN})["event"] == "browse"
    assert build_track_payload({**OPEN, "n": 10**30}, message={5.5: None})["event"] == "Email Opened"


def test_one_of_several_errors_is_told():
    wrong = {"_id": 5, "time": "soon", "x": NAN}
    for right in ({}, {"action": "browse"}, BASE, {**BASE, "_id": "e1"}, {**BASE, "_id": "e1", "time": None}):
        error = fails((MissingFieldError, InvalidFieldError), {**wrong, **right})
        assert error.path in {"action", "cID", "_id", "time", "x"} - right.keys()
    for large in (["x"] * 9_000, {"k" * 9_000: [0] * 9}):
        assert fails((InvalidFieldError, PayloadTooLargeError), {**BASE, "x": [large, NAN]}).path.startswith("x")


# Context and integrations


@pytest.mark.parametrize("argument", ["context", "integrations"])
def test_context_may_hold_what_a_record_may(argument):
    """Of two keys with one path none is lost. It may be as deep as a record."""
    deep = json.loads("[" * 98 + "0" + "]" * 98)
    for inner in (
        {"a.b": 1, "a_b": 2, "a": {"b": 1}, "a\0b": 3, "": {"": 1}},
        {"a": ({}, [])},
        {"self": {"self": deep}},
    ):
        payload = build_track_payload(BASE, **{argument: inner})
        assert payload[argument] == payload[argument] | json.loads(json.dumps(inner))
        assert fails(InvalidFieldError, BASE, **{argument: {**inner, "z": [0, INF]}}).path == f"{argument}.z.1"
    loop: dict = {}
    loop["self"] = loop
    for too_deep in (loop, {"self": {"self": [deep]}}):
        error = fails(NestingError, BASE, **{argument: too_deep})
        assert "deeper than 100," in str(error)
        assert error.path.startswith(f"{argument}.self.self")


def test_each_payload_has_containers_of_its_own():
    """Transports write into them."""
    arguments = {
        "context": {"device": {"tags": ["x"]}},
        "integrations": {"All": {"on": [True]}},
        "contact": {"channels": {"email": {"address": "ann@example.com"}}},
    }
    record = {**OPEN, "a": {}, "b": [[]]}
    before = copy.deepcopy((record, arguments))
    for given in (arguments, {}):
        first, second = build_track_payload(record, **given), build_track_payload(record, **given)
        pristine = copy.deepcopy(first)
        if given:
            first["context"]["device"]["tags"].append("y")
            first["integrations"]["All"]["on"].append(False)
        first["context"]["library"]["name"] = first["context"]["traits"] = "mine"
        first["integrations"]["new"] = first["properties"]["a"]["new"] = first["properties"]["b_0"].append(1)
        assert second == pristine == build_track_payload(record, **given)
    assert (record, arguments) == before


# 32 KB


def size(payload):
    """Return the bytes of the most compact JSON, with a lone surrogate as its escape of six bytes."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "backslashreplace"))


def assert_fills(build, text="x", path=None):
    """Assert that a payload is built up to 32,768 bytes and not past them, however its text grows.

    What stands in the payload several times grows in steps of as many bytes.
    """
    empty, step, width = size(build("")), size(build("x")) - size(build("")), size(build(text)) - size(build(""))
    count, rest = divmod(32_768 - empty, width)
    full = text * count + "x" * (rest // step)
    assert 32_768 - step < size(build(full)) <= 32_768
    for longer in ("x" + full, full + text, full * 2):
        with pytest.raises(PayloadTooLargeError) as caught:
            build(longer)
        assert path in (None, caught.value.path)


LINK = "https://example.com/" + "x" * 15_000
GROWING = {
    "text": lambda text: build_track_payload({**BASE, "t": text}),
    "inner text": lambda text: build_track_payload({**BASE, "t": {"u": [text]}}),
    "text of a subclass": lambda text: build_track_payload({**BASE, "t": type("Text", (str,), {})(text)}),
    "long number beside": lambda text: build_track_payload({**BASE, "odd": 1 << 70, "t": text}),
    "name": lambda text: build_track_payload({**BASE, f"k{text}": 1}),
    "prefix": lambda text: build_track_payload({**BASE, f"k{text}": {"a": 1, "b": [2, {}], "c": {"d": 3}}}),
    "separator": lambda text: build_track_payload({**BASE, "a": {"b": 1, "c": [2]}}, separator=f"-{text}"),
    "action": lambda text: build_track_payload({"action": f"a{text}", "cID": "c1"}),
    "cID": lambda text: build_track_payload({"action": "browse", "cID": f"c{text}"}),
    "contact's cID": lambda text: build_track_payload({"a": "cart"}, contact={"cID": f"c{text}"}),
    "user_id": lambda text: build_track_payload(BASE, user_id=f"u{text}"),
    "write_key": lambda text: build_track_payload(BASE, write_key=f"w{text}"),
    "context": lambda text: build_track_payload(BASE, context={"note": text}),
    "integrations": lambda text: build_track_payload(BASE, integrations={"note": text}),
    "traits": lambda text: build_track_payload(BASE, contact={"channels": {"email": {"address": f"a{text}"}}}),
    "message": lambda text: build_track_payload(OPEN, message={"name": f"n{text}"}),
    "bmID": lambda text: build_track_payload({**OPEN, "bmID": f"b{text}"}),
    "link that stays": lambda text: build_track_payload({**OPEN, "sp": {"rl": "r", "link": f"l{text}"}}),
    "beside an id": lambda text: build_track_payload({**BASE, "t": text}, message_id="\x01" * 99),
    "beside _id and time": lambda text: build_track_payload(
        {**BASE, "_id": "\x01" * 95, "ts": "2021-10-22", "t": text}
    ),
    # What does not go out does not count: the time's own text, and links that are dropped.
    "beside a time": lambda text: build_track_payload({**BASE, "ts": "2021-10-22T16:11:48." + "0" * 44, "t": text}),
    "beside links": lambda text: build_track_payload(
        {**OPEN, "linkUrl": LINK, "system_properties": {"link": LINK}, "sp": {"link": LINK, "x": 1}, "t": text}
    ),
}


@pytest.mark.parametrize("grows", GROWING)
def test_size(grows):
    """A payload has 32,768 bytes at most. All that is in it counts, and each may fill it."""
    for text in ("x", "é", "€", "😀", "\\", "\x01", "\x7f", "\ud800"):
        assert_fills(GROWING[grows], text, {"text": "t", "inner text": "t.u.0"}.get(grows))


def test_size_past_the_limit_has_no_gap():
    """No estimate lets a length through."""
    room = 32_768 - size(build_track_payload({**BASE, "t": ""}))
    assert size(build_track_payload({**BASE, "t": "x" * room})) == 32_768
    for more in range(1, 1_000):
        fails(PayloadTooLargeError, {**BASE, "t": "x" * (room + more)})


Number = type("Number", (int,), {})  # as a member of an ``IntEnum`` is one
VALUES = [*(0, -1, True, None, "", {}, [], {"": 0}, 1.5, -1.2345678901234567e-300), *(-(1 << 64) + 1, 10**37, 10**300)]


@pytest.mark.parametrize("value", [*VALUES, *map(Number, (0, 8, 1 << 70))], ids=lambda value: repr(value)[:25])
def test_size_of_many_values(value):
    """Every digit counts, and so do the quotes, colons and commas around short values."""
    room = 32_768 - size(build_track_payload({**BASE, "t": ""}))
    for key in (lambda number: f"k{number:04}", lambda number: chr(0x4E00 + number), lambda number: 1_000 + number):
        count = room // (size({key(0): value}) - 1)
        record = {**BASE, **{key(number): value for number in range(count)}, "t": ""}
        rest = 32_768 - size(build_track_payload(record))
        assert size(build_track_payload({**record, "t": "x" * rest})) == 32_768
        fails(PayloadTooLargeError, {**record, "t": "x" * (rest + 1)})


def test_size_of_what_is_not_sent():
    """Whatever the separator, two dropped links take nothing; nor does a contact's address that is replaced."""
    sections = {"sp": {"link": ""}, "system_properties": {"link": None}}
    for record in (OPEN, {**OPEN, 1: 2}):
        payload = build_track_payload({**record, **sections}, separator="-" * 40_000)
        assert payload["properties"] == {**flatten(record), "sp": {}, "system_properties": {}}
    contact = {"_id": "c1", "channels": {"email": {"address": "x" * 40_000}}}
    assert build_track_payload(BASE, contact=contact, context={"traits": {}})["context"]["traits"] == {}
    assert build_track_payload({**BASE, "cID": "c2"}, contact=contact)["anonymousId"] == "c2"
    for context in (None, {}, {"a": 1}):
        fails(PayloadTooLargeError, BASE, contact=contact, context=context)


KB = "x" * 1_000
K = "k" * 17_000
PLACES = [
    # The deepest place over half of the limit: the heaviest child of the heaviest, counted as its leaves are sent.
    ({"a": "x" * 500, "t": "x" * 33_000, "b": "x" * 400}, "t"),
    ({"a": ["x" * 20_000, "x" * 20_001]}, "a.1"),
    ({"a": ["x" * 20_001, "x" * 20_000]}, "a.0"),
    ({"k": {"x" * 33_000: {"y": 1}}}, "k." + "x" * 33_000 + ".y"),
    ({"t": "x" * 20_000, "items": [0] * 3_000}, "items"),
    ({"items": [{"sku": f"S-{n}", "price": 9.5} for n in range(900)]}, "items"),
    ({"a": {"b": [KB] * 20}, "c": [KB] * 18}, "a.b"),
    ({"t": "x" * 15_000, K: {"a": 0, "b": 0}}, f"{K}.a"),
    ({"action": "open", "subject": "x" * 40_000}, "subject"),
    ({"action": "open", "sp": {"rl": "x" * 17_000}}, "sp.rl"),
    ({"action": "open", "sp": {"link": "x" * 17_000, "rl": "x" * 17_000}}, "sp.rl"),
    ({"time": "2021-10-22", "n": [10**3000] * 11}, "n"),
    ({"a": [SHARED := ["x" * 4_000] * 2, "y" * 17_000], "b": [SHARED] * 5}, "b"),
    ({"a": (LONG := {"x": "x" * 20_000}), "long": LONG}, "a.x"),
    ({"k" * 200: [0] * 600, "n": type("Array", (), {"__bool__": lambda _: 1 / 0})()}, "k" * 200),
    ({1: {2: "x" * 40_000}, 3: MappingProxyType({})}, "1.2"),
    ({"a": MappingProxyType({"b": "x" * 40_000})}, "a.b"),
    ({"a": {f"{n:050}": {} for n in range(600)}}, "a"),
    ({"d": dict.fromkeys(range(4_000), "x" * 100)}, "d"),
    # Bytes count, not characters.
    ({"a": "x" * 9_000, "b": "😀" * 8_000}, "b"),
    ({"a": "x" * 14_000, "b": "\ud800" * 3_400}, "b"),
    ({"a": "x" * 14_000, "b": "\x01" * 3_400}, "b"),
    # A link that repeats the link_url is sent, but on the email channel.
    ({"sp": {"link": "x" * 17_000, "a": "y"}, "link_url": "x" * 17_000}, "sp.link"),
    ({"action": "open", "sp": {"link": "x" * 33_000, "a": "y"}, "link_url": "x" * 33_000}, "link_url"),
    # No place takes over half.
    ({"a": [KB] * 16, "b": [KB] * 16, "c": "x" * 900}, None),
    ({"a": "x" * 16_377, "b": "x" * 16_377}, None),
    ({"a": "x" * 16_378, "b": "x" * 16_377}, "a"),
]


@pytest.mark.parametrize("row", range(len(PLACES)))
def test_place_to_cut(row):
    record, path = PLACES[row]
    assert fails(PayloadTooLargeError, {**BASE, **record}).path == path


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"context": {"a": {"b": "x" * 32_000}}}, "context.a.b"),
        ({"context": {"a": [KB] * 40}}, "context.a"),
        ({"context": {"source": "x" * 40_000}}, "context.source"),
        ({"integrations": {"Cordial": {"a": "x" * 40_000}}}, "integrations.Cordial.a"),
        ({"message": {"subject": "x" * 40_000, "name": "y" * 50_000}, "channel": "email"}, "message.name"),
        ({"user_id": "u" * 32_500}, None),
        ({"contact": {"channels": {"sms": {"address": "5" * 32_500}}}}, None),
    ],
)
def test_place_to_cut_in_arguments(arguments, path):
    """Beside a record of many small places, too."""
    for record in ({**BASE, "note": "n" * 700}, {**BASE, **{f"n{n}": "x" * 100 for n in range(200)}}):
        assert fails(PayloadTooLargeError, record, **arguments).path == path


def test_place_to_cut_is_the_heaviest_by_its_flat_keys():
    for count in (30, 200):
        record = {**BASE, "t": "x" * 14_000, "d": [[0, 0]] * count}
        assert fails(PayloadTooLargeError, record, separator="-" * 160).path == "d"
    assert fails(PayloadTooLargeError, {**BASE, "d": [0] * 9_000}, context={"a": KB * 200}).path == "context.a"
    for length, path in ((17_000, "context.a"), (19_000, "t")):
        assert fails(PayloadTooLargeError, {**BASE, "t": "x" * length}, context={"a": "x" * 18_000}).path == path


def test_only_the_record_goes_by_position():
    with pytest.raises(TypeError):
        build_track_payload(BASE, "email")
    with pytest.raises(ValueError, match=r"^'' is not a channel"):
        build_track_payload(BASE, channel="")


def test_many_places_that_are_too_deep_are_too_large_where_they_stand():
    record = {"r": [[1] for _ in range(10_000)]}
    for _ in range(97):
        record = {"r": record}
    with pytest.raises(PayloadTooLargeError) as caught:
        build_track_payload({**BASE, **record})
    assert caught.value.path == ".".join(["r"] * 98)


def test_of_a_message_only_what_became_a_property_is_told():
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload(OPEN, message={"title": NAN, "subject": NAN})
    assert caught.value.path == "message.subject"
    assert build_track_payload({**OPEN, "n": 10**30}, message={b"k": None, "subject": "s"})["properties"]["n"] == 10**30
