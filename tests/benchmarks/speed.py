"""How fast the library is, beside its peers and beside what every caller pays anyway.

    python tests/benchmarks/speed.py [--quick] [--json FILE] [--docs]

Everything that is compared is measured in turns within one process, so that what slows the machine slows all alike;
the ratio of the medians is what counts. ``--json`` keeps every value in pyperf's format (``python -m pyperf show
FILE``), ``--docs`` writes the table and the chart of the documentation. Needs the extra ``benchmarks``.
"""

from __future__ import annotations

import argparse
import compileall
import gc
import json
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
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

from cordial_segment import Allow, Block, BlockAll, Policy, SendAll, build_track_payload, flatten, is_blocked

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
TEXT = (EXAMPLES / "click.json").read_text(encoding="utf-8")
CLICK = json.loads(TEXT)
MESSAGE = json.loads((EXAMPLES / "click.message.json").read_text(encoding="utf-8"))


def deep(levels: int) -> dict[str, Any]:
    data: dict[str, Any] = {"leaf": "text"}
    for level in range(levels - 1, 0, -1):
        data = {"number": level, f"level{level}": data}
    return data


def small_objects(count: int) -> dict[str, Any]:
    return {
        "items": [
            {"id": number, "name": f"item {number}", "price": number * 1.5, "tags": ["a", "b"], "ok": True}
            for number in range(count)
        ]
    }


SHAPES: dict[str, dict[str, Any]] = {
    "sample click": CLICK,
    "custom event": json.loads((EXAMPLES / "custom-cart.json").read_text(encoding="utf-8")),
    "wide, 10,000 leaves": {f"field_{number}": f"value {number}" if number % 3 else number for number in range(10_000)},
    "deep, 80 levels": deep(80),
    "1,000 small objects": small_objects(1000),
}

# Each is asked for keys joined by "_" with lists taken apart; where it has no such form, for its own.
PEERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "flatten_json": lambda data: flatten_json.flatten(data, "_"),
    "flatten-dict": lambda data: flatten_dict.flatten(data, reducer="underscore", enumerate_types=(list,)),
    "flatdict": lambda data: dict(flatdict.FlatterDict(data, delimiter="_")),
    "json-flatten": json_flatten.flatten,
    # It takes no lists apart but the one that it is told makes the rows.
    "pandas json_normalize": lambda data: pd.json_normalize(data.get("items", data), sep="_").to_dict(orient="records"),
}


class Results:
    """The rows of the table, and every value behind them."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, float, str]] = []
        self.benchmarks: list[pyperf.Benchmark] = []

    def keep(self, name: str, seconds: list[float]) -> None:
        self.benchmarks.append(pyperf.Benchmark([pyperf.Run(seconds, metadata={"name": name}, collect_metadata=False)]))

    def add(self, group: str, name: str, ratio: float, target: str) -> None:
        self.rows.append((group, name, ratio, target))
        print(f"  {name:<44} {ratio:8.2f}   {target}", flush=True)


def in_turns(contenders: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Give each contender's seconds for one call, in each of **rounds** rounds of taking turns."""
    loops = dict.fromkeys(contenders, 1)
    for name, call in contenders.items():
        while _seconds(call, loops[name]) < 0.01:
            loops[name] *= 2
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
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


def ratio(seconds: dict[str, list[float]], name: str, base: str) -> float:
    """Give the median of the rounds' ratios: both sides of each were measured within the same tenth of a second."""
    return statistics.median(one / other for one, other in zip(seconds[name], seconds[base], strict=True))


def flatten_beside_peers(results: Results, rounds: int) -> None:
    least = {
        ("flatten_json", "sample click"): 2.0,
        ("flatten_json", "wide, 10,000 leaves"): 3.5,
        ("flatten_json", "1,000 small objects"): 1.6,
        ("flatten-dict", "sample click"): 4.0,
        ("flatten-dict", "wide, 10,000 leaves"): 4.0,
        ("flatten-dict", "1,000 small objects"): 2.0,
    }
    for shape, data in SHAPES.items():
        print(f"flatten, {shape}: times as long as ours")
        ours = flatten(data)
        contenders = {"ours": lambda data=data: flatten(data)}
        contenders |= {name: lambda call=call, data=data: call(data) for name, call in PEERS.items()}
        seconds = in_turns(contenders, rounds)
        for name, values in seconds.items():
            results.keep(f"flatten {shape}: {name}", values)
        for name, call in PEERS.items():
            try:
                same = call(data) == ours
            except TypeError:  # flatdict has objects of its own in it, which compare with nothing else
                same = False
            target = f"{least.get((name, shape), 1.0)} or more" + ("" if same else "; gives another form")
            results.add(f"flatten: {shape}", name, ratio(seconds, name, "ours"), target)


def translation(results: Results, rounds: int) -> None:
    print("the sample click, times json.loads of the record and json.dumps of the payload")
    payload = build_track_payload(CLICK, message=MESSAGE)
    policy = Policy(
        email=Allow("open", "click"), mobile=BlockAll(), sms=Block("click"), rest=SendAll(), custom=Block("browse")
    )
    seconds = in_turns(
        {
            "build": lambda: build_track_payload(CLICK, message=MESSAGE),
            "json": lambda: (json.loads(TEXT), json.dumps(payload)),
            "blocked": lambda: is_blocked(CLICK, policy),
        },
        rounds * 3,
    )
    for name, values in seconds.items():
        results.keep(f"click: {name}", values)
    results.add("translation", "build_track_payload : JSON in and out", ratio(seconds, "build", "json"), "1.0 at most")
    results.add("translation", "is_blocked : build_track_payload", ratio(seconds, "blocked", "build"), "0.2 at most")


def peak(call: Callable[[], Any]) -> int:
    gc.collect()
    tracemalloc.start()
    call()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def growth(results: Results, rounds: int) -> None:
    print("flatten, times a dict comprehension that only builds the same keys and values")
    for leaves in (1_000, 100_000, 1_000_000):
        data = [{f"field_{field}": field for field in range(10)} for _ in range(leaves // 10)]

        def floor(data: list[dict[str, int]] = data) -> dict[str, int]:
            return {f"{index}_{key}": value for index, item in enumerate(data) for key, value in item.items()}

        def ours(data: list[dict[str, int]] = data) -> dict[str, Any]:
            return flatten(data)

        assert ours() == floor()
        seconds = in_turns({"ours": ours, "floor": floor}, max(3, rounds // 5) if leaves > 1000 else rounds)
        for name, values in seconds.items():
            results.keep(f"growth {leaves}: {name}", values)
        results.add("growth", f"time, {leaves:,} leaves", ratio(seconds, "ours", "floor"), "3 at most")
        results.add("growth", f"peak memory, {leaves:,} leaves", peak(ours) / peak(floor), "1.2 at most")


BARE_LOOP = """
import json, sys
from cordial_segment import build_track_payload
with open(sys.argv[1], "rb") as file:
    for line in file:
        sys.stdout.write(json.dumps(build_track_payload(json.loads(line))) + "\\n")
"""


def write_records(path: Path, count: int) -> None:
    chooser = random.Random(7)
    records = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(EXAMPLES.glob("*-*.json"))] + [CLICK] * 4
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            file.write(json.dumps({**chooser.choice(records), "_id": f"{number:024x}"}) + "\n")


def run(arguments: list[str], out: Path) -> tuple[float, int]:
    """Run Python with **arguments**; give the seconds of processor time and the peak of memory in kilobytes."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[2:], stdout=open(sys.argv[1], 'wb'), stderr=subprocess.DEVNULL, check=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss)\n"
    )
    command = [sys.executable, "-c", code, str(out), sys.executable, *arguments]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)  # noqa: S603
    seconds, kilobytes = shown.stdout.split()
    return float(seconds), int(kilobytes)


def command(results: Results, rounds: int, scale: float) -> None:
    print("the command, times a bare loop of json.loads, build_track_payload and json.dumps")
    with tempfile.TemporaryDirectory() as folder:
        source, first, second = (Path(folder) / name for name in ("in", "out1", "out2"))
        count = round(200_000 * scale)
        write_records(source, count)
        seconds: dict[str, list[float]] = {"ours": [], "bare": []}
        for _ in range(max(3, rounds // 8)):
            seconds["bare"].append(run(["-c", BARE_LOOP, str(source)], first)[0])
            seconds["ours"].append(run(["-m", "cordial_segment", str(source)], second)[0])
        assert first.read_bytes() == second.read_bytes()
        for name, values in seconds.items():
            results.keep(f"command: {name}", values)
        results.add("command", f"processor time, {count:,} records", ratio(seconds, "ours", "bare"), "1.25 at most")
        peaks = []
        for size in (10_000, round(1_000_000 * scale)):
            write_records(source, size)
            peaks.append(run(["-m", "cordial_segment", str(source)], first)[1])
        name = f"peak memory, {size:,} records : 10,000"
        results.add("command", name, peaks[1] / peaks[0], "1.1 at most")


STANDARD = "json, re, hashlib, datetime, enum, functools, itertools, math, typing, collections.abc"


def importing(results: Results, rounds: int) -> None:
    print("import, in fresh processes")
    compileall.compile_dir(ROOT / "cordial_segment", quiet=1)  # as any installation is
    seconds: dict[str, list[float]] = {"ours": [], "standard": [], "client": []}
    for _ in range(rounds):
        for name, modules in (("standard", STANDARD), ("ours", "cordial_segment"), ("client", "segment.analytics")):
            code = f"from time import perf_counter as t; start = t(); import {modules}; print(t() - start)"
            shown = subprocess.run(  # noqa: S603
                [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
            )
            seconds[name].append(float(shown.stdout))
    for name, values in seconds.items():
        results.keep(f"import: {name}", values)
    # Start-up is all file system: the best of the rounds says more than their middle.
    ours, standard, client = (min(seconds[name]) for name in ("ours", "standard", "client"))
    results.add("import", "cordial_segment : the modules it needs", ours / standard, "1.2 at most")
    results.add("import", "cordial_segment : segment.analytics", ours / client, "0.2 at most")


def chart(results: Results, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "cordial_segment"
    from matplotlib import pyplot as plt

    peers = list(PEERS)
    figure, axes = plt.subplots(1, len(SHAPES), figsize=(11, 2.9), sharey=True)
    for axis, shape in zip(axes, SHAPES, strict=True):
        values = [next(row[2] for row in results.rows if row[:2] == (f"flatten: {shape}", peer)) for peer in peers]
        bars = axis.barh(peers, values, color="#7a8ca5", height=0.62)
        axis.bar_label(bars, [f"{value:.1f}" if value < 100 else f"{value:.0f}" for value in values], padding=3, size=8)
        axis.axvline(1, color="#c2410c", linewidth=1.5)
        axis.set_xscale("log")
        axis.set_xlim(0.7, max(values) * (max(values) / 0.7) ** 0.35)
        axis.set_title(shape, size=9)
        axis.tick_params(axis="y", length=0, labelsize=8)
        axis.xaxis.set_visible(False)
        for side in axis.spines.values():
            side.set_visible(False)
    axes[0].invert_yaxis()
    figure.suptitle(
        "Time of each flattener, in times the time of cordial_segment.flatten (the line; logarithmic)", size=10, x=0.5
    )
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None}, facecolor="white")


def machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{model}, {platform.system()} {platform.machine()}, CPython {platform.python_version()}"


def write_docs(results: Results) -> None:
    lines = [f"Measured on: {machine()}.", ""]
    names = ("flatten_json", "flatten-dict", "flatdict", "json-flatten", "pandas", "segment-analytics-python")
    lines += [f"Versions: {', '.join(f'{name} {version(name)}' for name in names)}.", ""]
    group = ""
    for row_group, name, value, target in results.rows:
        if row_group != group:
            group = row_group
            lines += ["", f"| {group} | ratio | asked for |", "| --- | ---: | --- |"]
        lines.append(f"| {name} | {value:.2f} | {target} |")
    static = ROOT / "docs" / "_static"
    (static / "benchmarks.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    chart(results, static / "benchmarks.svg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and a tenth of the command's records")
    parser.add_argument("--json", metavar="FILE", help="keep every value, in pyperf's format")
    parser.add_argument("--docs", action="store_true", help="write the table and the chart of the documentation")
    options = parser.parse_args()
    rounds = 8 if options.quick else 40
    results = Results()
    print(machine())
    flatten_beside_peers(results, rounds)
    translation(results, rounds)
    growth(results, rounds)
    command(results, rounds, 0.1 if options.quick else 1)
    importing(results, rounds)
    if options.json:
        pyperf.BenchmarkSuite(results.benchmarks).dump(options.json, replace=True)
    if options.docs:
        write_docs(results)


if __name__ == "__main__":
    main()
