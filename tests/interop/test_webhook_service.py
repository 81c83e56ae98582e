"""The webhook service, started as its page says and spoken to over a socket, between Cordial and Segment."""

import json
import signal
import socket
import threading
import time
from contextlib import closing
from uuid import UUID

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx")

from programs import SECRET, WRITE_KEY, Service

from cordial_segment import build_track_payload

MAX_BYTES = 200_000
MAX_ITEMS = 100

OPEN = {"action": "open", "cID": "c1", "_id": "e1", "time": "2021-10-22T16:11:48+0000", "d": {"type": "phone"}}
CART = {"a": "cart", "cID": "c1", "_id": "e2", "properties": {"items": [{"sku": "A-1"}, {}], "total": 0}}
CONTACT = {
    "_id": "c1",
    "channels": {"email": {"address": "zoe@example.com"}, "sms": {"address": "+15550100"}},
    "first_name": "Zoe",
}
POISON = {"a": "cart", "cID": "c1", "_id": "e3", "poison": True}


LIMITS = {"CORDIAL_MAX_BYTES": str(MAX_BYTES), "CORDIAL_MAX_ITEMS": str(MAX_ITEMS)}


def connect(service, head):
    """Open a connection and send the head of a request."""
    connection = socket.create_connection(service.address, timeout=60)
    connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    return connection


@pytest.fixture(scope="module")
def running(fake_segment, tmp_path_factory):
    with Service(fake_segment, tmp_path_factory.mktemp("service"), **LIMITS) as service:
        yield service
    assert "Traceback" not in service.log.read_text()


@pytest.fixture
def service(running):
    with running.client() as client:
        client.get("/healthz")
    running.rejects.write_bytes(b"")
    return running


@pytest.fixture
def cordial(service):
    """Cordial's side: a client that looks at all answers, of which none may hold the write key."""

    def look(response):
        response.read()
        assert WRITE_KEY not in response.text + str(response.headers)

    with service.client(event_hooks={"response": [look]}) as client:
        yield client


def send(client, body):
    return client.post("/cordial", content=body if isinstance(body, bytes) else json.dumps(body))


SHAPES = [
    (OPEN, [(OPEN, None)]),
    ([OPEN, CART], [(OPEN, None), (CART, None)]),
    ({"contact": CONTACT, "event": OPEN}, [(OPEN, CONTACT)]),
    ([{"contact": CONTACT, "event": OPEN}, CART], [(OPEN, CONTACT), (CART, None)]),
    ({"event": OPEN}, [(OPEN, None)]),
    ({"contact": None, "event": OPEN}, [(OPEN, None)]),
    ({"contact": CONTACT, "event": {"a": "cart", "_id": "e9"}}, [({"a": "cart", "_id": "e9"}, CONTACT)]),
    ([], []),
]


@pytest.mark.parametrize(("body", "pairs"), SHAPES, ids=lambda value: str(value)[:40])
def test_every_shape_of_a_body_is_passed_on(cordial, segment, body, pairs):
    """The contact says whose event it is, and gives ``context.traits``."""
    answer = send(cordial, body)
    payloads = [build_track_payload(record, contact=contact) for record, contact in pairs]
    assert segment.taken == payloads
    assert (answer.status_code, answer.json()["items"]) == (
        200,
        [
            {"index": index, "status": "accepted", "event": payload["event"], "messageId": payload["messageId"]}
            for index, payload in enumerate(payloads)
        ],
    )


def test_each_item_is_answered_for_and_what_is_refused_is_kept(cordial, segment, service):
    body = [
        OPEN,
        {"a": "browse", "cID": "c1"},
        {"a": "cart", "cID": "c1", "properties": {"source": "Segment"}},
        {"a": "cart"},
        {"a": "cart", "cID": "c1", "x": {"y": 1}, "x_y": 2},
        {"contact": CONTACT, "event": {"cID": "c1"}},
        {"contact": "c1", "event": OPEN},
        "text",
        {"a": "cart", "cID": "c1", "long": "x" * 40_000},
        POISON,
        CART,
    ]
    answer = send(cordial, body)
    items = answer.json()["items"]
    assert [item["index"] for item in items] == [*range(11)]
    assert [(item["status"], item.get("path")) for item in items] == [
        ("accepted", None),
        ("blocked", None),
        ("blocked", None),
        ("refused", "cID"),
        ("refused", "x_y"),
        ("refused", "action"),
        ("refused", "contact"),
        ("refused", None),
        ("refused", "long"),
        ("refused", None),
        ("accepted", None),
    ]
    assert items[9]["error"] == "not delivered: HTTP 400"
    assert segment.taken == [build_track_payload(record) for record in (OPEN, CART)]
    kept = service.kept()
    assert [reject.get("record") for reject in kept[:-1]] == body[3:9]
    assert kept[-1]["payload"] == build_track_payload(POISON)
    assert [(reject["path"], reject["reason"]) for reject in kept] == [
        (item["path"], item["error"]) for item in items if item["status"] == "refused"
    ]
    assert [reject["place"].partition(", ")[2] for reject in kept] == [f"item {n}" for n in range(3, 10)]


def test_what_the_service_kept_can_be_sent_by_a_sender(cordial, segment, service, run):
    send(cordial, [POISON, {"a": "cart"}])
    segment.healed = True
    status, _, stderr = run("send_with_httpx.py", service.rejects, "--host", segment.url)
    assert (status, stderr.splitlines()[-1]) == (1, "1 delivered, 0 blocked, 1 failed")
    assert segment.taken == [build_track_payload(POISON)]


def test_an_event_without_an_id_keeps_its_first_until_segment_has_taken_it(cordial, segment):
    """Cordial sends the same body again; another body, or the same after it was accepted, is another event."""
    record = {"a": "cart", "cID": "c1"}
    segment.failures.extend(["taken, 503"] * 3 + ["taken, reset"] * 3)
    assert [send(cordial, [record, record]).status_code for _ in range(3)] == [503, 503, 200]
    assert (len(segment.taken), len(segment.once())) == (14, 2)
    assert send(cordial, [record, record]).status_code == 200
    assert len(segment.once()) == 4
    assert all(UUID(event["messageId"]).version == 4 for event in segment.taken)


FAILURES = [500, 429, 401, "reset", "taken, 503", "taken, reset", "taken, silence"]


@pytest.mark.parametrize("failure", FAILURES, ids=str)
def test_cordial_is_told_to_send_again_until_segment_has_taken_the_events(cordial, segment, service, failure):
    """A refused item is kept once, when the rest is accepted."""
    segment.failures.extend([failure] * 3)
    segment.retry_after = "60" if failure == 429 else None
    body = [OPEN, {"a": "cart"}, CART]
    first = send(cordial, body)
    assert (first.status_code, first.headers["Retry-After"], service.kept()) == (503, "30", [])
    segment.failures.clear()
    assert send(cordial, body).status_code == 200
    assert segment.once() == [build_track_payload(record) for record in (OPEN, CART)]
    assert [reject["record"] for reject in service.kept()] == [{"a": "cart"}]


@pytest.mark.parametrize("failure", [500, "reset", "taken, 503"], ids=str)
def test_a_short_failure_of_segment_is_no_failure(cordial, segment, failure):
    segment.failures.extend([failure, failure])
    assert send(cordial, OPEN).status_code == 200
    assert segment.once() == [build_track_payload(OPEN)]


@pytest.mark.parametrize("authorization", [None, b"", b"Bearer", f"Bearer {SECRET[:-1]}".encode(), b"Bearer \xff"])
def test_only_who_knows_the_secret_gets_in(cordial, segment, authorization):
    del cordial.headers["Authorization"]
    answer = cordial.post("/cordial", json=OPEN, headers={"Authorization": authorization} if authorization else {})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert segment.taken == []


BODIES = [b"", b"no JSON", b'{"a": "open"', b"\xff\xfe\xfd", b"[" * 90_000]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: str(body)[:20])
def test_a_body_that_is_not_json_is_refused_and_kept(cordial, segment, service, body):
    answer = send(cordial, body)
    assert (answer.status_code, answer.json()) == (400, {"detail": "the body is not JSON"})
    assert segment.taken == []
    [reject] = service.kept()
    assert reject["line"] == body.decode("utf-8", "backslashreplace")


def test_a_body_of_the_greatest_size_is_taken_and_a_byte_more_is_not(cordial, segment):
    body = json.dumps([OPEN]).encode().ljust(MAX_BYTES)
    assert send(cordial, body).status_code == 200
    answer = send(cordial, body + b" ")
    assert (answer.status_code, answer.headers["Connection"]) == (413, "close")
    assert len(segment.taken) == 1


def test_a_body_of_the_most_items_is_taken_and_one_more_is_not(cordial, segment):
    records = [{**CART, "_id": f"e{n}"} for n in range(MAX_ITEMS + 1)]
    assert send(cordial, records[1:]).status_code == 200
    answer = send(cordial, records)
    assert (answer.status_code, answer.headers["Connection"]) == (413, "close")
    assert len(segment.taken) == MAX_ITEMS
    assert send(cordial, b"[" + b"1," * 90_000 + b"1]").status_code == 413


ENDLESS = [("Transfer-Encoding: chunked", b"%x\r\n%b\r\n"), ("Content-Length: 1000000000", b"%.0d%b")]


@pytest.mark.parametrize(("framing", "chunk"), ENDLESS, ids=["chunked", "length"])
def test_a_body_without_end_is_cut_off_while_it_is_read(service, segment, framing, chunk):
    """The sender is answered though it has not finished, and the connection ends."""
    head = f"POST /cordial HTTP/1.1\nHost: x\nAuthorization: Bearer {SECRET}\n{framing}"
    with closing(connect(service, head)) as connection:
        connection.sendall(chunk % (MAX_BYTES + 1, b" " * (MAX_BYTES + 1)))
        assert read_to_the_end(connection).startswith(b"HTTP/1.1 413 ")
    assert segment.taken == []


def test_a_wrong_secret_ends_the_connection_before_the_body_is_read(service):
    head = "POST /cordial HTTP/1.1\nHost: x\nAuthorization: Bearer no\nContent-Length: 1000000000"
    with closing(connect(service, head)) as connection:
        assert read_to_the_end(connection).startswith(b"HTTP/1.1 401 ")


def read_to_the_end(connection):
    found = b""
    try:
        while received := connection.recv(10_000):
            found += received
    except ConnectionResetError:  # it had more to send
        pass
    return found


def test_a_client_that_leaves_in_the_middle_of_its_body_is_one_line_at_most(service, cordial):
    before = len(service.log.read_text().splitlines())
    head = f"POST /cordial HTTP/1.1\nHost: x\nAuthorization: Bearer {SECRET}\nContent-Length: 100"
    with closing(connect(service, head)) as connection:
        connection.sendall(b'{"a": "cart"')
    cordial.get("/healthz")
    time.sleep(0.5)
    lines = service.log.read_text().splitlines()[before:]
    assert len([line for line in lines if "healthz" not in line]) <= 1


def test_others_are_answered_while_it_works_on_long_bodies_and_waits_for_segment(cordial, segment, service):
    segment.failures.extend(["taken, silence"] * 100)
    body = [{**CART, "_id": f"e{n}", "properties": {f"key{k}": [k] for k in range(60)}} for n in range(MAX_ITEMS)]
    threads = [threading.Thread(target=send, args=(cordial, body)) for _ in range(8)]
    for thread in threads:
        thread.start()
    waits = []
    with service.client() as other:
        while any(thread.is_alive() for thread in threads):
            started = time.monotonic()
            assert other.get("/healthz").text == '"ok"'
            waits.append(time.monotonic() - started)
    assert len(waits) > 5
    assert max(waits) < 1


def test_half_of_a_surrogate_pair_is_passed_on_and_answered_for(cordial, segment, service):
    wrong = {"a": "cart", "cID": "c1", "\ud83d": float("inf")}
    right = {"a": "cart", "cID": "c1", "cut": "\ud83d", "_id": "\ud83d"}
    answer = send(cordial, [wrong, right])
    items = answer.json()["items"]
    assert [(item["status"], item.get("path")) for item in items] == [("refused", "\ud83d"), ("accepted", None)]
    assert segment.taken == [build_track_payload(right)]
    assert json.loads(service.kept()[0]["line"]) == wrong


def test_more_than_one_batch_is_passed_on_whole(cordial, segment):
    """Of empty lists, a record gives a payload several times its own size."""
    records = [{"a": "cart", "cID": "c1", "_id": f"e{n}", "k" * 100: [[]] * 250} for n in range(90)]
    assert send(cordial, records).status_code == 200
    assert len(segment.requests) > 1
    assert all(len(body) <= 500_000 for _, body in segment.requests)
    assert segment.taken == [build_track_payload(record) for record in records]


def test_a_rejects_file_that_cannot_be_written_accepts_nothing(fake_segment, segment, tmp_path):
    with Service(fake_segment, tmp_path, CORDIAL_REJECTS="/dev/full") as service, service.client() as client:
        assert [send(client, body).status_code for body in ([OPEN, {"a": "cart"}], b"no JSON", OPEN)] == [503, 503, 200]
    assert "CORDIAL_REJECTS cannot be written" in service.log.read_text()
    assert "Traceback" not in service.log.read_text()


def test_it_ends_what_it_is_working_on_before_it_shuts_down(fake_segment, segment, tmp_path):
    segment.failures.append("taken, silence")
    answers = []
    with Service(fake_segment, tmp_path) as service, service.client() as client:
        thread = threading.Thread(target=lambda: answers.append(send(client, OPEN)))
        thread.start()
        while not segment.requests:
            time.sleep(0.05)
        service.kill(signal.SIGTERM)
        thread.join(60)
    assert [answer.status_code for answer in answers] == [200]
    assert segment.once() == [build_track_payload(OPEN)]


def test_the_service_keeps_its_secrets_from_its_log(service, cordial, segment):
    segment.failures.extend([500] * 3)
    send(cordial, OPEN)
    said = service.log.read_text()
    assert "asked Cordial to send again: Segment did not take a batch: HTTP 500" in said
    assert WRITE_KEY not in said
    assert SECRET not in said


SETTINGS = {
    "CORDIAL_WEBHOOK_SECRET": "s",
    "SEGMENT_WRITE_KEY": "k",
    "CORDIAL_POLICY": "policy.toml",
    "CORDIAL_REJECTS": "rejects.jsonl",
}
WRONG_SETTINGS = [
    *(({name: value}, f"the environment has no {name}") for name in SETTINGS for value in ("", None)),
    ({"CORDIAL_POLICY": "missing.json"}, "CORDIAL_POLICY: missing.json: "),
    ({"CORDIAL_POLICY": "broken.toml"}, "CORDIAL_POLICY: broken.toml: "),
    ({"CORDIAL_REJECTS": "no/such/folder"}, "CORDIAL_REJECTS: no/such/folder: "),
    ({"CORDIAL_MAX_BYTES": "much"}, "CORDIAL_MAX_BYTES: much: "),
    ({"CORDIAL_OPTIONS": "--no-such-option"}, "CORDIAL_OPTIONS: unrecognized arguments: --no-such-option"),
    ({"SEGMENT_HOST": "segment.example.com"}, "SEGMENT_HOST: segment.example.com: expected http://"),
]


@pytest.mark.parametrize(("settings", "error"), WRONG_SETTINGS, ids=lambda value: str(value)[:50])
def test_with_wrong_settings_it_does_not_start_and_says_why_in_one_line(run, examples, tmp_path, settings, error):
    (tmp_path / "policy.toml").write_text('email = "send_all"')
    (tmp_path / "broken.toml").write_text("=")
    found = {name: value for name, value in (SETTINGS | settings).items() if value is not None}
    inherited = {name: "" for name in SETTINGS if name not in found}
    command = ["--factory", "webhook_service:create_app", "--app-dir", examples, "--port", "0"]
    status, stdout, stderr = run("-m uvicorn", *command, **inherited, **found)
    assert (status > 0, stdout, len(stderr.splitlines())) == (True, "", 1)
    assert stderr.startswith(error)


def test_the_options_of_a_translation_are_those_of_the_senders(fake_segment, segment, tmp_path):
    """All of them, in one variable."""
    options = {"CORDIAL_OPTIONS": "--block-robots --separator ' '"}
    with Service(fake_segment, tmp_path, **options) as service, service.client() as client:
        answer = send(client, [CART, OPEN | {"d": {"robot": True}}])
    assert [item["status"] for item in answer.json()["items"]] == ["accepted", "blocked"]
    assert segment.taken == [build_track_payload(CART, separator=" ")]
