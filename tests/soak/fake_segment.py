"""Segment's tracking API, played on loopback."""

import base64
import json
import socket
import struct
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeSegment(ThreadingHTTPServer):
    """Takes batches as Segment does, after failing in the ways of ``failures``, one for each request.

    A failure is a status, ``"reset"``, ``"silence"``, or a batch that is taken first: ``"taken, 503"``, ``"taken,
    reset"`` and ``"taken, silence"``. Of a batch, the property ``poison`` and too great a length are refused with 400.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.lock = threading.Lock()
        self.reset()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def reset(self):
        self.failures = deque()
        self.retry_after = None
        self.requests = []  # headers and body of each
        self.taken = []
        self.connects = []  # where a client wanted to go, with this server as its proxy
        self.failed = 0
        self.healed = False  # whether poison is taken like anything else
        self.done = threading.Event()

    def next_failure(self):
        return self.failures.popleft() if self.failures else None

    def once(self):
        """What was taken, reduced by ``messageId`` as Segment does; two events of one id are equal, or it fails."""
        found = {}
        for event in self.taken:
            assert found.setdefault(event["messageId"], event) == event
        return list(found.values())

    def shutdown_request(self, request):
        """Close at once, which resets the connection where its socket is set so."""
        self.close_request(request)

    def handle_error(self, request, client_address):
        """A sender that leaves is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        segment = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with segment.lock:
            segment.requests.append((self.headers, body))
            failure = segment.next_failure()
        batch = json.loads(body)["batch"]
        poisoned = not segment.healed and any(event["properties"].get("poison") for event in batch)
        if failure is None and (poisoned or len(body) > 500_000 or len(batch) > 2500 or not batch):
            failure = 400
        segment.failed += failure is not None
        if failure is None or (isinstance(failure, str) and failure.startswith("taken") and not poisoned):
            with segment.lock:
                segment.taken += batch
        if str(failure).endswith("silence"):
            segment.done.wait(60)
        if str(failure).endswith(("reset", "silence")):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        # What Segment would never do: an answer that gives the key away, for a program to pass on if it does.
        seen = self.headers["Authorization"]
        key = base64.b64decode(seen.removeprefix("Basic ")).decode()
        answer = f"seen {seen}, {key}\x1b\n{'x' * 300}".encode()
        self.send_response({None: 200, "taken, 503": 503}.get(failure, failure))
        self.send_header("Content-Length", str(len(answer)))
        if segment.retry_after and failure is not None:
            self.send_header("Retry-After", segment.retry_after)
        self.end_headers()
        self.wfile.write(answer)

    def do_CONNECT(self):
        self.server.connects.append(self.path)
        self.send_error(502)

    def log_message(self, *arguments):
        """Nothing."""
