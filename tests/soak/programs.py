"""The programs of ``docs/examples``, started as their pages say."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
WRITE_KEY = "write-key-of-the-tests"
SECRET = "a secret, ünlike others"  # noqa: S105 -- of the tests alone

# In it nothing gets between a program and loopback.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")} | {
    "SEGMENT_WRITE_KEY": WRITE_KEY,
    "PYTHONPATH": str(ROOT),
    "PYTHONUNBUFFERED": "1",
    "PYSPARK_PYTHON": sys.executable,
}


class Service:
    """The webhook service, which can be stopped and started again on its address."""

    def __init__(self, segment, folder, **settings):
        self.log = folder / "log"
        self.rejects = folder / "rejects.jsonl"
        self.environment = ENVIRONMENT | {
            "CORDIAL_WEBHOOK_SECRET": SECRET,
            "CORDIAL_POLICY": str(EXAMPLES / "policy.json"),
            "CORDIAL_REJECTS": str(self.rejects),
            "SEGMENT_HOST": segment.url,
            "SEGMENT_TIMEOUT": "1",
            **settings,
        }
        # It listens already and outlives the service. Requests wait in it, so nobody has to ask when the service is up.
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = self.socket.getsockname()
        self.url = "http://{}:{}".format(*self.address)
        self.start()

    def start(self):
        command = [sys.executable, "-m", "uvicorn", "--factory", "webhook_service:create_app"]
        with self.log.open("ab") as said:
            self.process = subprocess.Popen(  # noqa: S603 -- the project's own program
                [*command, "--timeout-graceful-shutdown", "30", "--fd", str(self.socket.fileno())],
                cwd=EXAMPLES,
                env=self.environment,
                pass_fds=[self.socket.fileno()],
                start_new_session=True,
                stdout=said,
                stderr=said,
            )

    def kill(self, number):
        if self.process.poll() is None:
            (os.killpg if number == signal.SIGKILL else os.kill)(self.process.pid, number)
        return self.process.wait(60)

    def kill_worker(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for worker in children.read_text().split()[-1:]:
            os.kill(int(worker), signal.SIGKILL)

    def client(self, **options):
        """Play Cordial's side."""
        import httpx

        headers = {"Authorization": f"Bearer {SECRET}".encode()}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False, **options)

    def kept(self):
        return [json.loads(line) for line in self.rejects.read_bytes().splitlines()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill(signal.SIGTERM)
        self.socket.close()
