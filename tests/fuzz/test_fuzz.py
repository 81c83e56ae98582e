import random
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from cordial_segment import build_track_payload

HERE = Path(__file__).parent
FUZZ = runpy.run_path(str(HERE / "fuzz.py"))
TARGETS = FUZZ["TARGETS"]
KEPT = sorted(path for path in (HERE / "corpus").glob("*/*") if path.is_file())


@pytest.mark.parametrize("target", TARGETS)
def test_random_inputs_break_no_promise(target):
    """A few hundred random inputs, the same on each run, so that the fuzzer's checks run without the fuzzer too."""
    chance = random.Random(target)
    for _ in range(400):
        TARGETS[target](chance.randbytes(chance.randrange(1, 100)))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_kept_inputs_break_no_promise(path):
    """Each kept input is one that once broke something, or one that the fuzzer starts from."""
    TARGETS[path.parent.name](path.read_bytes())


def test_the_inputs_reach_both_payloads_and_every_error():
    chance, seen = random.Random(1), set()
    for _ in range(5_000):
        record, separator = FUZZ["Source"](chance.randbytes(100)).record(), chance.choice("_.")
        seen.add(type(FUZZ["outcome"](build_track_payload, record, separator=separator)).__name__)
    assert seen == {
        *("dict", "TypeError", "MissingFieldError", "InvalidFieldError"),
        *("KeyCollisionError", "NestingError", "PayloadTooLargeError"),
    }


def test_a_short_fuzzed_run_finds_nothing(tmp_path):
    pytest.importorskip("atheris")
    options = ["-runs=2000", "-seed=1", "-max_len=200", f"-artifact_prefix={tmp_path}/"]
    command = [sys.executable, str(HERE / "fuzz.py"), *options]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False)  # noqa: S603
    assert run.returncode == 0, run.stderr[-3000:]
    assert "DONE" in run.stderr
