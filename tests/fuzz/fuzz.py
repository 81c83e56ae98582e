"""Fuzzes the library: any input on one side, a plain model of each promise on the other.

Needs the extra `fuzz`. Run it from the repository's top:

    python tests/fuzz/fuzz.py --target=NAME [-runs=N] [-seed=N] [-max_len=N] [CORPUS_DIR ...]

NAME is a key of `TARGETS`; left out, the first byte of each input picks one. All else is libFuzzer's; the targets that
read text do better with `-dict=tests/fuzz/json.dict`. An input that breaks a promise is kept as `crash-...`; give its
name instead of a directory to run it again. `tests/fuzz/corpus/NAME/` holds inputs to start from, each of which the
ordinary tests run too.

The models are slow and simple. Where a record has several faults, any one of them may be told.
"""

import gzip
import hashlib
import io
import json
import math
import pickle
import random
import re
import sys
from collections import ChainMap, Counter, OrderedDict, UserDict, namedtuple
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any
from unittest import mock

if __name__ == "__main__":
    import atheris

with atheris.instrument_imports(include=["cordial_segment"]) if __name__ == "__main__" else nullcontext():
    from cordial_segment import (
        EVENT_NAMES,
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
        batch_payloads,
        build_track_payload,
        channel_of,
        enrich_email_fields,
        flatten,
        is_blocked,
        map_event,
        open_envelope,
    )
    from cordial_segment.__main__ import main as command

LIMIT = 32 * 1024
SECTIONS = ("system_properties", "sp")
EMAIL_FIELDS = ("campaign_id", "email_id", "campaign_name", "email_subject", "link_url", "link_id")

# Inputs: a value made of a fuzzer's bytes, leaning towards what the library looks at.

Word = StrEnum("Word", {"CLICK": "click", "SYSTEM": "system_properties", "TIME": "time", "LINK": "link"})
Number = IntEnum("Number", {"ONE": 1, "MANY": 1000})
Pair = namedtuple("Pair", ["left", "right"])


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


class Broken(Mapping):
    """A mapping over something that has gone away."""

    def __init__(self, inner: dict[Any, Any]) -> None:
        self.inner = inner

    def __getitem__(self, key: Any) -> Any:
        raise LookupError("gone")

    def __iter__(self) -> Iterator[Any]:
        raise LookupError("gone")

    def __len__(self) -> int:
        return len(self.inner)


PLAIN_KEYS = (
    *("action", "a", "cID", "_id", "time", "ats", "ts", "chnl-type", "chnl", "channel", "bmID", "mcID", "name"),
    *("subject", "message_name", "system_properties", "sp", "rl", "link", "lKey", "linkUrl", "sendType", "source"),
    *("origin", "context", "properties", "d", "robot", "event", "contact", "channels", "email", "sms", "address"),
    *(*EMAIL_FIELDS, "url", "a_b", "b", "_", "", "0", "1", "a.b", "é", "\ud800", "sp_link", "k" * 200),
)
KEYS = (*PLAIN_KEYS, Word.SYSTEM, Word.TIME, Text("link"), 0, 1, -1, 10**30, Number.ONE, Whole(7))
UNPRINTABLE = 10**4300
BAD_KEYS = (True, None, 1.5, (1, 2), b"a", math.nan, UNPRINTABLE)
STRINGS = (
    *("click", "open", "optout", "message-sent", "message_sent", "crdl_app_open", "crdl_incoming_sms", "browse"),
    *("crdl_push-ios_send_failure", "crdl_send_failure", "segment", " SEGMENT\n", "email", "Email promo", "push-ios"),
    *("SMS/MMS", "sms_plivo", "rest-api", "rest_of_world_email", "custom", "whatsapp", "c1", "e1", "", "x", "\ud800"),
    *("https://example.com/?a=1", "\x00", "é", "🎉", "2021-10-22T16:11:48+0000", "2021-10-22", "1711123112345"),
    *("2021-10-22 16:11:48 UTC", "2021-10-22T16:11:48.1239-07:00", "9999-12-31T24:00:00Z", "0001-01-01T00+14"),
    *("2021-10-22T16:11:48.000 +0000", "2021-10-22T16:11+01:99", "2021-W42-5"),
)
PLAIN_LEAVES = (None, True, False, 0, 1, -1, 1.5, 1.0, -0.0, 1e308, 2**63, 2**64, -(2**64), 10**400)
ODD_NUMBERS = (math.nan, math.inf, -math.inf, UNPRINTABLE)
LEAVES = (*PLAIN_LEAVES, *Word, Number.MANY, Text("click"), Text(""), Whole(12), datetime(2021, 10, 22, 1, 2, 3, 4999))
ODD_LEAVES = (
    *(*ODD_NUMBERS, Decimal("1.5"), date(2021, 10, 22), datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))),
    *(datetime(2021, 1, 1, tzinfo=UTC), b"bytes", bytearray(b"b"), frozenset({1}), {1, 2}, object(), 1j, range(3)),
)
SEPARATORS = ("_", "_", "_", ".", "", "__", "a", "-" * 50)
NAMES = {
    **{channel.value: channel for channel in Channel},
    **dict.fromkeys(("mms", "sms/mms", "rcs"), Channel.SMS),
    **{"push": Channel.MOBILE, "rest-api": Channel.REST},  # noqa: PIE800
}


class Source:
    """The fuzzer's bytes, read one by one; zeros past the end, so that each prefix is an input too."""

    def __init__(self, data: bytes, *, plain: bool = False) -> None:
        self.data = data
        self.plain = plain  # only what JSON gives
        self.at = 0
        self.made: list[Any] = []

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1] if self.at <= len(self.data) else 0

    def pick(self, choices: Any) -> Any:
        return choices[self.byte() % len(choices)]

    def text(self) -> str:
        start = self.at + 1
        self.at = start + self.byte() % 16
        return self.data[start : self.at].decode("utf-8", "surrogateescape")

    def key(self) -> Any:
        choice = self.byte()
        if choice < 220:
            return self.pick(PLAIN_KEYS if self.plain else KEYS)
        return self.text() if choice < 250 or self.plain else self.pick(BAD_KEYS)

    def mapping(self, depth: int = 3) -> Any:
        inner: dict[Any, Any] = {}
        self.made.append(inner)
        for _ in range(self.byte() % 8):
            inner[self.key()] = self.value(depth - 1)
        if self.plain or self.byte() < 200:
            return inner
        return self.pick((MappingProxyType, OrderedDict, Dict, UserDict, ChainMap, Broken))(inner)

    def sequence(self, depth: int) -> Any:
        inner: list[Any] = []
        self.made.append(inner)
        for _ in range(self.byte() % 5):
            inner += [self.value(depth - 1)]
        if self.plain or self.byte() < 200:
            return inner
        return self.pick((tuple(inner), List(inner), Pair(inner, 1)))

    def value(self, depth: int) -> Any:
        kind = self.byte()
        if kind < 80:
            return self.pick(STRINGS)
        if kind < 110:
            return self.pick(PLAIN_LEAVES if self.plain else LEAVES)
        if kind < 124:
            return self.text() if kind < 120 else self.pick(ODD_NUMBERS if self.plain else ODD_LEAVES)
        if kind < 130:
            return self.pick(("x", "é", "\x01", "\ud800", "🎉")) * (2 ** (self.byte() % 16))
        if depth <= 0:
            return kind
        if kind < 249:
            return self.mapping(depth) if kind < 210 else self.sequence(depth)
        if kind < 251:
            return self.pick(self.made) if self.made and not self.plain else []
        value: Any = self.value(depth - 1)
        if kind < 253:
            many = self.byte()
            return [value] * (many % 4 if many < 240 else many)
        for _ in range(self.byte() % 110):
            value = [value] if kind < 254 else {"k": value}
        return value

    def record(self) -> Any:
        """A record that has, more often than not, what a translation needs."""
        shape = self.byte()
        if shape < 8:
            return self.value(4)
        record: Any = {"action": self.pick(STRINGS), "cID": "c1", "_id": "e1"} if shape < 200 else {}
        self.made.append(record)
        for _ in range(self.byte() % 12):
            record[self.key()] = self.value(4)
        return record if shape < 240 or self.plain else self.pick((MappingProxyType, Dict, ChainMap, Broken))(record)


# What the models are made of.


def parts(*values: Any) -> dict[int, tuple[Any, list[Any]]]:
    """Each container in some values, by its identity, with its children."""
    waiting, found = [*values], {}
    while waiting:
        value = waiting.pop()
        if isinstance(value, (Mapping, list, tuple)) and id(value) not in found:
            inner = value.inner if isinstance(value, Broken) else value
            children = [*inner.values()] if isinstance(inner, Mapping) else [*inner]
            found[id(value)] = value, children
            waiting += children
    return found


class Call:
    """One call: its result or its error, after which its arguments hold what they held and share nothing with it."""

    def __init__(self, function: Callable[..., Any], *arguments: Any, shares: bool = False, **options: Any) -> None:
        before = {key: (value, [*map(id, held)]) for key, (value, held) in parts(arguments, options).items()}
        self.result: Any = None
        self.error: Exception | None = None
        try:
            self.result = function(*arguments, **options)
        except (TranslationError, TypeError, ValueError) as error:
            self.error = error
        assert str(self.error).isprintable()
        assert len(str(self.error)) < 1000
        after = parts(*(value for value, _ in before.values()))
        for key, (_, held) in before.items():
            assert key not in after or held == [*map(id, after[key][1])], "an argument was changed"
        if not shares:
            made = parts(self.result)
            assert not [1 for key, (value, _) in made.items() if key in before and not isinstance(value, tuple)]

    def refused(self, *kinds: type[Exception]) -> bool:
        """Whether there is an error, which must be of one of these kinds."""
        assert self.error is None or type(self.error) in kinds, repr(self.error)
        return self.error is not None


def broken(*values: Any) -> bool:
    return any(isinstance(part, Broken) for part, _ in parts(*values).values())


def section(holder: Any, name: str) -> dict[Any, Any]:
    value = holder.get(name)
    return dict(value.items()) if isinstance(value, Mapping) and not isinstance(value, Broken) else {}


def is_value(value: Any) -> bool:
    return value != "" if isinstance(value, str) else isinstance(value, (int, float)) and not isinstance(value, bool)


def has_json_form(value: Any) -> bool:
    if isinstance(value, (int, float)):
        return math.isfinite(value) if isinstance(value, float) else abs(int(value)) < UNPRINTABLE
    return value is None or isinstance(value, (str, dict, list))


def key_text(key: Any) -> str:
    return "".join(key) if isinstance(key, str) else format(int(key), "d")


class Leaves:
    """The leaves of some data with their paths and flat keys, and the places of what is wrong with it."""

    def __init__(self, data: Any, separator: str, max_depth: int, most: int) -> None:
        self.separator, self.room = separator, most
        self.found: list[tuple[str, str, Any]] = []
        self.deep: list[str] = []
        self.wrong: list[str] = []
        self.walk(data, (), max_depth)
        self.keys = Counter(key for _, key, _ in self.found)
        self.partial = bool(self.deep) or self.room < 0

    def walk(self, container: Any, above: tuple[str, ...], depth: int) -> None:
        if isinstance(container, Broken):
            self.wrong.append(".".join(above))
            return
        for key, value in container.items() if isinstance(container, Mapping) else enumerate(container):
            if self.room < 0 or self.deep:
                return
            good = isinstance(key, str) or (isinstance(key, int) and key is not True and key < UNPRINTABLE)
            if not good:
                self.wrong.append(".".join((*above, repr(key) if key != BAD_KEYS[-1] else "")))
            path = (*above, key_text(key) if good else "?")
            if not isinstance(value, (Mapping, list, tuple)):
                self.add(path, value)
            elif depth == 1:
                self.deep.append(".".join(path))
            elif len(value) or isinstance(value, Broken):
                self.walk(value, path, depth - 1)
            else:
                self.add(path, {} if isinstance(value, Mapping) else [])

    def add(self, path: tuple[str, ...], value: Any) -> None:
        key = self.separator.join(path)
        self.found.append((".".join(path), key, value))
        self.room -= len(key) + 4

    def faults(self) -> set[type[Exception]]:
        faults: set[type[Exception]] = {InvalidFieldError} if self.wrong else set()
        if self.deep:
            faults.add(NestingError)
        return faults | ({KeyCollisionError} if max(self.keys.values(), default=0) > 1 else set())

    def check(self, error: Any) -> None:
        """An error names the place that deserves it."""
        if getattr(error, "path", None) and error.path.startswith(("context.", "integrations.")):
            return  # it may be of another argument
        if isinstance(error, KeyCollisionError) and not self.partial:
            paths = [path for path, key, _ in self.found if key == error.key]
            assert {*error.paths} <= {*paths}
            assert len(paths) > 1
            assert error.path == error.paths[1]
        if isinstance(error, NestingError) and self.room >= 0:
            assert error.path in self.deep


def email_fields(record: Any, message: Any) -> dict[str, Any]:
    system, short = (section(record, name) for name in SECTIONS)
    links = [holder.get(name) for name in ("rl", "link") for holder in (system, short)]
    sources = (
        ("campaign_id", [record.get("bmID")]),
        ("email_id", [record.get("mcID")]),
        ("campaign_name", [message.get("name"), record.get("name"), record.get("message_name")]),
        ("email_subject", [message.get("subject"), record.get("subject")]),
        ("link_url", [*links, record.get("linkUrl")]),
        ("link_id", [system.get("lKey"), short.get("lKey"), record.get("lKey")]),
    )
    found = {field: next(filter(is_value, values), None) for field, values in sources}
    return {field: value for field, value in found.items() if value is not None}


def is_needless(link: Any, url: Any) -> bool:
    return link is None or (isinstance(link, str) and link == "") or (is_value(link) and is_value(url) and link == url)


def named_channel(name: Any) -> Channel | None:
    if not isinstance(name, str):
        return None
    word = re.match(r"[^\W_]*", name.lower())[0]
    whole = NAMES.get(name.lower())
    return whole or (NAMES[word] if word in ("email", "push", "mobile", "sms", "mms", "rcs") else None)


def action_channel(action: str | None) -> Channel:
    """The channel of the actions that the inputs are likely to hold."""
    if failed := re.fullmatch(r"crdl_(.*)_send_failure", action or "", re.DOTALL):
        return named_channel(failed[1]) or Channel.CUSTOM
    if action in ("open", "click", "optout", "bounce", "complaint", "message-stopped"):
        return Channel.EMAIL
    return {"crdl_app_open": Channel.MOBILE, "crdl_incoming_sms": Channel.SMS}.get(action or "", Channel.CUSTOM)


def model_action(record: Any) -> tuple[str | None, set[type[Exception]]]:
    for name in ("action", "a"):
        value = record.get(name)
        if value is not None and not isinstance(value, str):
            return None, {InvalidFieldError}
        if value:
            return ("message_sent" if value == "message-sent" else value), set()
    return None, {MissingFieldError}


def model_channel(record: Any) -> Channel:
    names = [(field, record.get(field)) for field in ("chnl-type", "chnl", "channel")]
    names = [(field, name) for field, name in names if isinstance(name, str) and name]
    if found := next(filter(None, (named_channel(name) for _, name in names)), None):
        return found
    if any(named_channel(section(record, name).get("sendType")) is Channel.SMS for name in SECTIONS):
        return Channel.SMS
    action, _ = model_action(record)
    channel = action_channel(action)
    doubtful = names and (names[0][0] == "chnl-type" or action in ("click", "optout"))
    return Channel.CUSTOM if doubtful and channel is Channel.EMAIL else channel


def model_time(value: Any) -> str | None:
    """A time as a payload has it, or None if it must be refused."""
    try:
        if isinstance(value, str):
            day, clock = [*re.split("[T ]", value, maxsplit=1), "00"][:2]
            clock = re.sub(r" (?=[+\-UZ])", "", re.sub("UTC$", "Z", clock), count=1)
            offset = re.sub(r"\D", "", (re.search(r"[+-].*", clock) or [""])[0])
            if len(value) > 64 or clock[:2] == "24" or offset[2:4] > "59" or offset[4:6] > "59":
                return None
            # Python passes over any character where a fraction may begin, and reads half a minute as half a second.
            if not re.fullmatch(r"\d{4}-?(\d\d-?\d\d|W\d\d(-?\d)?)", day):  # it reads some more digits, too
                return None
            if not re.fullmatch(r"\d\d(:?\d\d(:?\d\d([.,]\d+)?)?)?(Z|[+-]\d\d(:?\d\d(:?\d\d)?)?)?", clock):
                return None
            value = datetime.fromisoformat(f"{date.fromisoformat(day)}T{clock}")
        if not isinstance(value, datetime):
            return None
        value = value.astimezone(UTC) if value.tzinfo else value
        return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    except (ValueError, OverflowError):
        return None


def size(payload: Any) -> int:
    return len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace"))


# The targets: each takes the fuzzer's bytes and fails where a promise is broken.


def fuzz_flatten(data: bytes) -> None:
    source = Source(data)
    record, separator, max_depth = source.record(), source.pick(SEPARATORS), source.pick((100, 100, 3, 1, 250))
    if not isinstance(record, (Mapping, list, tuple)):
        assert Call(flatten, record).refused(TypeError)
        return
    leaves = Leaves(record, separator, max_depth, 50_000)
    if leaves.room < 0:
        return  # flatten has no limit of size
    call = Call(flatten, record, separator=separator, max_depth=max_depth)
    leaves.check(call.error)
    assert call.refused(*leaves.faults()) == bool(leaves.faults())
    if call.error is None:
        assert [*call.result] == [key for _, key, _ in leaves.found]
        assert {*map(type, call.result)} <= {str}
        for (_, _, value), kept in zip(leaves.found, call.result.values(), strict=True):
            assert kept is value or (value in ({}, []) and kept == value and type(kept) is type(value))


def fuzz_payload(data: bytes) -> None:
    source = Source(data)
    check_payload(source.record(), source)


def fuzz_payload_json(data: bytes) -> None:
    try:
        record = json.loads(data[1:])
    except (ValueError, RecursionError):
        return
    check_payload(record, Source(data[:1] * 8, plain=True))


def mutate_json(data: bytes, seed: int) -> bytes:
    """Put another value somewhere into the JSON: of a text whose bytes are changed at random, little stays JSON."""
    chance = random.Random(seed)
    source = Source(chance.randbytes(100), plain=True)
    try:
        record = json.loads(data[1:])
    except (ValueError, RecursionError):
        record = source.mapping()
    holders = [record]
    for holder in holders:
        children = holder.values() if isinstance(holder, dict) else holder if isinstance(holder, list) else ()
        holders += [child for child in children if isinstance(child, (dict, list))]
    holder = chance.choice(holders)
    if isinstance(holder, dict):
        holder[chance.choice([*holder, source.key()])] = source.value(3)
    elif isinstance(holder, list):
        holder.insert(chance.randint(0, len(holder)), source.value(3))
    try:
        return (data[:1] or b"\0") + json.dumps(record).encode()
    except (ValueError, RecursionError):  # an integer that is not printed, or too deep
        return data


def check_payload(record: Any, source: Source, **options: Any) -> None:
    options = {"contact": None, **options, "separator": source.pick(SEPARATORS)}
    options["channel"] = source.pick((None, None, None, *Channel, "Push", "rcs"))
    options["user_id"] = source.pick((None, None, "", "u1", "\ud800" * 99))
    options["message_id"] = source.pick((None, None, "", "m1", "é" * 99, "\ud800" * 100))
    for name in ("message", "context", "integrations"):
        options[name] = source.mapping() if source.byte() >= 200 else None
    if any(Leaves(options[name] or {}, "\0", 200, 50_000).partial for name in ("context", "integrations")):
        return  # what a caller gives has no limit
    call = Call(build_track_payload, record, **options)
    if not isinstance(record, Mapping):
        assert call.refused(TypeError)
        return
    if isinstance(record, Broken):
        assert call.refused(InvalidFieldError)
        return
    payload, faults, perhaps, leaves = model_payload(dict(record.items()), **options)
    leaves.check(call.error)
    if leaves.partial:
        perhaps |= {InvalidFieldError, KeyCollisionError, NestingError, PayloadTooLargeError}
    assert call.refused(*faults, *perhaps) or not faults, faults
    if call.error is None:
        assert json.dumps(call.result, sort_keys=True, allow_nan=False) == json.dumps(payload, sort_keys=True)


def model_payload(  # noqa: PLR0915
    record: Any, *, separator: str, channel: Any, user_id: Any, message_id: Any, **options: Any
) -> Any:
    """The payload, the faults of which one must be told, those that may be told, and the record's leaves."""
    contact = {} if options["contact"] is None else options["contact"]
    given = [value for value in (options[name] for name in ("context", "integrations")) if value is not None]
    perhaps = {InvalidFieldError, NestingError} if broken(given, options["message"], contact) else set()
    message, contact = ({} if isinstance(one, Broken) else one for one in (options["message"] or {}, contact))
    action, faults = model_action(record)
    channel = NAMES[channel.lower()] if channel else model_channel(record)

    def text(holder: Any, name: str) -> Any:
        if (value := holder.get(name)) is not None and not isinstance(value, str):
            faults.add(InvalidFieldError)
        return value or None

    payload = {"type": "track", "event": EVENT_NAMES[channel].get(action, action), "userId": user_id or None}
    payload["anonymousId"] = text(record, "cID") or text(contact, "cID") or text(contact, "_id")
    if not payload["anonymousId"] and not user_id:
        faults.add(MissingFieldError)
    record_id = text(record, "_id")
    if isinstance(record_id, str) or message_id:
        wanted = message_id or "api-" + record_id
        hashed = hashlib.sha256(wanted.encode("utf-8", "surrogatepass")).hexdigest()
        payload["messageId"] = wanted if len(wanted) < 100 else "api-" + hashed
    times = [name for name in ("time", "ats", "ts") if not (record.get(name) is None or record.get(name) == "")]
    if times:
        payload["timestamp"] = model_time(record[times[0]])
        if payload["timestamp"] is None:
            faults.add(InvalidFieldError)
    rest = {key: value for key, value in record.items() if key not in times[:1]}
    leaves = Leaves(rest, separator, 100, LIMIT + 500)
    faults |= leaves.faults() | ({PayloadTooLargeError} if leaves.room < 0 else set())
    flat = {key: value for _, key, value in leaves.found}
    if channel is Channel.EMAIL and not leaves.partial:
        fields = email_fields(record, message)
        flat |= {field: value for field, value in fields.items() if field not in record and field not in flat}
        for name in SECTIONS:
            holder = section(record, name)
            if "link" in holder and is_needless(holder["link"], flat.get("link_url")):
                del flat[f"{name}{separator}link"]
                if len(holder) == 1:
                    flat.setdefault(name, {})
    if not all(map(has_json_form, flat.values())):
        faults.add(InvalidFieldError)
    payload["properties"] = flat
    context = {"library": {"name": "unknown", "version": "unknown"}, "source": "cordial"}
    channels = section(contact, "channels")
    addresses = {"email": section(channels, "email").get("address"), "phone": section(channels, "sms").get("address")}
    if traits := {name: text for name, text in addresses.items() if isinstance(text, str) and text}:
        context["traits"] = traits
    for value in given:
        faults |= Leaves(value, "\0", 200, 50_000).faults()
    try:
        payload["context"] = {**context, **as_json(options["context"])}
        payload["integrations"] = as_json(options["integrations"])
    except (AttributeError, LookupError, TypeError, ValueError):
        faults |= {InvalidFieldError, NestingError}
    payload = {key: value for key, value in payload.items() if value is not None}
    if not faults and size(payload) > LIMIT:
        faults.add(PayloadTooLargeError)
    elif faults:
        perhaps.add(PayloadTooLargeError)
    return payload, faults, perhaps, leaves


def as_json(value: Any) -> Any:
    return json.loads(
        json.dumps({} if value is None else value, allow_nan=False, default=lambda part: dict(part.items()))
    )


def fuzz_channels(data: bytes) -> None:
    source = Source(data)
    record, action, name = source.record(), source.value(0), source.value(0)
    call = Call(channel_of, record)
    if not isinstance(record, Mapping):
        assert call.refused(TypeError)
    elif broken(record) or InvalidFieldError in model_action(record)[1]:
        call.refused(InvalidFieldError)
    else:
        assert not call.refused()
        assert call.result is model_channel(record)
    known = NAMES.get(name.lower()) if isinstance(name, str) else None
    call = Call(Channel, name)
    assert call.refused(ValueError, TypeError) == (known is None)
    assert call.result is known
    call = Call(map_event, action, name)
    if isinstance(action, str) and action and (known or name is None):
        action = "message_sent" if action == "message-sent" else action
        assert not call.refused()
        assert call.result == EVENT_NAMES[known or action_channel(action)].get(action, action)
    else:
        assert call.refused(TypeError, ValueError)


def fuzz_blocked(data: bytes) -> None:
    source = Source(data)
    record, robots = source.record(), source.pick((None, None, Block("open", "click"), BlockAll()))
    policy = source.pick((None, Policy(), Policy(email=BlockAll(), sms=Allow("click"), custom=Block("browse", "open"))))
    fields: Any = ORIGIN_FIELDS if source.byte() < 200 else [source.text(), source.pick(STRINGS), "d.source", ".a"]
    channel = source.pick((None, *Channel, "Push"))
    call = Call(is_blocked, record, policy, channel=channel, robots=robots, origin_fields=fields)
    if not isinstance(record, Mapping):
        assert call.refused(TypeError)
        return
    if broken(record):
        call.refused(InvalidFieldError, MissingFieldError)
        return
    marked = False
    for *steps, last in (field.split(".") for field in fields):
        holder = record
        for step in steps:
            holder = section(holder, step)
        mark = holder.get(last)
        marked = marked or (isinstance(mark, str) and mark.strip().lower() == "segment")
    action, faults = model_action(record)
    robot = robots is not None and section(record, "d").get("robot") is True
    if marked or not (robot or policy):
        assert not call.refused()
        assert call.result is marked
    elif not call.refused(*faults):
        assert not faults
        allowed = policy is None or policy.allows(action, channel or model_channel(record))
        assert call.result is not (allowed and not (robot and not robots.allows(action)))


def fuzz_enrich(data: bytes) -> None:
    source = Source(data)
    record, message = source.record(), source.mapping() if source.byte() >= 128 else None
    call = Call(enrich_email_fields, record, message, shares=True)
    if not isinstance(record, Mapping):
        assert call.refused(TypeError)
    elif broken(record, message):
        call.refused(InvalidFieldError)
    else:
        assert not call.refused()
        expected = dict(record.items())
        for field, value in email_fields(record, message or {}).items():
            expected.setdefault(field, value)
        assert [*call.result] == [*expected]
        for name, value in expected.items():
            holder = section(record, name) if name in SECTIONS else {}
            if "link" in holder and is_needless(holder.pop("link"), expected.get("link_url")):
                assert [*map(id, call.result[name].values())] == [*map(id, holder.values())]
                assert [*call.result[name]] == [*holder]
            else:
                assert call.result[name] is value


def fuzz_envelope(data: bytes) -> None:
    source = Source(data)
    item = source.record()
    if source.byte() < 150:
        item = {"contact": source.mapping() if source.byte() < 200 else source.value(1), "event": item}
    call = Call(open_envelope, item, shares=True)
    if not isinstance(item, Mapping) or isinstance(item, Broken):
        assert call.refused(InvalidFieldError)
        return
    event, contact = item, None
    if isinstance(item.get("event"), Mapping) and all(item.get(name) in (None, "") for name in ("action", "a")):
        event, contact = item["event"], item.get("contact")
    assert call.refused(InvalidFieldError) == (contact is not None and not isinstance(contact, Mapping))
    if call.error is None:
        assert call.result[0] is event
        assert call.result[1] is contact
        check_payload(event, source, contact=contact)


def fuzz_batches(data: bytes) -> None:
    source, taken = Source(data), []
    max_bytes, max_events = source.pick((100, 200, 1000, 500_000, 1, 0)), source.pick((2_500, 1, 2, 3, 0, -1))
    payloads: list[Any] = [
        {"messageId": source.text(), "properties": {"x": source.pick(("é", "x")) * source.byte()}}
        for _ in range(source.byte() % 32)
    ]
    given = (taken.append(payload) or payload for payload in payloads)
    call = Call(batch_payloads, given, max_bytes=max_bytes, max_events=max_events)
    assert call.refused(ValueError) == (max_bytes < 1 or max_events < 1)

    def fits(batch: list[Any]) -> bool:
        return len(batch) <= max_events and len(json.dumps({"batch": batch})) <= max_bytes

    left, error = payloads, None
    try:
        for batch in call.result or ():
            assert batch == left[: len(batch)]
            assert batch
            assert fits(batch)
            left = left[len(batch) :]
            assert not left or not fits([*batch, left[0]])
            assert len(taken) <= len(payloads) - len(left) + 1
    except PayloadTooLargeError as raised:
        error = raised
    if call.error is None:
        assert (error is not None) == bool(left)
        assert not left or not fits(left[:1])


def fuzz_policy(data: bytes) -> None:
    source = Source(data[1:], plain=True)
    try:
        settings = json.loads(data[1:]) if data[:1] < b"\x80" else None
    except (ValueError, RecursionError):
        return
    if settings is None and data[:1] >= b"\x80":
        settings = {}
        for _ in range(source.byte() % 6):
            actions = source.pick((list, tuple, set))(source.pick(STRINGS) for _ in range(source.byte() % 4))
            mode = {source.pick(("allow", "block", "allow", "block", "deny")): actions}
            name = source.pick(("email", "sms", "Push", "rest-api", "custom", "mms", "mobile", "x", 1, ""))
            settings[name] = source.pick((mode, mode, mode, "send_all", "block_all", "", None, source.value(3)))
    call = Call(Policy.from_dict, settings)
    if not isinstance(settings, Mapping):
        assert call.refused(TypeError)
        return
    rules: dict[Channel, Any] = {}
    for name, mode in settings.items():
        channel = NAMES.get(name.lower()) if isinstance(name, str) else None
        kind, actions = next(iter(mode.items())) if isinstance(mode, dict) and len(mode) == 1 else (mode, ())
        good = kind in ("allow", "block") if isinstance(mode, dict) else isinstance(mode, str) and mode[-4:] == "_all"
        good = good and isinstance(actions, (list, tuple, set)) and all(isinstance(one, str) and one for one in actions)
        good = good and (isinstance(mode, dict) or mode in ("send_all", "block_all"))
        if channel is None or channel in rules or not good:
            assert call.refused(ValueError)
            return
        rules[channel] = kind, {"message_sent" if action == "message-sent" else action for action in actions}
    assert not call.refused()
    policy = call.result
    makers = {maker.__name__: maker for maker in (Policy, SendAll, Allow, Block, BlockAll)}
    for twin in (eval(repr(policy), makers), pickle.loads(pickle.dumps(policy)), Policy.from_dict(settings)):  # noqa: S307, S301
        assert twin == policy
        assert hash(twin) == hash(policy)
    for channel in Channel:
        kind, actions = rules.get(channel, ("send_all", ()))
        for action in filter(None, STRINGS):
            listed = ("message_sent" if action == "message-sent" else action) in actions
            assert policy.allows(action, channel) is (kind in ("send_all", "allow" if listed else "block"))


def strict_records(text: bytes, *, document: bool) -> list[Any]:
    """What a strict reader reads: records, and None for each line or document that it refuses."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)

    records: list[Any] = []
    text = text.removeprefix(b"\xef\xbb\xbf")
    for piece in [text] if document else text.split(b"\n"):
        if piece.strip(b" \t\r\n"):
            try:
                value = json.loads(piece.decode(), object_pairs_hook=unique, parse_constant=int)  # int("NaN") raises
            except (ValueError, RecursionError):
                value = None
            records += value if isinstance(value, list) else [value]
    return records


def fuzz_command(data: bytes) -> None:
    text, option = data[1:], data[0] if data else 0
    arguments = [["--lines"], ["--document"], []][option % 3]
    channel = "email" if option & 128 else None
    out, said = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    fed = gzip.compress(text) if option & 64 else text
    streams = {"stdin": io.TextIOWrapper(io.BytesIO(fed)), "stdout": out, "stderr": said}
    # A run of the command would keep its signal handlers, which are for a process of its own.
    with mock.patch.multiple(sys, **streams), mock.patch("signal.signal"):
        status = command([*arguments, "--channel=email"] if channel else arguments)
    printed, said = out.buffer.getvalue().decode("ascii").splitlines(), said.getvalue()
    assert "a bug in cordial-segment" not in said
    *told, closing = said.splitlines()
    if ": cannot be read" in said:
        assert status == 2
        assert fed.startswith(b"\x1f\x8b") or not printed
        assert None in strict_records(text, document=False) or text.lstrip()[:1] not in b"{["
    elif not text.startswith(b"\x1f\x8b"):
        forms = {"--lines": [False], "--document": [True]}.get("".join(arguments), [False, True])
        runs = [translated(strict_records(text, document=form), channel) for form in forms]
        assert (printed, closing, min(status, 1)) in runs
        assert len(told) == int(closing.split()[-2])


def translated(records: list[Any], channel: str | None) -> tuple[list[str], str, int]:
    lines, blocked, failed = [], 0, 0
    for item in records:
        try:
            event, contact = open_envelope(item)
            if is_blocked(event, channel=channel):
                blocked += 1
            else:
                lines.append(json.dumps(build_track_payload(event, contact=contact, channel=channel)))
        except TranslationError:
            failed += 1
    return lines, f"{len(lines)} translated, {blocked} blocked, {failed} failed", min(failed, 1)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "flatten": fuzz_flatten,
    "payload": fuzz_payload,
    "payload-json": fuzz_payload_json,
    "channels": fuzz_channels,
    "blocked": fuzz_blocked,
    "enrich": fuzz_enrich,
    "envelope": fuzz_envelope,
    "batches": fuzz_batches,
    "policy": fuzz_policy,
    "command": fuzz_command,
}


def run_one(data: bytes) -> None:
    """Let the first byte of an input choose its target."""
    if data:
        [*TARGETS.values()][data[0] % len(TARGETS)](data[1:])


if __name__ == "__main__":
    chosen = [argument.removeprefix("--target=") for argument in sys.argv if argument.startswith("--target=")]
    rest = [argument for argument in sys.argv if not argument.startswith("--target=")]

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        mutated = mutate_json(data, seed)
        return mutated if seed % 4 and len(mutated) <= max_size else atheris.Mutate(data, max_size)

    mutator = {"custom_mutator": mutate} if chosen == ["payload-json"] else {}
    atheris.Setup(rest, TARGETS[chosen[0]] if chosen else run_one, **mutator)
    atheris.Fuzz()
