"""Send many events through the service and each sender while Segment fails in every way, and account for each event.

    pip install -e '.[soak]'
    python tests/soak/soak.py

It fails if an event is lost, or is under two ids at Segment. The figures that it prints are in docs/transports.md.
"""

import argparse
import gzip
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
from fake_segment import FakeSegment
from programs import ENVIRONMENT, EXAMPLES, Service

FAILURES = [500, 503, 408, 429, "reset", "taken, 503", "taken, reset", "taken, silence"]
ITEMS_OF_A_BODY = 50


class FailingSegment(FakeSegment):
    """Fails three requests in ten."""

    random = random.Random(12)

    def next_failure(self):
        if self.random.random() > 0.3:
            return None
        failure = self.random.choice(FAILURES)
        self.retry_after = "1" if failure == 429 else None
        return failure


def items(count):
    """Records and envelopes. Of ten, one has no ``_id``; of a thousand, Segment refuses one, and the library one."""
    for n in range(count):
        item = {"action": "open", "cID": f"c{n}", "time": "2021-10-22T16:11:48+0000", "n": n, "d": {"type": "phone"}}
        if n % 10 != 3:
            item["_id"] = f"e{n}"
        if n % 1000 == 13:
            item["poison"] = True
        if n % 1000 == 17:
            del item["action"]
        yield {"contact": {"_id": f"c{n}"}, "event": item} if n % 5 == 0 else item


def number_of(reject):
    return reject["payload"]["properties"]["n"] if "payload" in reject else reject["record"]["n"]


def account(segment, count, rejects, told=None):
    """Compare what went in with what came out; return the figures."""
    ids = {}
    for event in segment.once():
        ids.setdefault(event["properties"]["n"], set()).add(event["messageId"])
    wrong = {n for n in range(count) if n % 1000 in (13, 17)}
    assert {*map(number_of, rejects)} == wrong, "the rejects are what Segment or the library refuses, and no more"
    assert set(ids) == set(range(count)) - wrong, "every other event has arrived"
    twice = {n for n, each in ids.items() if len(each) > 1}
    if told is None:
        assert not twice, "each event has one id"
    else:
        assert not {n for n in twice if n % 10 != 3}, "each event with an _id has one id"
        assert all(message_id in ids[n] for n, message_id in told.items()), "what was accepted has arrived"
    return {
        "events": count,
        "arrived": len(ids),
        "rejected": len(wrong),
        "lost": count - len(ids) - len(wrong),
        "without `_id`, under two ids": len(twice),
        "requests": len(segment.requests),
        "failed requests": segment.failed,
        "repeats, dropped by `messageId`": len(segment.taken) - len(segment.once()),
    }


def soak_sender(program, count, folder):
    """Send a compressed export with a sender, and what it rejects once more."""
    rejects = folder / "rejects.jsonl"
    export = folder / "export.jsonl.gz"
    export.write_bytes(gzip.compress(b"".join(json.dumps(item).encode() + b"\n\n" for item in items(count))))
    with FailingSegment() as segment:

        def send(path, kept_in):
            command = [sys.executable, EXAMPLES / program, path, "--rejects", kept_in, "--host", segment.url]
            more = ["--timeout", "1", *(["--in-flight", "4"] if "httpx" in program else [])]
            return subprocess.call([*command, *more], env=ENVIRONMENT, stderr=subprocess.DEVNULL)  # noqa: S603

        assert send(export, rejects) == 1
        figures = account(segment, count, [json.loads(line) for line in rejects.read_bytes().splitlines()])
        segment.healed = True
        send(rejects, folder / "again.jsonl")
        arrived = {event["properties"]["n"] for event in segment.once()}
        assert arrived == {n for n in range(count) if n % 1000 != 17}, "the rejects file can be run again"
        segment.shutdown()
    return figures


def soak_service(count, folder):
    """Post all items to the service, as Cordial does, until it accepts them, while it is killed twice and restarted."""
    told = {}
    answered = threading.Semaphore(0)

    def post(start):
        content = json.dumps([*all_items[start : start + ITEMS_OF_A_BODY]])
        while True:
            with suppress(httpx.RequestError):
                answer = client.post("/cordial", content=content)
                if answer.status_code == 200:
                    break
            time.sleep(0.1)
        for item in answer.json()["items"]:
            if item["status"] == "accepted":
                told[start + item["index"]] = item["messageId"]
        answered.release()

    all_items = [*items(count)]
    starts = range(0, count, ITEMS_OF_A_BODY)
    with FailingSegment() as segment, Service(segment, folder) as service:
        with service.client() as client, ThreadPoolExecutor(8) as pool:
            posts = [pool.submit(post, start) for start in starts]
            for number in (signal.SIGKILL, signal.SIGTERM):
                for _ in range(len(starts) // 3):
                    answered.acquire()
                service.kill(number)
                service.start()
            for each in posts:
                each.result()
        figures = account(segment, count, service.kept(), told)
        segment.shutdown()
    return figures


def soak(program, count, folder):
    """Soak one program; return its figures."""
    started = time.monotonic()
    work = soak_service if program == "webhook_service.py" else lambda *rest: soak_sender(program, *rest)
    return work(count, folder) | {"seconds": round(time.monotonic() - started)}


PROGRAMS = ["webhook_service.py", "send_with_httpx.py", "send_with_client.py"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=20_000)
    options = parser.parse_args()
    columns = []
    for program in PROGRAMS:
        with tempfile.TemporaryDirectory() as folder:
            columns.append(soak(program, options.events, Path(folder)))
    print("| |", " | ".join(f"`{program}`" for program in PROGRAMS), "|")
    print("| --- |", " | ".join("---:" for _ in PROGRAMS), "|")
    for name in columns[0]:
        print(f"| {name} |", " | ".join(f"{figures[name]:,}" for figures in columns), "|")


if __name__ == "__main__":
    main()
