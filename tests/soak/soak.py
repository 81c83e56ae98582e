"""Send records through the command and the sender, and through the service, while everything fails at random.

``python tests/soak/soak.py`` fails if an event is lost or invented, or if one that has an _id or a time is under two
ids at Segment.
"""

import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from signal import SIGKILL, SIGTERM

import httpx
from fake_segment import FakeSegment
from programs import ENVIRONMENT, EXAMPLES, Service

from cordial_segment import build_track_payload, open_envelope

FAILURES = [500, 503, 408, 429, "reset", "silence", "taken, 503", "taken, reset", "taken, silence"]
COMMAND = [sys.executable, "-m", "cordial_segment", "--lines"]


def items(count):
    """Records and envelopes. Of a thousand, Segment refuses one, and the library one."""
    for n in range(count):
        item = {"action": "open", "cID": f"c{n}", "_id": f"e{n}", "time": "2021-10-22T16:11:48+0000", "n": n}
        for field in {7: ["_id"], 8: ["time"], 9: ["_id", "time"]}.get(n % 10, ["action"] if n % 1000 == 15 else []):
            del item[field]
        item |= {"poison": n % 1000 == 13, "text": "x" * 1000}
        yield {"contact": {"_id": f"c{n}"}, "event": item} if n % 5 == 0 else item


def numbers_in(*rejects):
    """The numbers of the records in files of rejects, but for lines that were cut short when the command was killed."""
    return {int(n) for path in rejects if path.exists() for n in re.findall(rb'"n": ?(\d+)', path.read_bytes())}


def account(segment, count, rejected):
    """Compare what has arrived with what went in; return the figures."""
    right, ids = {}, defaultdict(set)
    for n, item in enumerate(items(count)):
        with suppress(ValueError):
            record, contact = open_envelope(item)
            right[n] = build_track_payload(record, contact=contact)
    for event in segment.taken:
        n = event["properties"]["n"]
        assert event == {"messageId": event["messageId"]} | right[n], "each event is one that went in, under its id"
        ids[n].add(event["messageId"])
    twice = {n for n in ids if len(ids[n]) > 1}
    assert {*ids} | rejected == {*range(count)}, "each record has arrived or is in the rejects"
    assert all(n % 10 == 9 for n in twice), "each event that has an _id or a time has one id"
    return {
        "with neither, under two ids": len(twice),
        "requests to Segment": len(segment.requests),
        "of which failed": segment.failed,
        "repeats, dropped by messageId": len(segment.taken) - sum(map(len, ids.values())),
    }


def send(segment, command, source, rejects, kills=()):
    """Pipe what a command makes of a file into the sender, as an operator does, until all is sent."""
    options = ["--host", segment.url, "--rejects", rejects, "--timeout", "0.5", "--rate", "100000", "--skip"]
    sender, skip = [sys.executable, EXAMPLES / "send_with_httpx.py", *options], "0"
    start = partial(subprocess.Popen, env=ENVIRONMENT)
    while True:
        first = start([*command, source], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        last = start([*sender, skip], stdin=first.stdout, stderr=subprocess.PIPE)
        first.stdout.close()
        if kills:
            seconds, which, number = kills.pop()
            time.sleep(seconds)
            (first, last)[which].send_signal(number)
        said = last.communicate(timeout=600)[1].decode()
        if stopped := re.search(r"--skip (\d+)(?:, and send .*)?$", said, re.MULTILINE):
            skip = stopped[1]
        elif {first.wait(60), last.returncode} <= {0, 1}:
            return


def soak_pipeline(segment, count, folder, kills):
    """Send an export while the command or the sender is killed or stopped at random; return what reads the rejects."""
    export, unsent, untranslated = (folder / f"{name}.jsonl" for name in ("export", "unsent", "untranslated"))
    export.write_text("".join(json.dumps(item) + "\n" for item in items(count)))
    chance = random.Random(5)
    ends = [(chance.uniform(0.2, 2), chance.randrange(2), chance.choice([SIGKILL, SIGTERM])) for _ in range(kills)]
    send(segment, [*COMMAND, "--rejects", untranslated], export, unsent, ends)
    return ["cat"], unsent, untranslated


def soak_service(segment, count, folder, kills):
    """Post all items, again and again until they are accepted, while the service is killed or stopped at random."""
    chance = random.Random(7)
    texts = [json.dumps(item) for item in items(count)]
    bodies = [f"[{','.join(texts[start : start + 50])}]" for start in range(0, count, 50)]

    def post(body):
        while True:
            with suppress(httpx.RequestError):  # some callers do not wait for the answer
                if client.post("/cordial", content=body, timeout=chance.choice([0.1, 60, 60])).status_code == 200:
                    return
            time.sleep(0.1)

    with (
        Service(segment, folder, WEB_CONCURRENCY="2") as service,
        service.client() as client,
        ThreadPoolExecutor(8) as pool,
    ):
        posts = [pool.submit(post, body) for body in bodies]
        for each in posts[len(posts) // kills // 2 :: len(posts) // kills]:
            each.result()
            time.sleep(chance.random())
            if number := chance.choice([None, SIGKILL, SIGTERM]):
                service.kill(number)
                service.start()
            else:
                service.kill_worker()
    return COMMAND, service.rejects


PARTS = {"the command and the sender": soak_pipeline, "the service": soak_service}


def soak(part, count, folder, kills):
    """Soak a part, then send its rejects until all has arrived that can; return the figures."""
    with FakeSegment() as segment:
        segment.failures.extend(random.Random(1).choices([None, *FAILURES], [21, *[1] * 9], k=10**5))
        segment.retry_after = "0.3"
        command, source, *others = PARTS[part](segment, count, folder, kills)
        account(segment, count, numbers_in(source, *others))
        segment.healed = True
        refused = {*range(15, count, 1000)}
        while numbers_in(source) - refused:
            again = Path(f"{source}+")
            send(segment, command, source, again)
            command, source = ["cat"], again
        segment.shutdown()
        return account(segment, count, refused)


if __name__ == "__main__":
    for part in PARTS:
        with tempfile.TemporaryDirectory() as folder:
            print(part, soak(part, 20_000, Path(folder), 20))
