"""A fake Segment on loopback, and the programs of ``docs/examples`` run against it as their pages say."""

import importlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "soak"))

from fake_segment import FakeSegment
from programs import ENVIRONMENT, EXAMPLES

# Far beyond what any program takes, so that a slow machine fails no test and a hanging program does not hang the run.
PATIENCE = 120


@pytest.fixture(scope="session")
def fake_segment():
    with FakeSegment() as server:
        yield server
        server.shutdown()


@pytest.fixture
def segment(fake_segment):
    fake_segment.reset()
    yield fake_segment
    fake_segment.done.set()


@pytest.fixture(scope="session")
def examples():
    return EXAMPLES


def deaf_to_none():
    """A process started in the background, or by nohup, may ignore signals from the start."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def start(tmp_path):
    """Start a program; it does not outlive the test."""
    started = []

    def start_program(name, *arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE, **more):
        process = subprocess.Popen(  # noqa: S603 -- the project's own program
            [sys.executable, *(EXAMPLES / each if each.endswith(".py") else each for each in name.split()), *arguments],
            cwd=tmp_path,
            env=ENVIRONMENT | more,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            preexec_fn=deaf_to_none,  # noqa: PLW1509
        )
        started.append(process)
        return process

    yield start_program
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run(start):
    def run_program(name, *arguments, given=b"", **more):
        """Run a program to its end; return its exit status and what it said on both outputs."""
        process = start(name, *arguments, **more)
        stdout, stderr = process.communicate(given, PATIENCE)
        assert b"Traceback" not in stderr, stderr.decode()
        return process.returncode, stdout.decode(), stderr.decode()

    return run_program


@pytest.fixture
def load(monkeypatch):
    """Import a program as a module."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module


@pytest.fixture
def write(tmp_path):
    def write_lines(*items, name="export.jsonl"):
        """Write items, or lines as they are, to a JSON Lines file."""
        lines = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]
        path = tmp_path / name
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    return write_lines
