"""Fuzzes the library: any input on one side, what holds for every record on the other.

Needs the extra `fuzz`. Run it from the project's top:

    python tests/fuzz/fuzz.py [--target=NAME] [-runs=N] [-seed=N] [-max_len=N] [CORPUS_DIR ...]

NAME is a key of `TARGETS`, `payload` by default. All else is libFuzzer's; JSON is found sooner with
`-dict=tests/fuzz/json.dict`. An input that breaks a promise is kept as `crash-...`: pass its name to run it again. The
ordinary tests run every input of `tests/fuzz/corpus/NAME/` too.
"""

import io
import json
import math
import sys
from collections import ChainMap, Counter, OrderedDict, UserDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from unittest import mock

if __name__ == "__main__":
    import atheris

with atheris.instrument_imports(include=["cordial_segment"]) if __name__ == "__main__" else nullcontext():
    import cordial_segment as api
    from cordial_segment.__main__ import main as command

LIMIT = 32 * 1024
UNPRINTABLE = 10**4300
EMAIL_FIELDS = ("campaign_id", "email_id", "campaign_name", "email_subject", "link_url", "link_id")
POLICY = api.Policy(email=api.BlockAll(), sms=api.Allow("click"), custom=api.Block("browse", "open"))

# Inputs: a value made of a fuzzer's bytes, leaning towards what the library looks at.


class Broken(UserDict):
    """A mapping over something that has gone away."""

    def __iter__(self) -> Iterator[Any]:
        raise LookupError("gone")


PLAIN_KEYS = (
    *("action", "a", "cID", "_id", "time", "ats", "ts", "chnl-type", "chnl", "channel", "bmID", "mcID", "name"),
    *("subject", "message_name", "system_properties", "sp", "rl", "link", "lKey", "linkUrl", "sendType", "source"),
    *("origin", "context", "properties", "d", "robot", "event", "contact", "channels", "email", "sms", "address"),
    *(*EMAIL_FIELDS, "url", "a_b", "b", "_", "", "0", "1", "a.b", "é", "\ud800", "sp_link", "k" * 200),
)
KEYS = (*PLAIN_KEYS, 0, 1, -1, 10**30)
BAD_KEYS = (True, None, 1.5, (1, 2), b"a", math.nan, UNPRINTABLE)
STRINGS = (
    *("click", "open", "optout", "message-sent", "message_sent", "crdl_app_open", "crdl_incoming_sms", "browse"),
    *("crdl_push-ios_send_failure", "crdl_send_failure", "segment", " SEGMENT\n", "email", "Email promo", "push-ios"),
    *("SMS/MMS", "sms_plivo", "rest-api", "rest_of_world_email", "custom", "whatsapp", "c1", "e1", "", " ", "\ud800"),
    *("https://example.com/?a=1", "\x00", "é", "🎉", "2021-10-22T16:11:48+0000", "2021-10-22", "1711123112345"),
    *("2021-10-22 16:11:48 UTC", "2021-10-22T16:11:48.1239-07:00", "9999-12-31T24:00:00Z", "0001-01-01T00+14"),
)
PLAIN_LEAVES = (None, True, False, 0, 1, -1, 1.5, 1.0, -0.0, 1e308, 2**63, 2**64, -(2**64), 10**400, math.nan, math.inf)
LEAVES = (
    *(*PLAIN_LEAVES, UNPRINTABLE, -math.inf, datetime(2021, 10, 22, 1, 2, 3, 4999), date(2021, 10, 22)),
    *(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), datetime(2021, 1, 1, tzinfo=UTC), Decimal("1.5")),
    *(b"bytes", bytearray(b"b"), frozenset({1}), {1, 2}, object(), 1j, range(3)),
)
MAPPINGS = (MappingProxyType, OrderedDict, UserDict, ChainMap, Broken)
SEPARATORS = ("_", "_", "_", ".", "", "__", "a", "-" * 50)


class Source:
    """The fuzzer's bytes, read one by one; zeros past the end, so that each prefix is an input too."""

    def __init__(self, data: bytes, *, plain: bool = False) -> None:
        self.data = data
        self.plain = plain  # only what JSON gives
        self.at = 0
        self.made: list[Any] = []
        self.copies = 1

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
        self.made.append(inner := {})
        for _ in range(self.byte() % 8):
            inner[self.key()] = self.value(depth - 1)
        return inner if self.plain or self.byte() < 200 else self.pick(MAPPINGS)(inner)

    def sequence(self, depth: int) -> Any:
        self.made.append(inner := [])
        inner += [self.value(depth - 1) for _ in range(self.byte() % 5)]
        return inner if self.plain or self.byte() < 200 else tuple(inner)

    def value(self, depth: int) -> Any:
        kind = self.byte()
        if kind < 80:
            return self.pick(STRINGS)
        if kind < 120:
            return self.pick(PLAIN_LEAVES if self.plain else LEAVES) if kind < 115 else self.text()
        if kind < 130:
            return self.pick(("x", "é", "\x01", "\ud800", "🎉")) * (2 ** (self.byte() % 16))
        if depth <= 0:
            return kind
        if kind < 249:
            return self.mapping(depth) if kind < 210 else self.sequence(depth)
        if kind < 251:  # what is in many places, or contains itself
            return self.pick(self.made) if self.made and not self.plain else []
        value: Any = self.value(depth - 1)
        count = self.byte()
        if kind < 253:
            self.copies *= count or 1
            return [value] * (count if self.copies < 500 else 1)  # not so many that nobody could flatten them
        for _ in range(count % 110):
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
        return record if shape < 240 or self.plain else self.pick(MAPPINGS)(record)


# What holds for every call.


def inside(value: Any) -> Any:
    """The children of a container by their keys, or None for a leaf."""
    value = value.data if isinstance(value, Broken) else value
    value = dict(enumerate(value)) if isinstance(value, list | tuple) else value
    return value.items() if isinstance(value, Mapping) else None


def containers(*values: Any) -> dict[int, tuple[Any, list[tuple[Any, int]]]]:
    """Each container in some values, by its identity, with what it holds."""
    waiting, found = [*values], {}
    while waiting:
        value = waiting.pop()
        if id(value) not in found and (children := inside(value)) is not None:
            found[id(value)] = value, [(key, id(child)) for key, child in children]
            waiting += [child for _, child in children]
    return found


def is_place(path: str, value: Any) -> bool:
    """Whether a dotted path leads to a place in a value, or to a key there that is no string or integer."""
    for key, child in inside(value) or ():
        if not isinstance(key, str | int) or isinstance(key, bool) or key == UNPRINTABLE:
            return True
        text = str(key)
        if path == text or (path.startswith(f"{text}.") and is_place(path[len(text) + 1 :], child)):
            return True
    return False


def call(function: Callable[..., Any], *arguments: Any, shares: bool = False, **options: Any) -> Any:
    """The result of a call or its error, which is the same the next time. Its arguments stay as they are."""
    before = containers(arguments, options)
    result = outcome(function, *arguments, **options)
    assert all(after == before[key] for key, after in containers(arguments, options).items() if key in before)
    again = outcome(function, *arguments, **options)
    if isinstance(result, Exception):
        assert repr(again) == repr(result)
        assert str(result).isprintable()
        assert len(str(result)) < 1000
        if isinstance(result, api.TranslationError) and not isinstance(result, api.MissingFieldError):
            places = {**options, **(arguments[0] if type(arguments[0]) is dict else {"": ()})}
            known = result.path is None or is_place(result.path, arguments[0]) or is_place(result.path, places)
            assert known, f"{result.path} is no place"
    elif not shares:
        made = containers(result)
        assert not [1 for key, (value, _) in made.items() if key in before and not isinstance(value, tuple)]
    return result


def outcome(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return function(*arguments, **options)
    except (api.TranslationError, TypeError, ValueError) as error:
        return error


def flat(value: Any, separator: str, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The flat keys and leaves of plain data, in the simplest way."""
    if not path or (isinstance(value, dict | list) and value):
        for key, child in inside(value):
            yield from flat(child, separator, (*path, str(key)))
    else:
        yield separator.join(path), value


def same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def size(payload: Any) -> int:
    return len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace"))


def fuzz_flatten(data: bytes) -> None:
    source = Source(data, plain=data[:1] < b"\x80")
    record, separator, max_depth = source.record(), source.pick(SEPARATORS), source.pick((100, 100, 3, 1, 250))
    result = call(api.flatten, record, separator=separator, max_depth=max_depth)
    if isinstance(result, dict):
        assert not [key for key, value in result.items() if type(key) is not str or [*(inside(value) or ())]]
    if source.plain and inside(record) is not None and not isinstance(result, api.NestingError):
        expected = [*flat(record, separator)]
        often = Counter(key for key, _ in expected)
        assert often[result.key] > 1 if isinstance(result, Exception) else same([*result.items()], expected)


def fuzz_payload(data: bytes) -> None:
    source = Source(data, plain=data[:1] < b"\x80")
    check_payload(source.record(), source)


def fuzz_payload_json(data: bytes) -> None:
    try:
        record = json.loads(data[1:])
    except (ValueError, RecursionError):
        return
    check_payload(record, Source(data[:1] * 8, plain=True))


def check_payload(record: Any, source: Source) -> None:
    options: dict[str, Any] = {"contact": None}
    if source.byte() >= 200:
        item = {"contact": source.pick((source.mapping(), source.value(1))), "event": record}
        if isinstance(opened := call(api.open_envelope, item, shares=True), Exception):
            return
        record, options["contact"] = opened
    options["separator"] = separator = source.pick(SEPARATORS)
    options["channel"] = source.pick((None, None, None, *api.Channel, "Push", "rcs"))
    options["message_id"] = source.pick((None, None, "", "m1", "é" * 99, "\ud800" * 100))
    for name in ("message", "context", "integrations"):
        options[name] = source.mapping() if source.byte() >= 200 else None
    payload = call(api.build_track_payload, record, **options)
    if isinstance(payload, api.PayloadTooLargeError) and source.plain:
        flattened = outcome(api.flatten, record, separator=separator, max_depth=1_000_000)
        assert not isinstance(flattened, dict) or 2 * size(flattened) + size(options) + 1000 > LIMIT
    if isinstance(payload, Exception):
        return
    assert len(json.dumps(payload, allow_nan=False)) >= size(payload) <= LIMIT
    assert len(payload.get("messageId", "")) < 100
    channel = api.Channel(options["channel"]) if options["channel"] else api.channel_of(record)
    assert payload["event"] == api.map_event(action_of(record), channel)
    enriched = call(api.enrich_email_fields, record, options["message"], shares=True)
    fields = {name: enriched[name] for name in EMAIL_FIELDS if name in enriched and name not in record}
    assert [*enriched] == [*record, *fields]
    if not source.plain:
        return
    times = [name for name in ("time", "ats", "ts") if str(record.get(name) or "").strip()]
    rest = {key: value for key, value in record.items() if key not in times[:1]}
    properties, expected = payload["properties"], dict(flat(rest, separator))
    for section in ("system_properties", "sp") if channel is api.Channel.EMAIL else ():
        if (link := f"{section}{separator}link") in expected and link not in properties:
            assert expected.pop(link) in ("", None, properties.get("link_url"))
            expected |= {} if section in expected or len(record[section]) > 1 else {section: {}}
    assert same(properties, fields | expected if channel is api.Channel.EMAIL else expected)


def action_of(record: Any) -> str:
    return next(value for value in (record.get("action"), record.get("a")) if value and value.strip())


def fuzz_blocked(data: bytes) -> None:
    source = Source(data)
    record, robots = source.record(), source.pick((None, None, api.Block("open", "click"), api.BlockAll()))
    fields: Any = source.pick((api.ORIGIN_FIELDS, [source.text(), source.pick(STRINGS), "d.source", ".a"]))
    channel = source.pick((None, *api.Channel, "Push"))
    marked = call(api.is_blocked, record, origin_fields=fields)
    blocked = call(api.is_blocked, record, POLICY, channel=channel, robots=robots, origin_fields=fields)
    if marked is True:
        assert blocked is True
    elif isinstance(blocked, bool):
        allowed = POLICY.allows(action_of(record), channel or api.channel_of(record))
        assert blocked or allowed
        assert robots or blocked is not allowed


def fuzz_command(data: bytes) -> None:
    """Each record is counted once, and what is printed are payloads."""
    form, text = [["--lines"], ["--document"], []][data[:1][0] % 3] if data else [], data[1:]
    fed, out, said = io.TextIOWrapper(io.BytesIO(text)), io.TextIOWrapper(io.BytesIO()), io.StringIO()
    # A run of the command would keep its signal handlers, which are for a process of its own.
    with mock.patch.multiple(sys, stdin=fed, stdout=out, stderr=said), mock.patch("signal.signal"):
        status = command(form)
    payloads = [json.loads(line) for line in out.buffer.getvalue().splitlines()]
    *told, closing = said.getvalue().splitlines()
    translated, _, failed = (int(part.split()[0]) for part in closing.split(", "))
    assert "a bug" not in said.getvalue()
    assert translated == len(payloads)
    assert status in ([2] if "cannot be read" in said.getvalue() else [int(failed > 0)])
    assert len(told) == failed or status == 2


TARGETS: dict[str, Callable[[bytes], None]] = {
    "flatten": fuzz_flatten,
    "payload": fuzz_payload,
    "payload-json": fuzz_payload_json,
    "blocked": fuzz_blocked,
    "command": fuzz_command,
}


if __name__ == "__main__":
    chosen = [argument.removeprefix("--target=") for argument in sys.argv if argument.startswith("--target=")]
    rest = [argument for argument in sys.argv if not argument.startswith("--target=")]
    atheris.Setup(rest, TARGETS[(chosen or ["payload"])[0]])
    atheris.Fuzz()
