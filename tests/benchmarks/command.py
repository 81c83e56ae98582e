"""What the command costs: beside a bare loop, as its input grows, on much input, compressed, and on two cores.

    python tests/benchmarks/command.py [--quick]

The bare loop calls the same functions in the same process, without the command's reading, messages and counts. Times
are seconds of processor time, but for two cores, where the clock counts. What is compared is run in turns, and the
median is printed. Needs nothing installed but the package; ``zcat`` and ``parallel`` are left out if missing.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from cordial_segment import build_track_payload, is_blocked, open_envelope
from cordial_segment.__main__ import main as run_command

ROOT = Path(__file__).parents[2]
CLICK = json.loads((ROOT / "docs" / "examples" / "click.json").read_text(encoding="utf-8"))
COMMAND = f"'{sys.executable}' -m cordial_segment"
# Runs a shell command; prints its processor time, its peak of memory in kilobytes and the time by the clock.
MEASURE = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(["/bin/sh", "-c", sys.argv[1]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss, time.perf_counter() - start)
"""
EVENT = '{"action":"open","cID":"c1"}'
SHAPES: dict[str, Callable[[int], str]] = {
    "lines": lambda n: f"{EVENT}\n" * n,
    "a document": lambda n: "[\n" + ",\n".join([EVENT] * n) + "\n]\n",
    "one line of objects": lambda n: "[" + ",".join([EVENT] * n) + "]\n",
    "objects with doubled keys": lambda n: '{"a":1,"a":1}\n' * n,
    "blank lines": lambda n: "\n" * n * 10 + EVENT,
    "brackets": lambda n: "[" * 25 * n + "\n" + EVENT,
}


def measure(command: str) -> tuple[float, int, float]:
    shown = subprocess.run(  # noqa: S603
        [sys.executable, "-c", MEASURE, command], capture_output=True, text=True, check=True, cwd=ROOT
    )
    seconds, kilobytes, clock = shown.stdout.split()
    return float(seconds), int(kilobytes), float(clock)


def write_clicks(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            file.write(json.dumps({**CLICK, "_id": f"{number:024x}"}) + "\n")


def bare_loop(path: Path) -> None:
    with path.open("rb") as file:
        for line in file:
            event, contact = open_envelope(json.loads(line))
            if not is_blocked(event):
                sys.stdout.write(json.dumps(build_track_payload(event, contact=contact)) + "\n")


def beside_bare_loop(path: Path, rounds: int) -> float:
    ratios = []
    for _ in range(rounds):
        seconds = []
        for run in (lambda: run_command([str(path)]), lambda: bare_loop(path)):
            start = time.process_time()
            with Path(os.devnull).open("w") as out, redirect_stdout(out), redirect_stderr(io.StringIO()):
                run()
            seconds.append(time.process_time() - start)
        ratios.append(seconds[0] / seconds[1])
    return statistics.median(ratios)


def compare(one: str, other: str, rounds: int, part: int = 0) -> float:
    """Return the median ratio of two commands, run in turns: of processor time, or of what is at **part**."""
    return statistics.median(measure(one)[part] / measure(other)[part] for _ in range(rounds))


def growth(folder: Path, count: int) -> None:
    print(f"{'growth':28}{'2n : n':>9}{'4n : n':>9}   memory at n and 4n, MB")
    for name, shape in SHAPES.items():
        seconds, kilobytes = [], []
        for times in (1, 2, 4):
            path = folder / "input"
            path.write_text(shape(count * times), encoding="utf-8")
            taken, held, _ = measure(f"{COMMAND} {path}")
            seconds.append(taken)
            kilobytes.append(held)
        ratios = "".join(f"{value / seconds[0]:9.2f}" for value in seconds[1:])
        print(f"{name:28}{ratios}   {kilobytes[0] / 1024:.0f} {kilobytes[2] / 1024:.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the records")
    scale = 10 if parser.parse_args().quick else 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clicks, large = folder / "clicks.jsonl", folder / "large.jsonl"
        write_clicks(clicks, 200_000 // scale)
        print(f"command : bare loop  {beside_bare_loop(clicks, 9):.2f}", flush=True)
        with gzip.open(f"{clicks}.gz", "wb", 6) as file:
            file.write(clicks.read_bytes())
        if shutil.which("zcat"):
            ratio = compare(f"{COMMAND} {clicks}.gz", f"zcat {clicks}.gz | {COMMAND}", 5)
            print(f"gzip read by the command : zcat  {ratio:.2f}", flush=True)
        if shutil.which("parallel"):
            split = f"parallel --pipe --block 10M -k -j2 {COMMAND} --lines < {clicks}"
            print(f"two cores : one, by the clock  {compare(split, f'{COMMAND} {clicks}', 3, 2):.2f}", flush=True)
        write_clicks(large, 1_500_000 // scale)
        size, start = large.stat().st_size, time.perf_counter()
        small, much = measure(f"head -n 15000 {large} | {COMMAND}")[1], measure(f"{COMMAND} {large}")[1]
        print(f"memory on {size / 1e9:.2f} GB : on its first 15,000 lines  {much / small:.2f}, {much / 1024:.0f} MB")
        print(f"({time.perf_counter() - start:.0f} seconds)", flush=True)
        large.unlink()
        growth(folder, 250_000 // scale)


if __name__ == "__main__":
    main()
