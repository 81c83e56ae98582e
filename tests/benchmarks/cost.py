"""What hostile records cost, as multiples of ``json.loads`` of their text.

    python tests/benchmarks/cost.py [KILOBYTES ...]

Every shape is made at each size: 24 KB, 256 KB and 1 MB unless given. For ``build_track_payload``, which may take 100
times the time of ``json.loads`` and ten times its memory or 8 MB, with each of two separators, and for ``is_blocked``,
the first table prints the best time and the peak of memory. The second prints how often the time of ``flatten`` and
``enrich_email_fields`` doubles where a record and its result double: 1.0 is proportional growth.
"""

import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from cordial_segment import (
    Policy,
    TranslationError,
    build_track_payload,
    enrich_email_fields,
    flatten,
    is_blocked,
)

Record = dict[str, Any]
KB = 1024
BASE: Record = {"action": "open", "cID": "c1", "_id": "e1"}


def plain(size: int) -> Record:
    return {f"field {number:07}": f"value {number:07}" for number in range(size // 32)}


def nested(value: Any, levels: int, wrap: Callable[[Any], Any]) -> Any:
    for _ in range(levels):
        value = wrap(value)
    return value


def chains(size: int, end: Any = 0) -> list[Any]:
    """Lists in lists, 90 deep, side by side."""
    return [nested(end, 90, lambda inner: [inner]) for _ in range(size // 182)]


def fitting(size: int, leaf: Callable[[], Any]) -> Record:
    """Put as many small leaves below short keys as just fit into a payload."""
    return {f"{number:02}": [leaf() for _ in range(100)] for number in range(min(size, 13_800) // 600)}


def text(size: int, character: str = "x") -> str:
    return character * (size // len(character.encode("utf-8", "backslashreplace")))


NAN = float("nan")
LONG = ("action", "cID", "_id", "chnl-type", "chnl", "channel", "time", "source", "bmID", "linkUrl", "name", "subject")

# In the order: long keys, depth, many values, what is wrong at the end, long values, fields that are looked at.
SHAPES: dict[str, Callable[[int], Record]] = {
    "plain": plain,
    "long key over an array": lambda n: {"k" * (n // 2): [0] * (n // 4)},
    "long key over an object": lambda n: {"k" * (n // 2): {str(i): 0 for i in range(n // 20)}},
    "long key at each level": lambda n: nested({"leaf": 0}, 95, lambda inner: {"k" * (n // 95): inner}),
    "long key over short ones": lambda n: {"k" * min(n, 32_000): nested(0, 98, lambda inner: {"": inner})},
    "long keys over many leaves": lambda n: nested(
        {str(i): 0 for i in range(n // 20)}, 95, lambda inner: {"k" * (n // 190): inner}
    ),
    "long keys side by side": lambda n: {f"{i}{'k' * 200}": {"k" * 200: 0} for i in range(n // 420)},
    "long key in an object": lambda n: {"d": {text(n): 0}},
    "keys of 1 KB in an object": lambda n: {"d": {f"{i}{text(KB)}": 0 for i in range(n // KB)}},
    "deep": lambda n: {**plain(n), "d": nested(0, 98, lambda inner: [inner])},
    "too deep, arrays": lambda n: {"d": nested(0, n // 2, lambda inner: [inner])},
    "too deep, objects": lambda n: {"d": nested(0, n // 6, lambda inner: {"a": inner})},
    "chains": lambda n: {"d": chains(n)},
    "chains of objects": lambda n: {"d": [nested(0, 90, lambda inner: {"a": inner}) for _ in range(n // 552)]},
    "chains of empty keys": lambda n: {str(i): nested(0, 98, lambda inner: {"": inner}) for i in range(n // 499)},
    "chains of empty keys, then NaN": lambda n: {**SHAPES["chains of empty keys"](min(n, 144 * KB)), "z": NAN},
    "pairs in pairs": lambda n: {"d": [nested(0, 90, lambda inner: [inner, 0]) for _ in range(n // 362)]},
    "many numbers": lambda n: {"d": [0] * (n // 2)},
    "many texts": lambda n: {"d": [""] * (n // 3)},
    "many empty arrays": lambda n: {"d": [[] for _ in range(n // 3)]},
    "many empty objects": lambda n: {"d": [{} for _ in range(n // 3)]},
    "many rows": lambda n: {"d": [{"a": 0, "b": ""} for _ in range(n // 16)]},
    "many fields in an object": lambda n: {"d": {str(i): 0 for i in range(n // 10)}},
    "many fields in a section": lambda n: {"sp": {"link": "", **{str(i): 0 for i in range(n // 10)}}},
    "many fields at the top": lambda n: {str(i): 0 for i in range(n // 10)},
    "many fields beside a time": lambda n: {"time": "2021-10-22", **{str(i): 0 for i in range(n // 20)}},
    "short names at the top": lambda n: {chr(0x10000 + i): 0 for i in range(n // 9)},
    "brackets that fit": lambda n: fitting(n, lambda: [[0]]),
    "integers of 25 digits": lambda n: fitting(n, lambda: 10**24),
    "large floats": lambda n: fitting(n, lambda: 1e300),
    "plain, then NaN": lambda n: {**plain(min(n, 24 * KB)), "z": NAN},
    "chains, then NaN": lambda n: {"d": chains(n), "z": NAN},
    "chains, then too deep": lambda n: {"d": chains(n), "z": nested(0, 100, lambda inner: [inner])},
    "chains, then a collision": lambda n: {"d": chains(n), f"d_{n // 182 - 1}{'_0' * 90}": 0},
    "chains toward a collision": lambda n: {
        **{"0" + "_0" * i: nested(0, 97, lambda inner: [inner]) for i in range(min(n, 24 * KB) // 370)},
        f"0{'_0' * 162}": 0,
    },
    "brackets, then a collision": lambda n: {**(d := fitting(n, lambda: [[0]])), f"{[*d][-1]}_99_0_0": 0},
    "integers, then a collision": lambda n: {**(d := fitting(n, lambda: 10**24)), f"{[*d][-1]}_99": 0},
    "plain, then a collision": lambda n: {**plain(min(n, 24 * KB)), "z": {"z": 0}, "z_z": 0},
    "collision of the last numbers": lambda n: {"d": [0] * (n // 2), f"d_{n // 2 - 1}": 0},
    "integers of 4,000 digits": lambda n: {"d": [10**3999 + i for i in range(n // 4000)]},
    "long text": lambda n: {"d": text(n)},
    "long text of accents": lambda n: {"d": text(n, "É")},
    "long text of escapes": lambda n: {"d": "\x01" * (n // 6)},
    "texts of 1 KB": lambda n: {"d": [text(KB)] * (n // KB)},
    **{f"long {field}": lambda n, field=field: {field: text(n)} for field in LONG},
    **{f"long {field} of accents": lambda n, field=field: {field: text(n, "É")} for field in ("chnl", "source")},
    "long failed action": lambda n: {"action": f"crdl_{text(n)}_send_failure"},
    "long sendType": lambda n: {"sp": {"sendType": text(n)}},
    "long marks": lambda n: {
        holder: dict.fromkeys(("source", "origin"), " " * (n // 10) + "segmen")
        for holder in ("context", "properties", "system_properties", "sp")
    },
    "long time of digits": lambda n: {"time": f"2021-10-22T16:11:48.{'1' * n}Z"},
    "long links that differ": lambda n: {"sp": {"link": text(n // 2), "rl": text(n // 2) + "y"}},
    "long links that are equal": lambda n: {"sp": {"link": text(n // 2), "rl": "".join([*text(n // 2)])}},
}

# What a stranger's contact, or the caller's message, can hold beside a record.
ARGUMENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "many fields in the contact": lambda n: {"contact": {"_id": "c1", **plain(n)}},
    "deep contact": lambda n: {"contact": {"_id": "c1", "d": nested(0, n // 2, lambda inner: [inner])}},
    "long cID of the contact": lambda n: {"contact": {"cID": text(n)}},
    "long address of the contact": lambda n: {
        "contact": {"_id": "c1", "channels": {"email": {"address": text(n)}, "sms": {"address": text(n, "É")}}}
    },
    "many fields in the message": lambda n: {"message": plain(n)},
    "long name of the message": lambda n: {"message": {"name": text(n)}},
}

BOUNDED: dict[str, Callable[[Record], Any]] = {
    "build": build_track_payload,
    'separator=""': lambda record: build_track_payload(record, separator=""),
    "blocked": lambda record: is_blocked(record, Policy()),
}
# These have no result, or one of which every key is as long as the record.
UNLIKE = ("long key", "too deep", "collision")


def ending(function: Callable[[Any], Any], record: Any) -> str:
    try:
        function(record)
    except TranslationError as error:
        return type(error).__name__
    return "fits"


def best_time(function: Callable[[Any], Any], record: Any, enough: float = 0.05) -> float:
    """Time up to seven runs; fewer once they have taken **enough** seconds together."""
    times: list[float] = []
    while len(times) < 7 and sum(times) < enough:
        start = time.perf_counter()
        ending(function, record)
        times.append(time.perf_counter() - start)
    return min(times)


def peak(function: Callable[[Any], Any], record: Any) -> int:
    tracemalloc.start()
    try:
        ending(function, record)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def print_costs(size: int) -> None:
    print(f"\n{size // KB:,} KB: time and memory as multiples of json.loads; memory in MB where it takes over 8")
    print(f"{'':32}", *(f"{name:>15}" for name in BOUNDED), " build ends in")
    for shape, make in SHAPES.items():
        record = BASE | make(size)
        try:
            text = json.dumps(record)
            unit, bytes_ = best_time(json.loads, text), peak(json.loads, text)
        except RecursionError:
            print(f"{shape:32} too deep for json")
            continue
        costs = [(best_time(call, record) / unit, peak(call, record)) for call in BOUNDED.values()]
        shown = [f"{t:6.1f}x {m / bytes_:6.1f}x{f' {m / 1e6:.0f} MB' if m > 8e6 else ''}" for t, m in costs]
        print(f"{shape:32}", *shown, "", ending(build_track_payload, record))
    for shape, make in ARGUMENTS.items():
        arguments = make(size)

        def call(arguments: dict[str, Any]) -> Any:
            return build_track_payload({"action": "open", "_id": "e1"}, user_id="u1", **arguments)

        print(f"{shape:32} {best_time(call, arguments) * 1e3:6.2f} ms {peak(call, arguments) / 1e6:6.2f} MB")


def print_growth(size: int) -> None:
    print(f"\ntime at {2 * size // KB} and {4 * size // KB} KB: each by twice the time at half the size")
    for shape, make in SHAPES.items():
        if not any(word in shape for word in UNLIKE):
            row = []
            for function in (flatten, enrich_email_fields):
                times = [best_time(function, BASE | make(size * factor)) for factor in (1, 2, 4)]
                row += [f"{times[1] / times[0] / 2:5.2f} {times[2] / times[1] / 2:5.2f}"]
            print(f"{shape:32}", *row)


def main() -> None:
    sizes = [int(argument) * KB for argument in sys.argv[1:]] or [24 * KB, 256 * KB, KB * KB]
    for size in sizes:
        print_costs(size)
    print_growth(256 * KB)


if __name__ == "__main__":
    main()
