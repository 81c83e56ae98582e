"""Segment's tracking API played on loopback, and the example programs run against it."""

import importlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
WRITE_KEY = "write-key-of-the-tests"

# Far beyond what any program takes, so that a slow machine fails no test and a hanging program does not hang the run.
PATIENCE = 120


class TrackingApi:
    """Takes batches as Segment does, after going wrong in the ways of **failures**, one for each request.

    A number is an answer of that status, to a batch that is not taken. ``"silence"`` and ``"disconnection"`` are the
    two ways to take a batch without the sender hearing of it.
    """

    def __init__(self, server):
        self.url = server.url_for("").rstrip("/")
        self.reset()
        server.expect_request("/v1/batch", method="POST").respond_with_handler(self._answer)

    def reset(self):
        self.failures = deque()
        self.headers = {}
        self.requests = []
        self.bodies = []
        self.taken = []
        self.lock = threading.Lock()
        self.done = threading.Event()

    def release(self):
        """Let go of the senders that were met with silence."""
        self.done.set()

    def _answer(self, request):
        from werkzeug import Response

        content = request.get_data()
        with self.lock:
            failure = self.failures.popleft() if self.failures else 200
            self.requests.append(request)
            self.bodies.append(content)
            if failure in (200, "silence", "disconnection"):
                self.taken += json.loads(content)["batch"]
        if failure == "silence":
            self.done.wait(PATIENCE)
        if failure == "disconnection":
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        # What Segment would never do: an answer that gives the key away, for a program to pass on if it does.
        text = json.dumps({"success": failure == 200, "seen": request.headers.get("Authorization"), "key": WRITE_KEY})
        status = failure if isinstance(failure, int) else 200
        return Response(text, status, self.headers, content_type="application/json")

    def once(self):
        """What was taken, reduced by ``messageId`` as Segment does; two events of one id are equal, or it fails."""
        found = {}
        for event in self.taken:
            assert found.setdefault(event["messageId"], event) == event
        return list(found.values())


@pytest.fixture(scope="session")
def tracking_server():
    httpserver = pytest.importorskip("pytest_httpserver")
    # Threaded, so that a request that is left without an answer does not hold up the next.
    with httpserver.HTTPServer(host="127.0.0.1", port=0, threaded=True) as server:
        api = TrackingApi(server)
        yield api
        api.release()
        server.check()


@pytest.fixture
def tracking_api(tracking_server):
    tracking_server.reset()
    yield tracking_server
    tracking_server.release()


@pytest.fixture(scope="session")
def examples():
    return EXAMPLES


@pytest.fixture(scope="session")
def environment():
    """The environment for a program, in which nothing gets between it and loopback."""
    inherited = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return inherited | {
        "SEGMENT_WRITE_KEY": WRITE_KEY,
        "PYTHONPATH": "",
        "PYTHONUNBUFFERED": "1",
        "PYSPARK_PYTHON": sys.executable,
    }


@pytest.fixture(scope="session")
def run(environment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")

    def run_example(name, *arguments, **more):
        """Run an example program to its end."""
        command = [sys.executable, EXAMPLES / name, *arguments]
        return subprocess.run(  # noqa: S603 -- the project's own program
            command,
            cwd=folder,
            env=environment | more,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run_example


@pytest.fixture
def load(monkeypatch):
    """Import an example program as a module."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module


@pytest.fixture
def write_lines(tmp_path):
    def write(*records, name="records.jsonl"):
        """Write records, or lines as they are, to a JSON Lines file."""
        lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
        path = tmp_path / name
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    return write
