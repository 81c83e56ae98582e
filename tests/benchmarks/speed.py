"""How fast the library is, beside other flatteners and beside what every caller pays anyway.

    python tests/benchmarks/speed.py [--quick] [--json FILE] [--docs]

It begins with what users have: a stream of fresh records, each read, translated and written. What is compared is
measured in turns within one process, so that whatever slows the machine slows all alike. The median of the rounds'
ratios is what counts. ``--json`` keeps every value in pyperf's format (``python -m pyperf show
FILE``), ``--docs`` writes the table and the charts of the documentation. Needs the extra ``benchmarks``.
"""

from __future__ import annotations

import argparse
import compileall
import gc
import json
import math
import platform
import statistics
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import flatdict
import flatten_dict
import flatten_json
import json_flatten
import pandas as pd
import pyperf
from pyperf import perf_counter

from cordial_segment import (
    Allow,
    Block,
    BlockAll,
    PayloadTooLargeError,
    Policy,
    SendAll,
    build_track_payload,
    flatten,
    is_blocked,
)

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
STATIC = ROOT / "docs" / "_static"
TEXT = (EXAMPLES / "click.json").read_text(encoding="utf-8")
CLICK = json.loads(TEXT)
MESSAGE = json.loads((EXAMPLES / "messages.json").read_text(encoding="utf-8"))[CLICK["bmID"]]
POLICY = Policy(
    email=Allow("open", "click"), mobile=BlockAll(), sms=Block("click"), rest=SendAll(), custom=Block("browse")
)

OURS = ("flatten", "build_track_payload")
STREAM = "20,000 fresh records"
PEER = " : flatten"
BUILD = "build_track_payload, to json.loads and json.dumps"

Seconds = dict[str, list[float]]


def deep(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = {"leaf": "text"}
    for level in range(levels - 1, 0, -1):
        data = {"number": level, f"level{level}": data}
    return data


SHAPES: dict[str, dict[str, Any]] = {
    "the sample click": CLICK,
    "a custom event": json.loads((EXAMPLES / "custom-cart.json").read_text(encoding="utf-8")),
    "100 objects of 100 fields": {
        f"group {group}": {f"field {field}": f"value {field}" if field % 3 else field for field in range(100)}
        for group in range(100)
    },
    "80 levels": deep(80),
    "1,000 small objects": {
        "items": [
            {"id": number, "name": f"item {number}", "price": number * 1.5, "tags": ["a", "b"], "ok": True}
            for number in range(1000)
        ]
    },
}

# Each is set up for keys joined by "_" and lists taken apart, where it can be.
PEERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "flatten_json": lambda data: flatten_json.flatten(data, "_"),
    "flatten-dict": lambda data: flatten_dict.flatten(data, reducer="underscore", enumerate_types=(list,)),
    "json-flatten": json_flatten.flatten,
    "flatdict": lambda data: dict(flatdict.FlatterDict(data, delimiter="_")),
    # It takes no lists apart but the one that it is told makes the rows.
    "pandas": lambda data: pd.json_normalize(data.get("items", data), sep="_").to_dict(orient="records"),
}


class Results:
    """The rows of the table by group, and every value behind them."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, float]] = []
        self.benchmarks: list[pyperf.Benchmark] = []

    def keep(self, group: str, seconds: Seconds) -> None:
        for name, values in seconds.items():
            run = pyperf.Run(values, metadata={"name": f"{group}: {name}"}, collect_metadata=False)
            self.benchmarks.append(pyperf.Benchmark([run]))

    def add(self, group: str, name: str, ratio: float) -> None:
        self.rows.append((group, name, ratio))
        print(f"{group}: {name}  {ratio:.2f}", flush=True)


def in_turns(contenders: dict[str, Callable[[], Any]], rounds: int) -> Seconds:
    """Return each contender's seconds for one call, in each of **rounds** rounds of taking turns."""
    loops = dict.fromkeys(contenders, 1)
    for name, call in contenders.items():
        while _seconds(call, loops[name]) < 0.01:
            loops[name] *= 2
    seconds: Seconds = {name: [] for name in contenders}
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        for name, call in contenders.items():
            seconds[name].append(_seconds(call, loops[name]) / loops[name])
    gc.enable()
    return seconds


def _seconds(call: Callable[[], Any], loops: int) -> float:
    times = range(loops)
    start = perf_counter()
    for _ in times:
        call()
    return perf_counter() - start


def ratio(seconds: Seconds, name: str, base: str) -> float:
    """Return the median of the rounds' ratios: both sides of each were measured within the same tenth of a second."""
    return statistics.median(one / other for one, other in zip(seconds[name], seconds[base], strict=True))


def flatten_beside_peers(results: Results, rounds: int) -> None:
    for shape, data in SHAPES.items():
        contenders = {"flatten": lambda data=data: flatten(data)}
        contenders |= {name: lambda call=call, data=data: call(data) for name, call in PEERS.items()}
        seconds = in_turns(contenders, rounds)
        results.keep(f"flatten {shape}", seconds)
        for name in PEERS:
            results.add(f"flatten, {shape}", name + PEER, ratio(seconds, name, "flatten"))


def stream(results: Results, rounds: int, count: int = 20_000) -> None:
    """Measure what a translation adds to reading each line and writing each payload, for records that are all new."""
    lines, payloads = [], []
    for number in range(count):
        record = {**CLICK, "_id": f"{number:024x}", "cID": f"{number * 7:024x}", "d": {**CLICK["d"], "asn": number}}
        lines.append(json.dumps(record))
        payloads.append(build_track_payload(record, message=MESSAGE))

    def alone() -> None:
        for line, payload in zip(lines, payloads, strict=True):
            json.loads(line)
            json.dumps(payload)

    def translated() -> None:
        for line in lines:
            json.dumps(build_track_payload(json.loads(line), message=MESSAGE))

    seconds = in_turns({"translated": translated, "alone": alone}, rounds)
    results.keep("stream", seconds)
    on_top = ratio(seconds, "translated", "alone") - 1
    results.add(STREAM, "translating, on top of reading and writing : reading and writing", on_top)


def cart(kilobytes: float) -> dict[str, Any]:
    """Return the sample click with as many cart items as fit into so many **kilobytes**, and into a payload.

    An item has the fields of a product in Segment's "Spec: Ecommerce Events".
    """
    item = {
        "name": "Waterproof winter jacket",
        "category": "Outdoor & Sport / Jackets",
        "variant": "dark blue, L",
        "price": 129.95,
        "quantity": 2,
        "url": "https://www.example.com/products/outdoor/jackets/00417?utm_source=mail",
        "image_url": "https://cdn.example.com/images/products/00417/large.jpg",
    }
    record = {**CLICK, "items": [{"sku": f"SKU-{number:05}", **item} for number in range(200)]}
    while record["items"]:
        if len(json.dumps(record, separators=(",", ":"))) <= kilobytes * 1024:
            with suppress(PayloadTooLargeError):
                build_track_payload(record, message=MESSAGE)
                break
        record["items"].pop()
    return record


def translation(results: Results, rounds: int) -> None:
    without_id = {name: value for name, value in CLICK.items() if name != "_id"}
    records = {"the sample click": CLICK, "the sample click without an _id": without_id}
    records |= {f"{kilobytes} KB": cart(kilobytes) for kilobytes in (1, 2, 4, 6, 12)} | {"32 KB, the limit": cart(32)}
    for name, record in records.items():
        text, payload = json.dumps(record), build_track_payload(record, message=MESSAGE)
        seconds = in_turns(
            {
                "build": lambda record=record: build_track_payload(record, message=MESSAGE),
                "json": lambda text=text, payload=payload: (json.loads(text), json.dumps(payload)),
                "blocked": lambda record=record: is_blocked(record, POLICY),
            },
            rounds * 2,
        )
        results.keep(name, seconds)
        results.add(BUILD, name, ratio(seconds, "build", "json"))
        if record is CLICK:
            results.add("is_blocked to build_track_payload", name, ratio(seconds, "blocked", "build"))


def peak(call: Callable[[], Any]) -> int:
    gc.collect()
    tracemalloc.start()
    call()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def growth(results: Results, rounds: int) -> None:
    for leaves in (1_000, 100_000, 1_000_000):
        data = [{f"field_{field}": field for field in range(10)} for _ in range(leaves // 10)]

        def floor(data: list[dict[str, int]] = data) -> dict[str, int]:
            return {f"{index}_{key}": value for index, item in enumerate(data) for key, value in item.items()}

        def ours(data: list[dict[str, int]] = data) -> dict[str, Any]:
            return flatten(data)

        assert ours() == floor()
        seconds = in_turns({"ours": ours, "floor": floor}, max(3, rounds // 5) if leaves > 1000 else rounds)
        results.keep(f"growth {leaves}", seconds)
        group = f"flatten, {leaves:,} leaves, to a dict comprehension of the same keys and values"
        results.add(group, "time", ratio(seconds, "ours", "floor"))
        results.add(group, "memory", peak(ours) / peak(floor))


STANDARD = "json, re, hashlib, datetime, enum, functools, itertools, math, typing, collections.abc"


def importing(results: Results, rounds: int) -> None:
    compileall.compile_dir(ROOT / "cordial_segment", quiet=1)  # as any installation is
    modules = {"ours": "cordial_segment", "standard": STANDARD, "client": "segment.analytics"}
    seconds: Seconds = {name: [] for name in modules}
    for _ in range(rounds):
        for name, imported in modules.items():
            code = f"from time import perf_counter as t; start = t(); import {imported}; print(t() - start)"
            command = [sys.executable, "-c", code]
            shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603
            seconds[name].append(float(shown.stdout))
    results.keep("import", seconds)
    # Start-up is all file system: the best of the rounds says more than their middle.
    ours, standard, client = (min(seconds[name]) for name in ("ours", "standard", "client"))
    results.add("import", "cordial_segment : the standard modules that it needs", ours / standard)
    results.add("import", "cordial_segment : segment.analytics", ours / client)


def bars(title: str, rows: list[tuple[str, str, float]], labels: list[str], widths: list[float]) -> str:
    """Write a chart as HTML: it takes its colours and fonts from the page, so it reads on any screen."""
    lines = [f'<figure class="bars"><figcaption>{title}</figcaption>']
    group = ""
    for (shape, name, _), label, width in zip(rows, labels, widths, strict=True):
        if shape != group:
            group = shape
            lines.append(f'<p class="bars-group">{shape}</p>')
        ours = " bars-ours" if name in OURS else ""
        bar = f'<span class="bars-bar" style="width:{width:.1f}%"></span><span>{label}</span>'
        lines.append(f'<div class="bars-row{ours}"><span>{name}</span><span class="bars-track">{bar}</span></div>')
    return "\n".join([*lines, "</figure>", ""])


def charts(results: Results) -> str:
    sizes = [("", name, value) for group, name, value in results.rows if group == BUILD]
    longest = max(value for *_, value in sizes)
    first = bars(
        "Time of <code>build_track_payload</code>, as a multiple of <code>json.loads</code> of the record and "
        "<code>json.dumps</code> of the payload: the sample click, then with a list of cart items",
        sizes,
        [f"{value:.2f}" for *_, value in sizes],
        [value / longest * 80 for *_, value in sizes],
    )
    rows = [
        (group.removeprefix("flatten, "), name.partition(" ")[0], value)
        for group, name, value in results.rows
        if name.endswith(PEER)
    ]
    shapes = dict.fromkeys(shape for shape, _, _ in rows)
    rows = [row for shape in shapes for row in [(shape, "flatten", 1.0), *(row for row in rows if row[0] == shape)]]
    most = math.log(max(value for _, _, value in rows) / 0.7)
    second = bars(
        "Time to flatten, as a multiple of <code>cordial_segment.flatten</code> (logarithmic scale; shorter is faster)",
        rows,
        [f"{value:.1f}" if value < 10 else f"{value:.0f}" for _, _, value in rows],
        [math.log(value / 0.7) / most * 80 for _, _, value in rows],
    )
    return first + second


def machine() -> str:
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text(encoding="utf-8").splitlines() if cpu.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.machine()}, {platform.system()}, CPython {platform.python_version()}"


def write_docs(results: Results) -> None:
    """Write the charts, and a table of what they do not show."""
    names = ("flatten_json", "flatten-dict", "json-flatten", "flatdict", "pandas", "segment-analytics-python")
    lines = [f"Measured on {machine()}, with {', '.join(f'{name} {version(name)}' for name in names)}.", ""]
    lines += ["| | compared | ratio |", "| --- | --- | ---: |"]
    group = ""
    for row_group, name, value in results.rows:
        if row_group == BUILD or name.endswith(PEER):
            continue
        lines.append(f"| {row_group if row_group != group else ''} | {name} | {value:.2f} |")
        group = row_group
    (STATIC / "benchmarks.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (STATIC / "benchmarks.html").write_text(charts(results), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", metavar="FILE", help="keep every value, in pyperf's format")
    parser.add_argument("--docs", action="store_true", help="write the table and the charts of the documentation")
    options = parser.parse_args()
    rounds = 8 if options.quick else 40
    results = Results()
    print(machine())
    stream(results, max(5, rounds // 4))
    translation(results, rounds)
    flatten_beside_peers(results, rounds)
    growth(results, rounds)
    importing(results, rounds)
    if options.json:
        pyperf.BenchmarkSuite(results.benchmarks).dump(options.json, replace=True)
    if options.docs:
        write_docs(results)


if __name__ == "__main__":
    main()
