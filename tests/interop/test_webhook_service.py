"""The webhook receiver, started as its page says and spoken to over a socket, between Cordial and Segment."""

import json
import re
import socket
import subprocess
import sys
from contextlib import closing

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx")
pytest.importorskip("pytest_httpserver")

import httpx

from cordial_segment import build_track_payload

SECRET = "a secret, ünlike others"  # noqa: S105 -- of the tests alone
MAX_BYTES = 100_000

OPEN = {"action": "open", "cID": "c1", "_id": "e1", "time": "2021-10-22T16:11:48+0000", "d": {"type": "phone"}}
CART = {"a": "cart", "cID": "c1", "_id": "e2", "properties": {"items": [{"sku": "A-1"}, {}], "total": 0}}
CONTACT = {
    "_id": "c1",
    "channels": {"email": {"address": "zoe@example.com"}, "sms": {"address": "+15550100"}},
    "first_name": "Zoe",
}


@pytest.fixture(scope="module")
def service(tracking_server, examples, environment, tmp_path_factory):
    """The address of a running service, and the file that holds what it says."""
    log = tmp_path_factory.mktemp("service") / "log"
    settings = environment | {
        "CORDIAL_WEBHOOK_SECRET": SECRET,
        "CORDIAL_POLICY": str(examples / "policy.json"),
        "CORDIAL_MAX_BYTES": str(MAX_BYTES),
        "SEGMENT_HOST": tracking_server.url,
        "SEGMENT_TIMEOUT": "5",
    }
    # A socket that listens already: requests wait in it until the service is up, so that nobody has to ask when.
    with closing(socket.create_server(("127.0.0.1", 0))) as listening, log.open("wb") as said:
        command = [sys.executable, "-m", "uvicorn", "--factory", "webhook_service:create_app"]
        process = subprocess.Popen(  # noqa: S603 -- the project's own program
            [*command, "--fd", str(listening.fileno())],
            cwd=examples,
            env=settings,
            pass_fds=[listening.fileno()],
            stdout=said,
            stderr=said,
        )
        address = listening.getsockname()
    yield address, log
    process.terminate()
    process.wait(60)


@pytest.fixture
def cordial(service, environment):
    """Cordial's side: a client that keeps all answers, of which none may hold the write key."""
    (host, port), _ = service
    answers = []

    def keep(response):
        response.read()
        answers.append(response.text + str(response.headers))

    headers = {"Authorization": f"Bearer {SECRET}".encode()}
    options = {"headers": headers, "event_hooks": {"response": [keep]}, "timeout": 60, "trust_env": False}
    with httpx.Client(base_url=f"http://{host}:{port}", **options) as client:
        yield client
    assert environment["SEGMENT_WRITE_KEY"] not in "".join(answers)


def send(client, body):
    return client.post("/cordial", content=body if isinstance(body, bytes) else json.dumps(body))


@pytest.mark.parametrize(
    ("body", "records"),
    [(OPEN, [OPEN]), ([OPEN, CART], [OPEN, CART]), ([], [])],
    ids=["single", "batched", "empty"],
)
def test_bare_records_are_passed_on_as_their_payloads(cordial, tracking_api, body, records):
    answer = send(cordial, body)
    payloads = [build_track_payload(record) for record in records]
    assert tracking_api.taken == payloads
    assert answer.status_code == 200
    assert answer.json()["items"] == [
        {"index": index, "status": "accepted", "event": payload["event"], "messageId": payload["messageId"]}
        for index, payload in enumerate(payloads)
    ]


@pytest.mark.parametrize("batched", [False, True], ids=["single", "batched"])
def test_the_contact_of_an_envelope_becomes_the_user(cordial, tracking_api, batched):
    envelope = {"contact": CONTACT, "event": OPEN}
    assert send(cordial, [envelope] if batched else envelope).status_code == 200
    traits = {"email": "zoe@example.com", "phone": "+15550100", "cordial_id": "c1"}
    expected = build_track_payload(OPEN, user_id="c1", context={"traits": traits})
    assert tracking_api.taken == [expected]


@pytest.mark.parametrize(
    ("contact", "added"),
    [
        ({"_id": 7}, {"userId": "7", "traits": {"cordial_id": "7"}}),
        ({"_id": "", "channels": {"email": None}}, {}),
        ({"_id": True, "channels": []}, {}),
        ({}, {}),
        (None, {}),
        ("c1", {}),
    ],
)
def test_what_a_contact_does_not_say_is_left_out(cordial, tracking_api, contact, added):
    assert send(cordial, {"contact": contact, "event": OPEN}).json()["items"][0]["status"] == "accepted"
    [payload] = tracking_api.taken
    assert payload.get("userId") == added.get("userId")
    assert payload["context"].get("traits") == added.get("traits")


def test_each_item_is_answered_for_and_only_the_accepted_are_passed_on(cordial, tracking_api, service):
    body = [
        OPEN,
        {"a": "browse", "cID": "c1"},
        {"a": "cart", "cID": "c1", "properties": {"source": "Segment"}},
        {"a": "cart"},
        {"a": "cart", "cID": "c1", "score": [1, 1e999]},
        {"contact": CONTACT, "event": {"cID": "c1"}},
        {"contact": CONTACT, "event": None},
        "text",
        {"a": "cart", "cID": "c1", "long": "x" * 40_000},
        CART,
    ]
    answer = send(cordial, body)
    assert answer.status_code == 200
    found = answer.json()["items"]
    assert [item["index"] for item in found] == list(range(10))
    assert [(item["status"], item.get("reason") or item.get("path")) for item in found] == [
        ("accepted", None),
        ("blocked", "the policy does not allow it"),
        ("blocked", "it came from Segment"),
        ("refused", "cID"),
        ("refused", "score.1"),
        ("refused", "action"),
        ("refused", None),
        ("refused", None),
        ("refused", None),
        ("accepted", None),
    ]
    assert found[3]["error"] == "cID: missing, and no user_id was given: whose event is it?"
    assert found[7]["error"] == "event must be a mapping, not 'text'"
    assert tracking_api.taken == [build_track_payload(record) for record in (OPEN, CART)]
    assert "refused item 4: 'score.1: inf has no JSON form" in service[1].read_text()


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        b"",
        b"Bearer",
        f"Bearer {SECRET[:-1]}".encode(),
        SECRET.encode(),
        b"Bearer \xff\xfe",
        b"Basic eDp5",
    ],
)
def test_only_who_knows_the_secret_gets_in(cordial, tracking_api, authorization):
    del cordial.headers["Authorization"]
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = cordial.post("/cordial", json=OPEN, headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert tracking_api.taken == []


@pytest.mark.parametrize("body", [b"", b"no JSON", b'{"a": "open"', b"\xff\xfe\xfd", b"[" * 90_000])
def test_a_body_that_is_not_json_is_refused(cordial, tracking_api, body):
    answer = send(cordial, body)
    assert (answer.status_code, answer.json()) == (400, {"detail": "the body is not JSON"})
    assert tracking_api.taken == []


def test_a_body_of_the_greatest_size_is_taken_and_a_byte_more_is_not(cordial, tracking_api):
    body = json.dumps([OPEN]).encode().ljust(MAX_BYTES)
    assert send(cordial, body).status_code == 200
    assert send(cordial, body + b" ").status_code == 413
    assert len(tracking_api.taken) == 1


@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Content-Length: 1000000000"])
def test_a_body_without_end_is_cut_off_while_it_is_read(service, tracking_api, framing):
    """The sender is answered though it has not finished, and never does."""
    address, _ = service
    with closing(socket.create_connection(address, timeout=60)) as connection:
        head = f"POST /cordial HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SECRET}\r\n{framing}\r\n\r\n"
        connection.sendall(head.encode())
        size = MAX_BYTES + 1
        connection.sendall(b"%x\r\n%b\r\n" % (size, b" " * size) if "chunked" in framing else b" " * size)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    assert tracking_api.taken == []


def test_half_of_a_surrogate_pair_is_passed_on_and_answered_for(cordial, tracking_api):
    wrong = {"a": "cart", "cID": "c1", "\ud83d": float("inf")}
    right = {"a": "cart", "cID": "c1", "cut": "\ud83d", "_id": "\ud83d"}
    answer = send(cordial, [wrong, right])
    assert [(item["status"], item.get("path")) for item in answer.json()["items"]] == [
        ("refused", "\ud83d"),
        ("accepted", None),
    ]
    assert tracking_api.taken == [build_track_payload(right)]


def test_more_than_one_batch_is_passed_on_whole(service, cordial, tracking_api):
    """Of empty lists, a record gives a payload several times its own size."""
    records = [{"a": "cart", "cID": "c1", "_id": f"e{i}", "k" * 100: [[]] * 200} for i in range(90)]
    answer = send(cordial, records)
    assert answer.status_code == 200
    assert len(tracking_api.bodies) > 1
    assert all(len(content) <= 500_000 for content in tracking_api.bodies)
    assert tracking_api.taken == [build_track_payload(record) for record in records]


@pytest.mark.parametrize("failure", [500, 503, 429, 400, 401, "silence", "disconnection"])
def test_cordial_is_told_to_send_again_until_segment_has_taken_the_events(cordial, tracking_api, failure):
    tracking_api.failures.append(failure)
    first = send(cordial, [OPEN, CART])
    assert (first.status_code, first.headers["Retry-After"]) == (503, "30")
    assert send(cordial, [OPEN, CART]).status_code == 200
    assert tracking_api.once() == [build_track_payload(record) for record in (OPEN, CART)]


def test_the_service_keeps_its_secrets_from_its_log(service, cordial, tracking_api, environment):
    tracking_api.failures.append(500)
    send(cordial, OPEN)
    said = service[1].read_text()
    assert re.search("not forwarded: HTTP 500", said)
    assert environment["SEGMENT_WRITE_KEY"] not in said
    assert SECRET not in said


SETTINGS = {"CORDIAL_WEBHOOK_SECRET": "s", "SEGMENT_WRITE_KEY": "k"}


@pytest.mark.parametrize(
    ("settings", "policy", "error"),
    [
        ({"CORDIAL_WEBHOOK_SECRET": ""}, {}, "CORDIAL_WEBHOOK_SECRET is empty"),
        ({}, {"emial": "block_all"}, "'emial' is no channel"),
        ({"CORDIAL_MAX_BYTES": "much"}, {}, "much"),
    ],
)
def test_the_service_does_not_start_with_settings_that_are_wrong(load, tmp_path, settings, policy, error):
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(policy))
    with pytest.raises(ValueError, match=error):
        load("webhook_service").create_app(SETTINGS | {"CORDIAL_POLICY": str(path)} | settings)


@pytest.mark.parametrize("missing", ["CORDIAL_WEBHOOK_SECRET", "SEGMENT_WRITE_KEY", "CORDIAL_POLICY"])
def test_the_service_does_not_start_without(load, examples, missing):
    settings = SETTINGS | {"CORDIAL_POLICY": str(examples / "policy.json")}
    del settings[missing]
    with pytest.raises(KeyError, match=missing):
        load("webhook_service").create_app(settings)
