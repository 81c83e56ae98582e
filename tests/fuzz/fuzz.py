"""Fuzzes the library: inputs of the worst kind on one side, what must always hold on the other.

Needs the extra `fuzz`. Run it from the repository's top:

    python tests/fuzz/fuzz.py [--target=NAME] [-runs=N] [-seed=N] [-max_len=N] [CORPUS_DIR ...]

NAME is a key of `TARGETS`; left out, the first byte of each input picks one. All else is libFuzzer's; the targets that
read text do better with `-dict=tests/fuzz/json.dict`. An input that breaks a promise is kept as `crash-...`; give its
name instead of a directory to run it again. `tests/fuzz/corpus/NAME/` holds inputs to start from, each of which the
ordinary tests run too.
"""

from __future__ import annotations

import io
import json
import math
import pickle
import sys
from collections import ChainMap, OrderedDict, UserDict, namedtuple
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

if __name__ == "__main__":
    import atheris

    with atheris.instrument_imports(include=["cordial_segment"]):
        import cordial_segment.__main__ as command
else:
    import cordial_segment.__main__ as command

from cordial_segment import (
    ORIGIN_FIELDS,
    Allow,
    Block,
    BlockAll,
    Channel,
    InvalidFieldError,
    KeyCollisionError,
    MissingFieldError,
    NestingError,
    PayloadTooLargeError,
    Policy,
    SendAll,
    TranslationError,
    build_track_payload,
    enrich_email_fields,
    flatten,
    is_blocked,
    map_event,
)

LIMIT = 32 * 1024
MAX_DEPTH = 100
EMAIL_FIELDS = ("campaign_id", "email_id", "campaign_name", "email_subject", "link_url", "link_id")
TIME_FIELDS = ("time", "ats", "ts")
TEXT_FIELDS = ("action", "a", "cID", "_id")


# Inputs: a value made of a fuzzer's bytes, leaning towards what the library looks at.


class Word(StrEnum):
    CLICK = "click"
    SYSTEM = "system_properties"
    TIME = "time"


class Number(IntEnum):
    ONE = 1
    MANY = 1000


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not what it holds"


class Whole(int):
    def __repr__(self) -> str:
        return "not a number"


class Dict(dict):
    pass


class List(list):
    pass


Pair = namedtuple("Pair", ["left", "right"])


class Repeating(Mapping):
    """A multi-valued mapping, such as web frameworks have for forms: `items()` repeats a key."""

    def __init__(self, inner: dict[Any, Any]) -> None:
        self.inner = inner

    def __getitem__(self, key: Any) -> Any:
        return self.inner[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.inner)

    def __len__(self) -> int:
        return len(self.inner)

    def items(self) -> Any:
        return [item for item in self.inner.items() for _ in "12"]


class Broken(Repeating):
    """A mapping over something that has gone away."""

    def items(self) -> Any:
        raise LookupError("gone")


class Moody:
    """A leaf that answers no question, as an array does not to some."""

    def __eq__(self, other: object) -> bool:
        raise ArithmeticError("not comparable")

    def __bool__(self) -> bool:
        raise ArithmeticError("neither true nor false")

    __hash__ = None  # type: ignore[assignment]


class Sticky:
    """A key that joins a string to something that is none, as pandas' missing values do."""

    def __radd__(self, other: object) -> Sticky:
        return self

    def __len__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return type(other) is Sticky

    def __hash__(self) -> int:
        return 1


KEYS = (
    *("action", "a", "cID", "_id", "time", "ats", "ts", "chnl-type", "chnl", "channel", "bmID", "mcID", "name"),
    *("subject", "system_properties", "sp", "rl", "link", "lKey", "linkUrl", "source", "origin", "context"),
    *("properties", "d", "g", "geoLoc", *EMAIL_FIELDS, "campaign", "id", "a_b", "b", "_", "", "0", "1", "a.b"),
    *("é", "\ud800", "sp_link", "k" * 200, Word.SYSTEM, Word.TIME, Text("link")),
    *(0, 1, -1, 10**30, Number.ONE, Whole(7)),
)
PLAIN_KEYS = tuple(key for key in KEYS if type(key) is str)
BAD_KEYS: tuple[Any, ...] = (True, None, 1.5, (1, 2), b"a", math.nan, Sticky())
STRINGS = (
    *("click", "open", "message-sent", "message_sent", "crdl_app_open", "crdl_incoming_sms", "browse"),
    *("segment", " SEGMENT\n", "email", "push", "SMS/MMS", "rest-api", "custom", "c1", "e1", "", "x"),
    *("https://example.com/?a=1", "\ud800", "\x00", "é", "🎉", "2021-10-22T16:11:48+0000", "2021-10-22"),
    *("2021-10-22T16:11:48.123456-07:00", "9999-12-31T24:00:00Z", "0001-01-01T00+14"),
)
PLAIN_LEAVES = (None, True, False, 0, 1, -1, 1.5, -0.0, 1e308, 2**63, 2**64, -(2**64), 10**400)
LEAVES: tuple[Any, ...] = (
    *PLAIN_LEAVES,
    *(Word.CLICK, Number.MANY, Text("click"), Text(""), Whole(12), datetime(2021, 10, 22, tzinfo=UTC)),
)
ODD_NUMBERS = (math.nan, math.inf, -math.inf, 10**5000)
ODD_LEAVES: tuple[Any, ...] = (
    *(*ODD_NUMBERS, Decimal("1.5"), date(2021, 10, 22), datetime(1, 1, 1), UUID(int=1)),
    *(b"bytes", bytearray(b"b"), frozenset({1}), {1, 2}, object(), Moody(), 1j, range(3)),
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
)
SEPARATORS = ("_", "_", "_", ".", "", "__", "a", "-" * 50)
CHANNELS: tuple[Any, ...] = (None, None, None, *Channel, "Push", "rcs")


class Source:
    """The fuzzer's bytes, read one by one; zeros past the end, so that each prefix is an input too."""

    def __init__(self, data: bytes, *, plain: bool = False) -> None:
        self.data = data
        self.plain = plain  # only what JSON gives
        self.at = 0
        self.made: list[Any] = []

    def byte(self) -> int:
        at = self.at
        self.at = at + 1
        return self.data[at] if at < len(self.data) else 0

    def pick(self, choices: tuple[Any, ...]) -> Any:
        return choices[self.byte() % len(choices)]

    def text(self) -> str:
        length = self.byte() % 16
        piece = self.data[self.at : self.at + length]
        self.at += length
        return piece.decode("utf-8", "surrogateescape")

    def key(self) -> Any:
        choice = self.byte()
        if self.plain:
            return PLAIN_KEYS[choice % len(PLAIN_KEYS)] if choice < 250 else self.text()
        if choice < 200:
            return KEYS[choice % len(KEYS)]
        return self.text() if choice < 250 else self.pick(BAD_KEYS)

    def mapping(self, depth: int) -> Any:
        inner: dict[Any, Any] = {}
        self.made.append(inner)
        for _ in range(self.byte() % 8):
            inner[self.key()] = self.value(depth - 1)
        kind = 0 if self.plain else self.byte()
        if kind < 200:
            return inner
        kinds = (MappingProxyType, OrderedDict, Dict, UserDict, ChainMap, Repeating, Broken)
        return kinds[kind % len(kinds)](inner)

    def sequence(self, depth: int) -> Any:
        inner: list[Any] = []
        self.made.append(inner)
        for _ in range(self.byte() % 5):
            inner += [self.value(depth - 1)]
        kind = 0 if self.plain else self.byte()
        if kind < 200:
            return inner
        return tuple(inner) if kind < 230 else List(inner) if kind < 250 else Pair(inner, kind)

    def value(self, depth: int) -> Any:
        kind = self.byte()
        if kind < 70:
            return self.pick(STRINGS)
        if kind < 110:
            return self.pick(PLAIN_LEAVES if self.plain else LEAVES)
        if kind < 120:
            return self.text()
        if kind < 124:
            return self.pick(ODD_NUMBERS if self.plain else ODD_LEAVES)
        if kind < 130:
            return self.pick(("x", "é", "\x01", "\ud800", "🎉")) * (2 ** (self.byte() % 16))
        if depth <= 0:
            return kind
        if kind < 200:
            return self.mapping(depth)
        if kind < 249:
            return self.sequence(depth)
        if kind < 251:
            return self.made[self.byte() % len(self.made)] if self.made else []
        if kind < 253:
            many = self.byte()
            return [self.value(depth - 1)] * (many % 4 if many < 240 else many)
        value: Any = self.value(depth - 1)
        for _ in range(self.byte() % 110):
            value = [value] if kind < 254 else {"k": value}
        return value

    def record(self) -> Any:
        """A record that has, more often than not, what a translation needs."""
        shape = self.byte()
        if shape < 8:
            return self.value(4)
        record = {"action": self.pick(STRINGS), "cID": "c1", "_id": "e1"} if shape < 200 else {}
        self.made.append(record)
        for _ in range(self.byte() % 12):
            record[self.key()] = self.value(4)
        if shape < 240 or self.plain:
            return record
        return self.pick((MappingProxyType, OrderedDict, ChainMap, Repeating, Broken))(record)


# What must hold, told by plainer means than the library's own.


def same(one: Any, other: Any) -> bool:
    """Whether two values are alike to the last type, and alike in what contains what."""
    waiting, seen = [(one, other)], set()
    while waiting:
        one, other = waiting.pop()
        if type(one) is not type(other):
            return False
        if isinstance(one, (Mapping, list, tuple)):
            pair = (id(one), id(other))
            if pair in seen:
                continue
            seen.add(pair)
            if isinstance(one, Repeating):
                one, other = one.inner, other.inner
            if len(one) != len(other):
                return False
            if isinstance(one, Mapping):
                waiting.extend(zip(one.keys(), other.keys(), strict=True))
                one, other = one.values(), other.values()
            waiting.extend(zip(one, other, strict=True))
        elif isinstance(one, float):
            if float.__repr__(one) != float.__repr__(other):
                return False
        elif type(one) not in (object, Moody) and one != other:
            return False
    return True


class Leaves:
    """The leaves of some data with their paths and flat keys, and each thing that is wrong with it."""

    def __init__(self, data: Any, separator: str, max_depth: int, most: int = 7000) -> None:
        self.separator = separator
        self.most = most  # by default as many as one payload could hold
        self.steps = 0
        self.found: list[tuple[tuple[Any, ...], str, Any]] = []
        self.problems: dict[str, set[str]] = {
            "key": set(),
            "nesting": set(),
            "unreadable": set(),
            "twice": set(),
            "more": set(),
        }
        if isinstance(data, (Mapping, list, tuple)):
            self.walk(data, (), "", max_depth)

    def walk(self, container: Any, path: tuple[Any, ...], prefix: str, depth: int) -> None:
        if isinstance(container, Broken):
            self.problems["unreadable"].add(dotted(path))
            return
        children = container.items() if isinstance(container, Mapping) else enumerate(container)
        for key, value in children:
            self.steps += 1
            if self.steps > self.most:
                self.problems["more"].add("")
            if self.problems["more"] or self.problems["nesting"]:
                return
            place = (*path, key)
            if isinstance(container, Repeating):
                self.problems["twice"].add(dotted(place))
            if isinstance(key, bool) or not isinstance(key, (str, int)):
                self.problems["key"].add(dotted(place))
            name = prefix + step(key)
            if not isinstance(value, (Mapping, list, tuple)):
                self.found.append((place, name, value))
            elif depth == 1:
                self.problems["nesting"].add(dotted(place))
            elif isinstance(value, Broken) or len(value):
                self.walk(value, place, name + self.separator, depth - 1)
            else:
                self.found.append((place, name, {} if isinstance(value, Mapping) else []))

    def paths_of(self, key: str) -> list[str]:
        return [dotted(path) for path, name, _ in self.found if name == key]


def dotted(path: tuple[Any, ...]) -> str:
    return ".".join(map(step, path))


def step(key: Any) -> str:
    """What a key contributes to a path, and, where it is a string or integer, to a flat key."""
    if isinstance(key, str):
        return "".join(key)
    if isinstance(key, int):
        return repr(bool(key)) if isinstance(key, bool) else format(int(key), "d")
    return repr(key) if key is None or isinstance(key, float) else f"a value of type {type(key).__name__}"


def has_json_form(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return int(value).bit_length() < 10_000
    return value is None or isinstance(value, (str, dict, list))


def mutables(*values: Any) -> set[int]:
    """The identities of the mappings and lists in some values, none of which may be freed meanwhile."""
    waiting, seen, found = [*values], set(), set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, (Mapping, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            if not isinstance(value, tuple):
                found.add(id(value))
            if isinstance(value, Repeating):
                value = value.inner
            waiting.extend(value.values() if isinstance(value, Mapping) else value)
    return found


def size(payload: Any) -> int:
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode("utf-8", "backslashreplace"))


def outcome(function: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, Exception | None]:
    try:
        return function(*arguments, **options), None
    except (TranslationError, TypeError, ValueError) as error:
        return None, error


def alike(one: tuple[Any, Exception | None], other: tuple[Any, Exception | None]) -> bool:
    (result, error), (again, fault) = one, other
    return (
        same(result, again)
        and type(error) is type(fault)
        and str(error) == str(fault)
        and same(vars_of(error), vars_of(fault))
    )


def vars_of(error: Exception | None) -> dict[str, Any]:
    return {} if error is None else dict(vars(error))


def check_error(error: Exception, data: Any, separator: str, max_depth: int, extra: tuple[str, ...] = ()) -> None:
    """Each error about a record is one that the record deserves, and names the place that does."""
    assert isinstance(error, TranslationError), repr(error)
    str(error).encode("utf-8")  # printable anywhere
    if isinstance(error, MissingFieldError):
        assert error.path in TEXT_FIELDS
        return
    leaves = Leaves(data, separator, max_depth)
    if isinstance(error, KeyCollisionError):
        paths = leaves.paths_of(error.key)
        twice = error.path in leaves.problems["twice"] or error.path in extra
        assert error.path == error.paths[1]
        unseen = leaves.problems["more"] or leaves.problems["nesting"]
        assert len(paths) + extra.count(error.key) > 1 or twice or unseen, (error, paths)
    elif isinstance(error, NestingError):
        assert error.path in leaves.problems["nesting"] or leaves.problems["more"], error.path
    elif isinstance(error, InvalidFieldError):
        wrong = leaves.problems["key"] | leaves.problems["unreadable"]
        wrong |= {dotted(path) for path, _, value in leaves.found if not has_json_form(value)}
        wrong.update(TEXT_FIELDS, TIME_FIELDS, extra)
        unseen = leaves.problems["more"] or leaves.problems["nesting"]
        assert (error.path or "") in wrong or unseen, (error.path, wrong)


# The targets: each takes the fuzzer's bytes and fails where a promise is broken.


def fuzz_flatten(data: bytes, separator: str | None = None) -> None:
    source, twin = Source(data), Source(data)
    record, pristine = source.record(), twin.record()
    separator = source.pick(SEPARATORS) if separator is None else separator
    max_depth = source.pick((100, 100, 3, 1, 500))
    leaves = Leaves(record, separator, max_depth, 400)
    if leaves.problems["more"]:
        return
    result, error = outcome(flatten, record, separator=separator, max_depth=max_depth)
    assert same(record, pristine), "the input was changed"
    assert alike((result, error), outcome(flatten, pristine, separator=separator, max_depth=max_depth))
    if not isinstance(record, (Mapping, list, tuple)):
        assert type(error) is TypeError
    elif error is not None:
        assert not isinstance(error, (PayloadTooLargeError, MissingFieldError))
        check_error(error, record, separator, max_depth)
    else:
        assert not any(leaves.problems.values())
        assert [*result] == [key for _, key, _ in leaves.found]
        assert all(type(key) is str for key in result)
        for (_, _, value), kept in zip(leaves.found, result.values(), strict=True):
            assert kept is value or (kept == value and type(kept) in (dict, list) and not kept)
        assert not mutables(result) & mutables(record)


def fuzz_payload(data: bytes) -> None:
    source, twin = Source(data), Source(data)
    check_payload(source.record(), twin.record(), source, twin)


def fuzz_payload_json(data: bytes) -> None:
    try:
        record, pristine = json.loads(data[1:]), json.loads(data[1:])
    except (ValueError, RecursionError):
        return
    check_payload(record, pristine, Source(data[:1] * 4), Source(data[:1] * 4))


def check_payload(record: Any, pristine: Any, source: Source, twin: Source) -> None:
    separator, channel, user_id = (
        source.pick(SEPARATORS),
        source.pick(CHANNELS),
        source.pick((None, None, "", "u1", "\ud800" * 99)),
    )
    message, again = (
        (None, None)
        if source.byte() < 128
        else (source.mapping(2), (twin.byte(), twin.byte(), twin.byte(), twin.byte(), twin.mapping(2))[-1])
    )
    options: dict[str, Any] = {"separator": separator, "channel": channel, "user_id": user_id}
    payload, error = outcome(build_track_payload, record, message=message, **options)
    assert same(record, pristine), "the input was changed"
    assert same(message, again), "the message was changed"
    assert alike((payload, error), outcome(build_track_payload, pristine, message=again, **options))
    if not isinstance(record, Mapping):
        assert type(error) is TypeError
    elif isinstance(error, PayloadTooLargeError):
        check_too_large(record, message, options)
    elif error is not None:
        from_message = tuple(map(step, message or ())) if isinstance(message, Repeating) else ()
        check_error(error, record, separator, MAX_DEPTH, (*EMAIL_FIELDS, "", *from_message))
    else:
        check_good_payload(payload, record, message, options)


def check_good_payload(payload: Any, record: Any, message: Any, options: dict[str, Any]) -> None:
    json.loads(json.dumps(payload, allow_nan=False))
    assert size(payload) <= LIMIT
    assert payload["type"] == "track"
    assert payload["context"] == {"library": {"name": "unknown", "version": "unknown"}, "source": "cordial"}
    assert payload["integrations"] == {}
    assert payload["event"]
    assert payload.get("anonymousId") or payload.get("userId")
    assert len(payload.get("messageId", "")) <= 100
    assert all(
        value for value in map(payload.get, ("anonymousId", "userId", "messageId", "timestamp")) if value is not None
    )
    properties = payload["properties"]
    leaves = Leaves(record, options["separator"], MAX_DEPTH)
    if leaves.problems["more"]:
        return
    assert not any(leaves.problems.values())
    time = next((name for name in TIME_FIELDS if record.get(name) not in (None, "")), None)
    assert ("timestamp" in payload) == (time is not None)
    if time is not None:
        assert len(payload["timestamp"]) == 24
        assert datetime.fromisoformat(payload["timestamp"]).tzinfo is not None
    unaccounted = dict(properties)
    for path, key, value in leaves.found:
        if path == (time,):
            continue
        if key in unaccounted and (properties[key] is value or (properties[key] == value and value in ({}, []))):
            del unaccounted[key]
        else:
            assert len(path) == 2, path
            assert path[0] in ("system_properties", "sp"), path
            assert path[1] == "link", path
            assert value in (None, "", properties.get("link_url")), path
    for key, value in unaccounted.items():
        assert key in EMAIL_FIELDS or (key in ("system_properties", "sp") and value == {}), key
    assert all(type(key) is str for key in properties)
    assert not mutables(payload) & mutables(record, message)


def check_too_large(record: Any, message: Any, options: dict[str, Any]) -> None:
    """A refused record is one whose payload, put together step by step, is over the limit."""
    time = next((name for name in TIME_FIELDS if record.get(name) not in (None, "")), None)
    rest = {key: value for key, value in record.items() if key != time}
    if Leaves(rest, options["separator"], MAX_DEPTH).problems["more"]:
        return
    action = record.get("action") or record.get("a")
    names = [record.get(name) for name in ("chnl-type", "chnl", "channel")]
    stated = next((name for name in names if isinstance(name, str) and outcome(Channel, name)[0]), None)
    channel = options["channel"] or stated
    is_email = channel is not None and Channel(channel) is Channel.EMAIL
    if channel is None:
        is_email = map_event(action) != action or action in ("complaint", "message-stopped")
    try:
        full = flatten(enrich_email_fields(rest, message) if is_email else rest, separator=options["separator"])
    except TranslationError:
        return
    if sum(len(key) + (len(value) if isinstance(value, str) else 1) for key, value in full.items()) > LIMIT:
        return
    payload = {
        "type": "track",
        "event": map_event(action, channel),
        "context": {"library": {"name": "unknown", "version": "unknown"}, "source": "cordial"},
        "integrations": {},
        "properties": {key: value if has_json_form(value) else 0 for key, value in full.items()},
    }
    if record.get("cID"):
        payload["anonymousId"] = record["cID"]
    if options["user_id"]:
        payload["userId"] = options["user_id"]
    if record.get("_id"):
        payload["messageId"] = ("api-" + record["_id"]).ljust(68)[:100]
    if time:
        payload["timestamp"] = "2021-10-22T16:11:48.000Z"
    assert size(payload) > LIMIT, "refused, but it fits"


def fuzz_ways(data: bytes) -> None:
    """Plain data takes a short way, and the same in subclasses a careful one: they give the same."""
    source = Source(data, plain=True)
    record, separator, max_depth = source.record(), source.pick(SEPARATORS), source.pick((100, 100, 3, 1))
    if not isinstance(record, dict) or Leaves(record, separator, max_depth, 400).problems["more"]:
        return
    twin = odd(record)
    for function, options in ((flatten, {"max_depth": max_depth}), (build_track_payload, {})):
        short, error = outcome(function, record, separator=separator, **options)
        careful, fault = outcome(function, twin, separator=separator, **options)
        assert same(short, careful)
        kinds = {type(error), type(fault)}
        # Of several faults each way tells one: the short one looks ahead for what is too large, and back for what
        # collides. What is too large is found at a place, or by its sum alone.
        if PayloadTooLargeError in kinds or (KeyCollisionError in kinds and len(kinds) > 1):
            assert type(None) not in kinds
        else:
            assert same(vars_of(error), vars_of(fault))
            assert len(kinds) == 1


def odd(value: Any) -> Any:
    """The same with each dict and list of a subclass; without recursion, as the value may nest deep or in itself."""
    made: dict[int, Any] = {}

    def shell(part: Any) -> Any:
        if not isinstance(part, (dict, list)):
            return part
        if id(part) not in made:
            made[id(part)] = Dict() if isinstance(part, dict) else List()
            waiting.append(part)
        return made[id(part)]

    waiting: list[Any] = []
    whole = shell(value)
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            made[id(part)].update((key, shell(child)) for key, child in part.items())
        else:
            made[id(part)].extend(map(shell, part))
    return whole


def fuzz_blocked(data: bytes) -> None:
    source, twin = Source(data), Source(data)
    record, pristine = source.record(), twin.record()
    policy = source.pick(
        (None, Policy(), Policy(email=BlockAll(), sms=Allow("click")), Block("open"), BlockAll(), SendAll())
    )
    channel = source.pick(CHANNELS)
    fields: Any = ORIGIN_FIELDS if source.byte() < 200 else [source.text(), source.pick(STRINGS), "d.source"]
    blocked, error = outcome(is_blocked, record, policy, channel=channel, origin_fields=fields)
    assert same(record, pristine), "the input was changed"
    assert alike((blocked, error), outcome(is_blocked, pristine, policy, channel=channel, origin_fields=fields))
    if not isinstance(record, Mapping):
        assert type(error) is TypeError
        return
    if error is not None:
        check_error(error, record, "_", MAX_DEPTH, ("",))
        if isinstance(error, InvalidFieldError) and (error.path or "") in TEXT_FIELDS:
            assert policy is not None
        return
    assert type(blocked) is bool
    marked = any(is_mark(record, field.split(".")) for field in fields)
    assert blocked or not marked
    if not marked and policy is None:
        assert not blocked
    if not marked and policy is not None:
        action = record.get("action") or record.get("a")
        if channel is not None:
            assert blocked is not policy.allows(action, channel)
        elif isinstance(policy, (Block, BlockAll, SendAll)):
            assert blocked is not policy.allows(action)


def is_mark(record: Any, steps: list[str]) -> bool:
    for step in steps[:-1]:
        record = record.get(step) if isinstance(record, Mapping) else None
    value = record.get(steps[-1]) if isinstance(record, Mapping) else None
    return isinstance(value, str) and "".join(value).strip().casefold() == "segment"


def fuzz_enrich(data: bytes) -> None:
    source, twin = Source(data), Source(data)
    record, pristine = source.record(), twin.record()
    message, again = (None, None) if source.byte() < 128 else (source.mapping(2), (twin.byte(), twin.mapping(2))[1])
    result, error = outcome(enrich_email_fields, record, message)
    assert same(record, pristine), "the input was changed"
    assert same(message, again), "the message was changed"
    assert alike((result, error), outcome(enrich_email_fields, pristine, again))
    if not isinstance(record, Mapping):
        assert type(error) is TypeError
        return
    if error is not None:
        if isinstance(error, NestingError):  # it names the container that holds too many, not the last of them
            problems = Leaves(record, "_", MAX_DEPTH).problems
            within = f"{error.path}."
            assert problems["more"] or any(f"{path}.".startswith(within) for path in problems["nesting"]), error.path
            return
        from_message = tuple(map(step, message or ())) if isinstance(message, Repeating) else ()
        check_error(error, record, "_", MAX_DEPTH, ("", *from_message))
        return
    assert type(result) is dict
    assert [*result][: len(record)] == [*record]
    assert {*result} - {*record} <= {*EMAIL_FIELDS}
    for name in ("system_properties", "sp"):
        given = record.get(name)
        if isinstance(given, Mapping) and "link" in given and "link" not in result[name]:
            assert given["link"] in (None, "", result.get("link_url"))
    assert not mutables(result) & mutables(record, message)


def fuzz_policy(data: bytes) -> None:
    if data[:1] < b"\x80":
        try:
            settings = json.loads(data[1:])
        except (ValueError, RecursionError):
            return
    else:
        source = Source(data[1:])
        names = ("email", "sms", "Push", "rest-api", "custom", "mms", "mobile", "x", 1, "", None)
        modes = ("send_all", "block_all", "", None, 1)
        kinds = ("allow", "block", "deny", 1)
        settings = {}
        for _ in range(source.byte() % 6):
            shape = source.byte()
            mode: Any = {source.pick(kinds): [source.pick(STRINGS) for _ in range(source.byte() % 4)]}
            settings[source.pick(names)] = (
                mode if shape < 150 else source.pick(modes) if shape < 240 else source.value(3)
            )
    policy, error = outcome(Policy.from_dict, settings)
    if not isinstance(settings, Mapping):
        assert type(error) is TypeError
    elif error is not None:
        assert type(error) is ValueError, repr(error)
    else:
        makers = {"Policy": Policy, "SendAll": SendAll, "Allow": Allow, "Block": Block, "BlockAll": BlockAll}
        assert eval(repr(policy), makers) == policy  # noqa: S307 - it is our own repr
        assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301 - and our own pickle
        assert hash(Policy.from_dict(settings)) == hash(policy)
        assert all(type(policy.allows(action, channel)) is bool for action in ("open", "click") for channel in Channel)


def fuzz_command(data: bytes) -> None:
    text, option = data[1:], data[0] if data else 0
    lines = text.splitlines(keepends=True) if option & 1 else [line + b"\n" for line in text.split(b"\n")]
    read = list(command.read_records(lines))
    numbers = [number for number, _ in read]
    assert numbers == sorted(numbers)
    assert all(1 <= number <= len(lines) for number in numbers)
    for _, record in read:
        assert isinstance(record, (ValueError, dict, list, str, int, float, type(None)))
    status, out, said = run_command(text, ["--channel=email"] if option & 2 else [])
    payloads = [json.loads(line) for line in out.splitlines()]
    counts = [int(part.split()[0]) for part in said.splitlines()[-1].split(", ")]
    assert counts[0] == len(payloads)
    assert status == (1 if counts[2] else 0)
    assert all(size(payload) <= LIMIT for payload in payloads)
    if not option & 1:
        assert sum(counts) == len(read)


def run_command(text: bytes, arguments: list[str]) -> tuple[int, str, str]:
    streams = sys.stdin, sys.stdout, sys.stderr
    out, said = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO(text)), out, said
    try:
        return command.main(arguments), out.buffer.getvalue().decode(), said.getvalue()
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams


TARGETS: dict[str, Callable[[bytes], None]] = {
    "flatten": fuzz_flatten,
    "payload": fuzz_payload,
    "payload-json": fuzz_payload_json,
    "ways": fuzz_ways,
    "blocked": fuzz_blocked,
    "enrich": fuzz_enrich,
    "policy": fuzz_policy,
    "command": fuzz_command,
}


def run_one(data: bytes) -> None:
    """Let the first byte of an input choose its target."""
    if data:
        [*TARGETS.values()][data[0] % len(TARGETS)](data[1:])


def main() -> None:
    chosen = [argument.removeprefix("--target=") for argument in sys.argv if argument.startswith("--target=")]
    rest = [argument for argument in sys.argv if not argument.startswith("--target=")]
    atheris.Setup(rest, TARGETS[chosen[0]] if chosen else run_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
