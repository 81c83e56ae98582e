"""build_track_payload: what the golden cases in vectors/ cannot say, since JSON has no datetime, NaN or identity."""

import copy
import json
import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from hashlib import sha256

import pytest

from cordial_segment import (
    InvalidFieldError,
    KeyCollisionError,
    MissingFieldError,
    NestingError,
    PayloadTooLargeError,
    build_track_payload,
    enrich_email_fields,
    flatten,
)

BASE = {"action": "browse", "cID": "c1"}
CONTEXT = {"library": {"name": "unknown", "version": "unknown"}, "source": "cordial"}
NAN = float("nan")


def properties(record, **arguments):
    """Return the properties of a record beside its action and contact."""
    payload = build_track_payload({**BASE, **record}, **arguments)
    return {name: value for name, value in payload["properties"].items() if name not in BASE}


# Whose event it is


def test_a_contact_says_whose_event_it_is_and_gives_two_traits():
    contact = {"_id": "u1", "channels": {"email": {"address": "ann@example.com"}}, "loyalty": "gold"}
    payload = build_track_payload({"a": "cart"}, contact=contact)
    assert payload["anonymousId"] == "u1"
    assert payload["context"] == {**CONTEXT, "traits": {"email": "ann@example.com"}}


def test_what_of_a_contact_is_not_sent_is_not_looked_at():
    loop: dict = {"_id": "u1"}
    contact = {"cID": "u1", "_id": b"raw", "score": NAN, "loop": loop, 5: object(), "channels": {"push": loop}}
    loop["self"] = loop
    assert build_track_payload({"a": "cart"}, contact=contact)["anonymousId"] == "u1"


def test_a_contact_is_no_property():
    assert build_track_payload(BASE, contact={"cID": "c2", "name": "Ann"})["properties"] == BASE


def test_traits_are_absent_where_there_are_none():
    for contact in ({"cID": "c2"}, {"channels": {}}, {"channels": {"email": {"address": None}, "sms": {}}}):
        assert build_track_payload(BASE, contact=contact)["context"] == CONTEXT


# Times


@pytest.mark.parametrize(
    ("moment", "timestamp"),
    [
        (datetime(2021, 10, 22, 16, 11, 48, tzinfo=UTC), "2021-10-22T16:11:48.000Z"),
        (datetime(2021, 10, 22, 16, 11, 48), "2021-10-22T16:11:48.000Z"),
        (datetime(2021, 10, 22, 16, 11, 48, 999999), "2021-10-22T16:11:48.999Z"),
        (datetime(2021, 10, 22, 16, tzinfo=timezone(timedelta(hours=-7, minutes=-30))), "2021-10-22T23:30:00.000Z"),
        (datetime(2021, 1, 1, tzinfo=timezone(timedelta(seconds=1))), "2020-12-31T23:59:59.000Z"),
        (datetime(1, 1, 1), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_datetime_is_read_as_its_text_is(moment, timestamp):
    assert build_track_payload({**BASE, "time": moment})["timestamp"] == timestamp
    assert build_track_payload({**BASE, "time": moment.isoformat()})["timestamp"] == timestamp
    assert build_track_payload({**BASE, "time": moment})["properties"] == BASE


class Zone(tzinfo):
    def __init__(self, offset):
        self.offset = offset

    def utcoffset(self, when):
        return self.offset


def test_a_zone_without_an_offset_is_none_at_all():
    moment = datetime(2021, 10, 22, 16, 11, 48, tzinfo=Zone(None))
    assert build_track_payload({**BASE, "time": moment})["timestamp"] == "2021-10-22T16:11:48.000Z"


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-1))),
        date(2021, 10, 22),
        datetime(2021, 10, 22, 16).time(),
        timedelta(1),
        b"2021-10-22T16:11:48Z",
        NAN,
        "9" * 1_000_000,
    ],
    ids=lambda moment: str(moment)[:30],
)
@pytest.mark.parametrize("field", ["time", "ats", "ts"])
def test_what_is_no_moment_of_utc_is_an_error_at_its_field(moment, field):
    with pytest.raises(InvalidFieldError, match="is not a time: expected ISO 8601") as caught:
        build_track_payload({**BASE, field: moment})
    assert caught.value.path == field
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("moment", "reason"), [("noon", "not ISO 8601"), ("2021-13-01", "month must be in 1..12"), (5, "'int' object")]
)
def test_the_traceback_tells_what_was_wrong_with_a_time(moment, reason):
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload({**BASE, "time": moment})
    assert reason in str(caught.value.__cause__)


def test_a_time_field_that_is_not_used_is_a_property_like_any_other():
    record = {"time": "2021-10-22", "ats": "soon", "ts": [1, {}]}
    assert properties(record) == {"ats": "soon", "ts_0": 1, "ts_1": {}}


# messageId


@pytest.mark.parametrize(("length", "kept"), [(95, True), (96, False), (200, False)])
def test_a_message_id_has_99_characters_at_most(length, kept):
    identifier = "z" * length
    digest = sha256(f"api-{identifier}".encode()).hexdigest()
    wanted = f"api-{identifier}" if kept else f"api-{digest[:32]}"
    assert build_track_payload({**BASE, "_id": identifier})["messageId"] == wanted
    assert build_track_payload(BASE, message_id=f"api-{identifier}")["messageId"] == wanted


def test_any_text_has_a_digest():
    identifier = "\ud83d" * 200
    digest = sha256(f"api-{identifier}".encode("utf-8", "surrogatepass")).hexdigest()
    assert build_track_payload({**BASE, "_id": identifier})["messageId"] == f"api-{digest[:32]}"


# Properties


def test_properties_are_the_record_flattened():
    record = {**BASE, "z": {"y": [1, {"x": None}]}, "e": [], "ts": "later", "time": "2021-10-22T16:11:48Z"}
    names = build_track_payload(record, separator="/")["properties"]
    del record["time"]
    assert names == flatten(record, separator="/")
    assert list(names) == ["action", "cID", "z/y/0", "z/y/1/x", "e", "ts"]


def test_a_property_that_bears_the_name_of_the_time_stays():
    """Only the record's own field became the timestamp."""
    assert properties({"time": "2021-10-22", "t": {"ime": 1}}, separator="") == {"time": 1}
    assert properties({"t": {"me": 1}, "time": "2021-10-22"}, separator="i") == {"time": 1}


def test_enriching_a_record_first_gives_the_same_payload():
    record = {"action": "click", "cID": "c1", "bmID": "b", "sp": {"rl": "r", "link": "r", "lKey": "k"}}
    message = {"name": "N", "subject": "S"}
    assert build_track_payload(enrich_email_fields(record, message)) == build_track_payload(record, message=message)


def test_two_added_fields_and_a_property_never_collide():
    """Whatever the separator, an added field gives way."""
    record = {"action": "click", "cID": "c1", "bmID": "b", "mcID": "m", "campaign": {"id": 1}, "email": {"id": [2]}}
    payload = build_track_payload(record)
    assert payload["properties"] == flatten(record) | {"email_id": "m"}
    assert build_track_payload(record, separator=".")["properties"] == {
        **flatten(record, separator="."),
        "campaign_id": "b",
        "email_id": "m",
    }


def test_an_emptied_section_gives_way_to_nothing_and_replaces_nothing():
    record = {"action": "click", "cID": "c1", "sp": {"link": ""}, "system_properties": {"link": None, "x": 1}}
    assert build_track_payload(record)["properties"] == {
        "action": "click",
        "cID": "c1",
        "sp": {},
        "system_properties_x": 1,
    }
    taken = {"action": "click", "cID": "c1", "s": {"p": 5}, "sp": {"link": ""}}
    assert build_track_payload(taken, separator="")["properties"] == {"action": "click", "cID": "c1", "sp": 5}


@pytest.mark.parametrize(
    "value",
    [0, -1, 2**53 + 1, 1 << 64, -(1 << 64), 10**4000, 0.0, -0.0, 1e308, 5e-324, True, None, "", "\0", "é", "\ud83d"],
    ids=lambda value: repr(value)[:25],
)
def test_what_json_has_a_form_for_comes_through(value):
    payload = build_track_payload({**BASE, "x": [value]})
    assert payload["properties"]["x_0"] == value
    assert type(payload["properties"]["x_0"]) is type(value)
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload


NO_JSON = [NAN, float("inf"), float("-inf"), 10**5000, -(10**5000), b"x", {1, 2}, datetime(2021, 1, 1), object(), 1j]


@pytest.mark.parametrize("value", NO_JSON, ids=lambda value: type(value).__name__)
def test_what_json_has_no_form_for_is_an_error_that_names_its_place(value):
    for argument in ("context", "integrations"):
        with pytest.raises(InvalidFieldError, match="has no JSON form") as caught:
            build_track_payload(BASE, **{argument: {"x": [{"fine": 1.5, "y": value}]}})
        assert caught.value.path == f"{argument}.x.0.y"
    with pytest.raises(InvalidFieldError, match="has no JSON form") as caught:
        build_track_payload({**BASE, "x": [{"fine": 1.5, "y": value}]})
    assert caught.value.path == "x.0.y"
    assert len(str(caught.value)) < 250


OPEN = {"action": "open", "cID": "c1"}
INF = float("inf")


@pytest.mark.parametrize(
    ("record", "message", "path"),
    [
        (OPEN, {"name": INF}, "message.name"),
        (OPEN, {"subject": NAN, "other": b"not sent"}, "message.subject"),
        ({**OPEN, "campaign_name": "own", "subject": NAN}, {"name": INF}, "subject"),
        ({**OPEN, "sp": {"link": INF}}, {}, "sp.link"),
        ({**OPEN, "sp": {"rl": NAN, "link": "x"}}, {}, "sp.rl"),
        ({**OPEN, "bmID": INF}, {}, "bmID"),
    ],
)
def test_what_has_no_json_form_is_told_where_it_was_given(record, message, path):
    """Not at the email field that is made from it."""
    with pytest.raises(InvalidFieldError, match="has no JSON form") as caught:
        build_track_payload(record, message=message)
    assert caught.value.path == path


def test_a_field_of_a_message_that_is_not_sent_is_not_looked_at():
    assert build_track_payload({**OPEN, "campaign_name": "own"}, message={"name": NAN})["event"] == "Email Opened"
    assert build_track_payload(BASE, message={"name": NAN})["event"] == "browse"


@pytest.mark.parametrize("leaf", [1, {}, []])
@pytest.mark.parametrize(("kind", "step"), [(lambda inner: [inner], "0"), (lambda inner: {"n": inner}, "n")])
def test_the_record_is_the_first_of_100_containers_at_most(leaf, kind, step):
    """Each may be an only child. An empty container is one too."""
    containers = 99 - (leaf != 1)
    for _ in range(containers):
        leaf = kind(leaf)
    assert len(properties({"x": leaf})) == 1
    with pytest.raises(NestingError) as caught:
        build_track_payload({**BASE, "x": kind(leaf)})
    assert caught.value.path == ".".join(["x", *[step] * 99])


def test_a_record_that_contains_itself_is_an_error():
    loop: dict = {**BASE}
    loop["self"] = loop
    with pytest.raises((NestingError, PayloadTooLargeError)):
        build_track_payload(loop)


@pytest.mark.parametrize(
    ("record", "key", "paths"),
    [
        ({"a": {"b": 1}, "a_b": 2}, "a_b", ("a.b", "a_b")),
        ({"a_b": 2, "a": {"b": 1}}, "a_b", ("a_b", "a.b")),
        ({"a": [{"b": 1}], "a_0": {"b": 2}}, "a_0_b", ("a.0.b", "a_0.b")),
        ({"sp": {"link": "l"}, "sp_link": "m"}, "sp_link", ("sp.link", "sp_link")),
    ],
)
@pytest.mark.parametrize("action", ["browse", "click"])
def test_two_places_of_the_record_that_give_one_property_are_an_error(record, key, paths, action):
    with pytest.raises(KeyCollisionError) as caught:
        build_track_payload({"action": action, "cID": "c1", **record})
    assert (caught.value.key, caught.value.paths, caught.value.path) == (key, paths, paths[1])


# Context and integrations


@pytest.mark.parametrize("argument", ["context", "integrations"])
@pytest.mark.parametrize(
    "beside",
    [{"a.b": 1, "a_b": 2, "a": {"b": 1}, "a\0b": 3}, {"a": json.loads("[" * 99 + "]" * 99)}, {"": {"": 1}}],
    ids=["the same path", "deep", "empty keys"],
)
def test_what_a_context_may_hold_hides_no_error(argument, beside):
    """A path that is there twice, and as much depth as a record may have, is no error in a context."""
    build_track_payload(BASE, **{argument: beside})
    with pytest.raises(InvalidFieldError) as caught:
        build_track_payload(BASE, **{argument: {**beside, "z": [0, float("inf")]}})
    assert caught.value.path == f"{argument}.z.1"


@pytest.mark.parametrize("argument", ["context", "integrations"])
def test_a_context_has_the_keys_that_a_record_may_have_and_loses_none(argument):
    assert build_track_payload(BASE, **{argument: {"a": {7: 1}}})[argument]["a"] == {"7": 1}
    with pytest.raises(KeyCollisionError) as caught:
        build_track_payload(BASE, **{argument: {"a": {1: "x", "1": "y"}}})
    assert caught.value.paths == (f"{argument}.a.1", f"{argument}.a.1")
    for key in (1.5, None, True):
        with pytest.raises(InvalidFieldError) as wrong:
            build_track_payload(BASE, **{argument: {"a": [{key: 1}]}})
        assert wrong.value.path == f"{argument}.a.0.{key}"


@pytest.mark.parametrize("argument", ["context", "integrations"])
def test_a_context_that_contains_itself_is_an_error_that_names_it(argument):
    loop: dict = {}
    loop["self"] = loop
    with pytest.raises(NestingError, match="deeper than 100,") as caught:
        build_track_payload(BASE, **{argument: loop})
    assert caught.value.path.startswith(f"{argument}.self.self")


def test_each_payload_has_containers_of_its_own():
    """Transports write into them."""
    arguments = {
        "context": {"device": {"tags": ["x"]}},
        "integrations": {"All": {"on": [True]}},
        "contact": {"channels": {"email": {"address": "ann@example.com"}}},
        "message": {"name": "N"},
    }
    record = {"action": "open", "cID": "c1", "a": {}, "b": [[]]}
    before = copy.deepcopy((record, arguments))
    first = build_track_payload(record, **arguments)
    pristine = copy.deepcopy(first)
    second = build_track_payload(record, **arguments)
    first["context"]["device"]["tags"].append("y")
    first["context"]["library"]["name"] = first["context"]["traits"]["email"] = "sender"
    first["integrations"]["All"]["on"].append(False)
    first["integrations"]["new"] = first["properties"]["a"]["new"] = first["properties"]["b_0"].append(1)
    assert second == pristine == build_track_payload(record, **arguments)
    assert (record, arguments) == before


def test_the_defaults_too_are_new_each_time():
    first = build_track_payload(BASE)
    first["context"]["library"]["name"] = first["context"]["x"] = first["integrations"]["x"] = "mine"
    assert build_track_payload(BASE)["context"] == CONTEXT
    assert build_track_payload(BASE)["integrations"] == {}


# 32 KB


def size(payload):
    """Return the bytes of the most compact JSON, with a lone surrogate as its escape of six bytes."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "backslashreplace"))


TEXTS = ["x", "é", "€", "😀", "\\", "\n", "\x01", "\x7f", "\ud800"]


def assert_fills(build, text="x", path=None):
    """Assert that a payload is built up to 32,768 bytes and not past them, however its text grows.

    What stands in the payload several times grows in steps of as many bytes.
    """
    empty, step, width = size(build("")), size(build("x")) - size(build("")), size(build(text)) - size(build(""))
    count, rest = divmod(32_768 - empty, width)
    full = text * count + "x" * (rest // step)
    assert 32_768 - step < size(build(full)) <= 32_768
    for longer in ("x" + full, full + "x", full + text, full * 2):
        with pytest.raises(PayloadTooLargeError) as caught:
            build(longer)
        if path:
            assert caught.value.path == path


@pytest.mark.parametrize("beside", [{}, {"odd": 1 << 70}, {"many": [0] * 500}], ids=["alone", "odd", "many"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_payload_has_32768_bytes_at_most_whatever_its_text(text, beside):
    assert_fills(lambda grown: build_track_payload({**BASE, **beside, "t": grown}), text, path="t")
    assert_fills(lambda grown: build_track_payload({**BASE, **beside, "t": {"u": [grown]}}), text, path="t.u.0")


def test_every_length_past_32768_bytes_is_refused():
    """No estimate has a gap just past the limit."""
    room = 32_768 - size(build_track_payload({**BASE, "t": ""}))
    assert size(build_track_payload({**BASE, "t": "x" * room})) == 32_768
    for more in range(1, 1_000):
        with pytest.raises(PayloadTooLargeError):
            build_track_payload({**BASE, "t": "x" * (room + more)})


@pytest.mark.parametrize("text", TEXTS)
def test_names_count_as_texts_do(text):
    assert_fills(lambda grown: build_track_payload({**BASE, f"k{grown}": 1}), text)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda text: build_track_payload({"action": f"a{text}", "cID": "c1"}), id="action"),
        pytest.param(lambda text: build_track_payload({"action": "browse", "cID": f"c{text}"}), id="cID"),
        pytest.param(lambda text: build_track_payload({"a": "cart"}, contact={"cID": f"c{text}"}), id="contact.cID"),
        pytest.param(lambda text: build_track_payload(BASE, user_id=f"u{text}"), id="user_id"),
        pytest.param(lambda text: build_track_payload(BASE, write_key=f"w{text}"), id="write_key"),
        pytest.param(lambda text: build_track_payload(BASE, context={"note": text}), id="context"),
        pytest.param(lambda text: build_track_payload(BASE, integrations={"note": text}), id="integrations"),
        pytest.param(
            lambda text: build_track_payload(BASE, contact={"channels": {"email": {"address": f"a{text}"}}}),
            id="traits",
        ),
        pytest.param(
            lambda text: build_track_payload({"action": "open", "cID": "c1"}, message={"name": f"n{text}"}),
            id="message",
        ),
        pytest.param(lambda text: build_track_payload({"action": "open", "cID": "c1", "bmID": f"b{text}"}), id="bmID"),
    ],
)
def test_everything_in_the_payload_counts(build, text):
    """All of it alone may fill a payload: whose event it is, the write key, what is given beside the record."""
    assert_fills(build, text)


def test_a_user_id_of_40000_characters_is_refused():
    with pytest.raises(PayloadTooLargeError):
        build_track_payload({"a": "cart", "cID": "c1"}, user_id="u" * 40_000)


def test_the_message_id_and_the_timestamp_count():
    record = {**BASE, "_id": "\x01" * 95, "time": "2021-10-22"}
    assert_fills(lambda text: build_track_payload({**record, "t": text}))
    assert_fills(lambda text: build_track_payload({**BASE, "t": text}, message_id="\x01" * 99))


def test_the_prefix_of_every_leaf_counts():
    """A long key over many leaves makes a large payload of a small record."""
    assert_fills(lambda text: build_track_payload({**BASE, f"k{text}": {"a": 1, "b": [2, {}], "c": {"d": 3}}}))
    record = {**BASE, "k" * 1_000: ["the largest", *[1] * 40]}
    with pytest.raises(PayloadTooLargeError) as caught:
        build_track_payload(record)
    assert caught.value.path == "k" * 1_000


def test_a_long_separator_counts_for_every_leaf():
    build = lambda text: build_track_payload({**BASE, "a": {"b": 1, "c": [2]}}, separator=f"-{text}")  # noqa: E731
    assert_fills(build)


class Number(int):
    """An integer of a class of its own, as a member of an ``IntEnum`` is one."""


@pytest.mark.parametrize(
    "value",
    [
        *(0, -1, True, None, "", {}, [], 1.5, -1.2345678901234567e-300, -(1 << 64) + 1, 1 << 64, 10**37, 10**300),
        *map(Number, (0, 1, 8, 16, 1 << 70)),
    ],
)
def test_what_stands_around_a_value_counts_and_so_does_every_digit(value):
    """Quotes, colons and commas too: a record whose text is short may be too large for these alone."""
    room = 32_768 - size(build_track_payload({**BASE, "t": ""}))
    for key in (lambda number: f"k{number:04}", lambda number: chr(0x4E00 + number)):
        count = room // (size({key(0): value}) - 1)
        record = {**BASE, **{key(number): value for number in range(count)}, "t": ""}
        rest = 32_768 - size(build_track_payload(record))
        assert size(build_track_payload({**record, "t": "x" * rest})) == 32_768
        with pytest.raises(PayloadTooLargeError):
            build_track_payload({**record, "t": "x" * (rest + 1)})


def test_what_does_not_go_out_does_not_count():
    """The time that became the timestamp, and a link that is dropped."""
    link = "https://example.com/" + "x" * 15_000
    for beside in ({}, {"odd": 1 << 70}):
        record = {"action": "click", "cID": "c1", **beside, "linkUrl": link}
        links = {"system_properties": {"link": link}, "sp": {"link": link, "x": 1}}
        payload = build_track_payload({**record, **links})
        assert payload["properties"] == {**record, "system_properties": {}, "sp_x": 1, "link_url": link}
        assert_fills(lambda text, record=record, links=links: build_track_payload({**record, **links, "t": text}))
        moment = {"time": "2021-10-22T16:11:48." + "0" * 44}
        assert_fills(
            lambda text, beside=beside, moment=moment: build_track_payload({**BASE, **beside, **moment, "t": text})
        )


def test_two_dropped_links_do_not_count_whatever_the_separator():
    record = {"action": "click", "cID": "c1", "sp": {"link": ""}, "system_properties": {"link": None}}
    payload = build_track_payload(record, separator="-" * 40_000)
    assert payload["properties"] == {"action": "click", "cID": "c1", "sp": {}, "system_properties": {}}


def test_the_time_of_a_record_of_many_fields_leaves_the_properties():
    fields = {f"{number:02x}": 0 for number in range(4_000)}
    assert build_track_payload({**BASE, **fields, "time": "2021-10-22"})["properties"] == {**BASE, **fields}


def test_a_link_that_stays_counts():
    for beside in ({}, {"odd": 1 << 70}):
        record = {"action": "click", "cID": "c1", **beside, "linkUrl": "u", "sp": {"rl": "r"}}
        build = lambda text, record=record: build_track_payload({**record, "sp": {"rl": "r", "link": f"l{text}"}})  # noqa: E731
        assert_fills(build)


@pytest.mark.parametrize(
    ("record", "path"),
    [
        ({"a": "x" * 500, "t": "x" * 33_000, "b": "x" * 400}, "t"),
        ({"a": ["x" * 20_000, "x" * 20_001]}, "a.1"),
        ({"a": ["x" * 20_001, "x" * 20_000]}, "a.0"),
        ({"k": {"x" * 33_000: {"y": 1}}}, "k." + "x" * 33_000 + ".y"),
        ({"t": "x" * 20_000, "items": [0] * 3_000}, "items"),
        ({"items": ["short"] * 9_000}, "items"),
        ({"items": [{"sku": f"S-{n}", "price": 9.5} for n in range(900)]}, "items"),
        ({"a": {"b": ["x" * 1_000] * 20}, "c": ["x" * 1_000] * 18}, "a.b"),
        ({"a": ["x" * 1_000] * 16, "b": ["x" * 1_000] * 16, "c": "x" * 900}, None),
        ({"t": "x" * 15_000, "k" * 17_000: {"a": 0, "b": 0}}, "k" * 17_000 + ".a"),
        ({"action": "open", "subject": "x" * 40_000}, "subject"),
        ({"a": "x" * 9_000, "b": "😀" * 8_000}, "b"),
        ({"a": "x" * 14_000, "b": "\ud800" * 3_400}, "b"),
        ({"a": "x" * 14_000, "b": "\x01" * 3_400}, "b"),
        ({"action": "open", "sp": {"rl": "x" * 17_000}}, "sp.rl"),
        ({"action": "open", "sp": {"link": "x" * 17_000, "rl": "x" * 17_000}}, "sp.rl"),
        ({"time": "2021-10-22", "n": [10**3000] * 11}, "n"),
        ({"a": [SHARED := ["x" * 4_000] * 2, "y" * 17_000], "b": [SHARED] * 5}, "b"),
        ({1: {2: "x" * 40_000}}, "1.2"),
    ],
)
def test_the_error_names_the_deepest_place_over_half_of_the_limit(record, path):
    """Where a reader would begin to cut: the heaviest child of the heaviest, counted as its leaves are sent."""
    with pytest.raises(PayloadTooLargeError) as caught:
        build_track_payload({**BASE, **record})
    assert caught.value.path == path
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"context": {"a": {"b": "x" * 32_000}}}, "context.a.b"),
        ({"context": {"a": ["x" * 1_000] * 40}}, "context.a"),
        ({"integrations": {"Cordial": {"a": "x" * 40_000}}}, "integrations.Cordial.a"),
        ({"message": {"subject": "x" * 40_000, "name": "y" * 50_000}, "channel": "email"}, "message.name"),
        ({"user_id": "u" * 32_500}, None),
        ({"contact": {"channels": {"sms": {"address": "5" * 32_500}}}}, None),
    ],
    ids=["text", "list", "integrations", "message", "user_id", "traits"],
)
def test_too_large_arguments_are_told_where_they_were_given(arguments, path):
    with pytest.raises(PayloadTooLargeError) as caught:
        build_track_payload({**BASE, "note": "n" * 700}, **arguments)
    assert caught.value.path == path


def test_the_error_says_what_the_payload_takes_and_what_of_it_the_place_does():
    record = {**BASE, "note": {"a": "é" * 20_000, "b": "x"}}
    with pytest.raises(PayloadTooLargeError) as caught:
        build_track_payload(record)
    counted = [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", str(caught.value))]
    frame = size(build_track_payload(BASE)) + size({"note_b": "x"}) - 1
    place = size({"note_a": "é" * 20_000}) - 1
    assert counted == [frame + place, 32_768, place]


@pytest.mark.parametrize("place", [16_384, 16_385])
def test_a_place_takes_over_half_of_the_limit_or_it_is_not_named(place):
    record = {**BASE, **{name: "x" * (place - size({name: ""}) + 1) for name in ("a", "b")}}
    with pytest.raises(PayloadTooLargeError) as caught:
        build_track_payload(record)
    assert caught.value.path == (None if place == 16_384 else "a")


def test_the_text_of_a_subclass_counts_as_it_is_sent():
    class Text(str):
        __slots__ = ()

    assert_fills(lambda text: build_track_payload({**BASE, "t": Text(text)}), "é")


def test_traits_count_once_and_only_if_they_are_sent():
    contact = {"_id": "c1", "channels": {"email": {"address": "x" * 30_000}}}
    assert build_track_payload(BASE, contact=contact, context={"a": 1})["context"]["traits"] == {"email": "x" * 30_000}
    contact["channels"]["email"]["address"] *= 2
    for context in (None, {}, {"a": 1}):
        with pytest.raises(PayloadTooLargeError):
            build_track_payload(BASE, contact=contact, context=context)
    assert build_track_payload(BASE, contact=contact, context={"traits": {}})["context"]["traits"] == {}


def test_integers_as_keys_count_as_their_digits():
    fits, too_many = dict.fromkeys(range(200), "x" * 100), dict.fromkeys(range(4000), "x" * 100)
    assert build_track_payload({**BASE, "d": fits})["properties"]["d_199"] == "x" * 100
    with pytest.raises(PayloadTooLargeError) as caught:
        build_track_payload({**BASE, "d": too_many})
    assert caught.value.path == "d"


# Arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"contact": 5}, "contact must be a mapping, not 5"),
        ({"contact": "c1"}, "contact must be a mapping, not 'c1'"),
        ({"contact": []}, "contact must be a mapping, not "),
        ({"message": 5}, "message must be a mapping, not 5"),
        ({"message": [("name", "x")]}, "message must be a mapping, not "),
        ({"user_id": 5}, "user_id must be a string, not 5"),
        ({"write_key": b"k"}, "write_key must be a string, not "),
        ({"message_id": 7}, "message_id must be a string, not 7"),
        ({"context": []}, "context must be a mapping, not "),
        ({"integrations": "All"}, "integrations must be a mapping, not 'All'"),
        ({"separator": None}, "separator must be a string, not None"),
        ({"channel": 5}, "channel must be a Channel or its string, not 5"),
    ],
)
@pytest.mark.parametrize("action", ["open", "browse"])
def test_an_argument_of_the_wrong_kind_is_a_type_error(arguments, message, action):
    with pytest.raises(TypeError) as caught:
        build_track_payload({"action": action, "cID": "c1"}, **arguments)
    assert str(caught.value).startswith(message)


def test_an_empty_channel_is_no_channel():
    with pytest.raises(ValueError, match=r"^'' is not a channel"):
        build_track_payload(BASE, channel="")


@pytest.mark.parametrize("event", [None, [], "text", 5, [("action", "open")]])
def test_a_record_that_is_no_mapping_is_a_type_error(event):
    with pytest.raises(TypeError, match="event must be a mapping, not"):
        build_track_payload(event)


def test_another_channel_is_a_value_error():
    with pytest.raises(ValueError, match="'fax' is not a channel: use one of email"):
        build_track_payload(BASE, channel="fax")


@pytest.mark.parametrize(
    ("right", "paths"),
    [
        ({}, {"action", "cID", "_id", "time", "x"}),
        ({"action": "browse"}, {"cID", "_id", "time", "x"}),
        ({"action": "browse", "cID": "c1", "_id": "e1"}, {"time", "x"}),
        ({"action": "browse", "cID": "c1", "_id": "e1", "time": None}, {"x"}),
    ],
)
def test_where_several_things_are_wrong_one_of_them_is_told(right, paths):
    with pytest.raises((MissingFieldError, InvalidFieldError)) as caught:
        build_track_payload({"_id": 5, "time": "soon", "x": NAN, **right})
    assert caught.value.path in paths


def test_only_the_record_goes_by_position():
    with pytest.raises(TypeError):
        build_track_payload(BASE, "email")  # type: ignore[misc]


def test_a_heavy_context_is_told_beside_a_larger_record_of_many_small_places():
    with pytest.raises(PayloadTooLargeError) as caught:
        build_track_payload({**BASE, **{f"n{n}": "x" * 100 for n in range(200)}}, context={"a": "x" * 17_000})
    assert caught.value.path == "context.a"
