"""What hostile records cost, measured against a plain record of the same size.

    python tests/benchmarks/cost.py [KILOBYTES ...]

A plain record over a payload's limit is refused at a glance. What is larger than 24 KB is therefore measured against
the plain record of 24 KB, which fits: a translation never does more than a payload's worth of work. The measure for
each function is the whole translation of the plain record.

The sizes are 24 and 256 KB unless given, which takes under a minute; 1024 takes minutes and several hundred MB.
For each shape it prints the best time of several runs, the peak of memory (by tracemalloc) and the number of values, as
multiples of the plain record's, and how it ends. A text of brackets alone holds many more values than a plain record of
the same size, and a value has its cost. The numbers that depend on no clock are checked by `tests/test_cost.py`.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections import ChainMap, UserDict
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from cordial_segment import TranslationError, build_track_payload, enrich_email_fields, is_blocked

Record = dict[Any, Any]
LIMIT = 24 * 1024
BASE = {"action": "open", "cID": "c1", "_id": "e1"}


def plain(size: int) -> Record:
    return {f"field {number:07}": f"value {number:07}" for number in range(size // 32)}


def long_key_over_array(size: int) -> Record:
    return {"k" * (size // 2): [0] * (size // 4)}


def long_key_at_each_level(size: int) -> Record:
    return nested({"leaf": 0}, 95, lambda inner: {"k" * (size // 95): inner})


def long_key_at_each_level_over_leaves(size: int) -> Record:
    return nested({str(number): 0 for number in range(size // 16)}, 95, lambda inner: {"k" * (size // 190): inner})


def deep(size: int) -> Record:
    return {"d": nested(0, 98, lambda inner: [inner])} | plain(size)


def too_deep(size: int) -> Record:
    return {"d": nested(0, size // 2, lambda inner: [inner])}


def too_deep_mappings(size: int) -> Record:
    return {"d": nested(0, size // 6, lambda inner: {"a": inner})}


def nested(value: Any, levels: int, wrap: Callable[[Any], Any]) -> Any:
    for _ in range(levels):
        value = wrap(value)
    return value


def chains_side_by_side(size: int) -> Record:
    return {"d": [nested(number, 90, lambda inner: [inner]) for number in range(size // 182)]}


def chains_of_mappings(size: int) -> Record:
    return {"d": [nested(number, 90, lambda inner: {"a": inner}) for number in range(size // 552)]}


def chains_then_nan(size: int) -> Record:
    return {**chains_side_by_side(size), "z": float("nan")}


def chains_then_too_deep(size: int) -> Record:
    return {**chains_side_by_side(size), "z": nested(0, 100, lambda inner: [inner])}


def chains_then_a_collision(size: int) -> Record:
    return {**chains_side_by_side(size), f"d_{size // 182 - 1}{'_0' * 90}": 0}


def many_leaves(size: int) -> Record:
    return {"d": [0] * (size // 2)}


def many_wide_rows(size: int) -> Record:
    return {"d": [{"a": 0, "b": ""} for _ in range(size // 16)]}


def wide_rows_then_nan(size: int) -> Record:
    return {**many_wide_rows(min(size, 16_000)), "z": float("nan")}


def short_chains(size: int, leaf: Callable[[], Any] = lambda: [[0]]) -> Record:
    """As many as just fit, below short keys."""
    return {f"{number:02}": [leaf() for _ in range(100)] for number in range(min(size, 13_800) // 600)}


def short_chains_then_a_collision(size: int) -> Record:
    record = short_chains(size)
    return {**record, f"{[*record][-1]}_99_0_0": 0}


def lists_of_one_then_a_collision(size: int) -> Record:
    record = short_chains(size, lambda: [0])
    return {**record, f"{[*record][-1]}_99_0": 0}


def mappings_of_one(size: int) -> Record:
    return {f"{number:02}": [{"": {"": 0}} for _ in range(100)] for number in range(size // 1200)}


def pairs_in_pairs(size: int) -> Record:
    return {"d": [nested(number, 90, lambda inner: [inner, 0]) for number in range(size // 362)]}


def many_empty_containers(size: int) -> Record:
    return {"d": [[] for _ in range(size // 3)]}


def long_string(size: int) -> Record:
    return {"d": "x" * size}


def long_string_of_escapes(size: int) -> Record:
    return {"d": "\x01" * (size // 6)}


def long_texts_in_every_field_read(size: int) -> Record:
    names = ("action", "cID", "_id", "chnl-type", "chnl", "channel", "source", "origin", "bmID", "linkUrl")
    return {name: "x" * (size // len(names)) for name in names}


def long_fraction_of_a_second(size: int) -> Record:
    return {"time": "2021-10-22T16:11:48." + "1" * size + "Z"}


def long_link_twice(size: int) -> Record:
    return {"sp": {"link": "x" * (size // 2), "rl": "x" * (size // 2 - 1) + "y"}}


def long_origin_marks(size: int) -> Record:
    mark = " " * (size // 10) + "segmen"
    return {name: {"source": mark, "origin": mark} for name in ("context", "properties", "system_properties", "sp")}


def contains_itself(size: int) -> Record:
    record: Record = plain(size // 2)
    return record | {"self": record_of_itself(size // 8)}


def record_of_itself(size: int) -> list[Any]:
    itself: list[Any] = []
    itself.extend([itself] * size)
    return itself


def one_list_in_many_places(size: int) -> Record:
    shared = list(range(size // 8))
    return {"d": [shared] * 1000}


def one_list_at_each_depth(size: int) -> Record:
    shared = list(range(size // 8))
    return {"d": [nested(shared, depth, lambda inner: [inner]) for depth in range(95)]}


def one_string_in_many_places(size: int) -> Record:
    return {"d": ["x" * (size // 2)] * (size // 16)}


def one_chain_of_long_keys_in_many_places(size: int) -> Record:
    return {"d": [nested(0, 90, lambda inner: {"k" * min(size // 200, 300): inner})] * (size // 16)}


def billion_laughs(size: int) -> Record:
    return {"d": nested("ha" * (size // 4), 90, lambda inner: [inner] * (size // 720))}


def collides_at_the_last_leaf(size: int) -> Record:
    last = min(size, 24_000) // 32
    return (
        {"d": list(range(last)), f"d_{last - 1}": 0}
        if size < 32_000
        else {**many_leaves(size), f"d_{size // 2 - 1}": 0}
    )


def huge_integers(size: int) -> Record:
    return {"d": [10**3999 + number for number in range(size // 4000)]}


def one_huge_integer(size: int) -> Record:
    return {"d": 1 << (size * 10 // 3)}


def huge_integer_keys(size: int) -> Record:
    return {"d": {10**3999 + number: 0 for number in range(size // 4000)}}


def long_invalid_value(size: int) -> Record:
    return {**plain(size), "d": float("nan")}


SHAPES: tuple[Callable[[int], Record], ...] = (
    *(long_key_over_array, long_key_at_each_level, long_key_at_each_level_over_leaves, deep, too_deep),
    *(too_deep_mappings, chains_side_by_side, chains_of_mappings, chains_then_nan, chains_then_too_deep),
    *(chains_then_a_collision, short_chains, short_chains_then_a_collision, lists_of_one_then_a_collision),
    *(mappings_of_one, pairs_in_pairs, many_leaves, many_wide_rows, wide_rows_then_nan),
    *(many_empty_containers, long_string),
    *(long_string_of_escapes, long_texts_in_every_field_read, long_fraction_of_a_second, long_link_twice),
    *(long_origin_marks, contains_itself, one_list_in_many_places, one_list_at_each_depth, one_string_in_many_places),
    *(one_chain_of_long_keys_in_many_places, billion_laughs, collides_at_the_last_leaf, huge_integers),
    *(one_huge_integer, huge_integer_keys, long_invalid_value),
)


def exotic(value: Any, kind: Callable[[Any], Any], copies: dict[int, Any] | None = None) -> Any:
    """The same with every mapping of another kind and every list a tuple, so that nothing takes a short way."""
    copies = {} if copies is None else copies
    if id(value) not in copies:
        if isinstance(value, dict):
            copies[id(value)] = kind({key: exotic(child, kind, copies) for key, child in value.items()})
        elif isinstance(value, list):
            copies[id(value)] = tuple(exotic(child, kind, copies) for child in value)
        else:
            return value
    return copies[id(value)]


KINDS: tuple[Callable[[Any], Any], ...] = (MappingProxyType, UserDict, ChainMap)
NOT_EXOTIC = {too_deep, too_deep_mappings, contains_itself}  # these cannot be rebuilt by recursion

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "build_track_payload": build_track_payload,
    "is_blocked": is_blocked,
    "enrich_email_fields": enrich_email_fields,
}


def cases(size: int) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    for shape in (plain, *SHAPES):
        yield shape.__name__.replace("_", " "), BASE | shape(size)
    for kind in KINDS:
        for shape in (plain, *SHAPES):
            if shape not in NOT_EXOTIC:
                yield f"{shape.__name__.replace('_', ' ')}, {kind.__name__}", exotic(BASE | shape(size), kind)


def ending(function: Callable[[Any], Any], record: Any) -> str:
    try:
        function(record)
    except TranslationError as error:
        return type(error).__name__
    return "translated"


def values_in(record: Any) -> int:
    """How many values a record holds: what is shared counts once in each of its holders."""
    count, waiting, seen = 0, [record], set()
    while waiting:
        value = waiting.pop()
        count += 1
        if isinstance(value, (Mapping, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            waiting.extend(value.values() if isinstance(value, Mapping) else value)
    return count


def best_time(function: Callable[[Any], Any], record: Any, rounds: int = 5, enough: float = 0.05) -> float:
    """Time several runs; fewer where they have taken **enough** seconds together."""
    times: list[float] = []
    while len(times) < rounds and sum(times) < enough:
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


def main() -> None:
    for size in [int(argument) * 1024 for argument in sys.argv[1:]] or [24 * 1024, 256 * 1024]:
        record = BASE | plain(min(size, LIMIT))
        for name, function in FUNCTIONS.items():
            plain_time, plain_peak = best_time(build_track_payload, record), peak(build_track_payload, record)
            plain_values = values_in(record)
            print(
                f"\n{name}, {size // 1024:,} KB: 1x is {plain_time * 1e3:.2f} ms, {plain_peak / 1e6:.2f} MB and "
                f"{plain_values:,} values\n{'shape':54} {'time':>7} {'memory':>7} {'values':>7}  ending"
            )
            for shape, hostile in cases(size):
                ratios = (
                    best_time(function, hostile) / plain_time,
                    peak(function, hostile) / plain_peak,
                    values_in(hostile) / plain_values,
                )
                print(f"{shape:54}", *(f"{ratio:6.2f}x" for ratio in ratios), "", ending(function, hostile))


if __name__ == "__main__":
    main()
