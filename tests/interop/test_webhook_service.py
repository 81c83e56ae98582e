"""The webhook service, started as its page says and spoken to over a socket, between Cordial and Segment."""

import gzip
import json
import re
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from resource import RLIM_INFINITY, RLIMIT_FSIZE, prlimit

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx")

from programs import SECRET, WRITE_KEY, Service

from cordial_segment import build_track_payload

MAX_BYTES = 200_000
OLD_SECRET = "ölder"  # noqa: S105 -- of the tests alone
SETTINGS = {"CORDIAL_DEADLINE": "60", "CORDIAL_WEBHOOK_SECRET_OLD": OLD_SECRET, "CORDIAL_MAX_BYTES": str(MAX_BYTES)}

OPEN = {"action": "open", "cID": "c1", "_id": "e1", "time": "2021-10-22T16:11:48+0000", "d": {"type": "phone"}}
CART = {"a": "cart", "cID": "c1", "_id": "e2", "properties": {"items": [{"sku": "A-1"}, {}], "total": 0}}
CUT = {"a": "cart", "cID": "c1", "_id": "\ud83d", "half of a pair": "\ud83d"}
CONTACT = {"_id": "c1", "channels": {"email": {"address": "zoe@example.com"}}, "first_name": "Zoe"}
NOBODY = {"a": "cart", "_id": "e3"}
WIDE = [{"a": "cart", "cID": "c1", "_id": f"e{n}", "k" * 100: [[]] * 250} for n in range(90)]


def carts(count):
    return [{"a": "cart", "cID": "c1", "_id": f"e{n}"} for n in range(count)]


@pytest.fixture(scope="module")
def services(fake_segment, tmp_path_factory):
    """Two replicas, of which one gives up soon; they share a file of rejects."""
    folder = tmp_path_factory.mktemp("service")
    hasty = Service(fake_segment, folder, **SETTINGS | {"CORDIAL_DEADLINE": "0.5"})
    with Service(fake_segment, folder, **SETTINGS) as service, hasty:
        yield service, hasty
    log = service.log.read_text()
    assert not [each for each in ("Traceback", SECRET, OLD_SECRET, WRITE_KEY) if each in log]


@pytest.fixture
def cordial(services):
    """Cordial's side: a client of the first replica, whose rejects are empty."""
    services[0].rejects.write_bytes(b"")
    with services[0].client() as client:
        yield client


def send(client, body, **headers):
    answer = client.post("/cordial", content=body if isinstance(body, bytes) else json.dumps(body), headers=headers)
    assert answer.status_code != 500
    assert WRITE_KEY not in answer.text + str(answer.headers)
    return answer


def statuses(answer):
    return [item["status"] for item in answer.json()["items"]]


SHAPES = {
    "record": (OPEN, [(OPEN, None)]),
    "array": ([OPEN, CUT], [(OPEN, None), (CUT, None)]),
    "envelopes": ([{"contact": CONTACT, "event": OPEN}, {"event": CART}], [(OPEN, CONTACT), (CART, None)]),
    "contact with the id": ({"contact": CONTACT, "event": NOBODY}, [(NOBODY, CONTACT)]),
    "white space": (b"\xef\xbb\xbf [\r\n" + json.dumps(OPEN, indent=2).encode() + b" ]\n", [(OPEN, None)]),
    "over a batch": (WIDE, [(record, None) for record in WIDE]),
    "nothing": ([], []),
}


@pytest.mark.parametrize(("body", "pairs"), SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_of_a_body_is_passed_on(cordial, segment, body, pairs):
    answer = send(cordial, body)
    payloads = [build_track_payload(record, contact=contact) for record, contact in pairs]
    assert (answer.status_code, segment.taken) == (200, payloads)
    assert answer.json()["items"] == [
        {"index": index, "status": "accepted", "event": payload["event"], "messageId": payload["messageId"]}
        for index, payload in enumerate(payloads)
    ]


def test_each_item_is_answered_for_and_kept_as_it_came_if_refused(cordial, segment, services):
    """For the command: the record, or its text where Python or JSON have no such record."""
    fine = [OPEN, {"a": "browse", "cID": "c1"}, {**CART, "source": "Segment"}, CART]
    records = [NOBODY, {"contact": "c1", "event": OPEN}, {**CART, "long": "x" * 40_000}, {**CART, "poison": 1}, "text"]
    values = ("9" * 5000, '{"y": 1.10,\n "y": 2}', "NaN", "1e999")
    texts = [f'{{"a": "cart", "cID": "c1", "x": {value}}}' for value in values]
    answer = send(cordial, f"[{','.join([*map(json.dumps, fine + records), *texts])}]".encode())
    assert (answer.status_code, segment.taken) == (200, [build_track_payload(record) for record in (OPEN, CART)])
    assert statuses(answer) == ["accepted", "blocked", "blocked", "accepted", *["refused"] * 9]
    kept = services[0].kept()
    assert [each["record"] for each in kept[:5]] + [each["line"] for each in kept[5:]] == records + texts
    assert [each["place"].split(", ")[1] for each in kept] == [f"item {n}" for n in range(4, 13)]
    found = [(item["path"], item["error"]) for item in answer.json()["items"][4:]]
    assert [(each.pop("path"), each.pop("reason")) for each in kept] == found
    assert [path for path, _ in found[:4]] == ["cID", "contact", "long", None]


UNREADABLE = [b"", b"no JSON\n", b'[{"a": "open"}, {"a": "', b'[{"a": "open"},]', b"[" * 90_000]
UNREADABLE += [b'{"a": "a", "cID": "\xe9"}', bytes(range(256)), gzip.compress(b'{"a": "open"}', mtime=0)]


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: ascii(body)[2:14])
def test_a_body_that_cannot_be_read_is_kept_to_the_byte(cordial, segment, services, body):
    assert send(cordial, body, **{"Content-Encoding": "gzip"}).status_code == 400
    [one] = services[0].kept()
    assert (one["line"].encode("utf-8", "surrogateescape"), one["reason"][:9], segment.taken) == (body, "not JSON:", [])


AGAIN = [(failure, None, "30") for failure in (500, 401, 403, 404, 302, "reset", "taken, 503", "taken, silence")]
AGAIN += [(429, asked, asked) for asked in ("0", "60", "Wed, 21 Oct 2065 07:28:00 GMT")]
AGAIN += [(503, asked, "30") for asked in ("-1", "1e3", "soon", "9" * 400, "nan", "²")]


@pytest.mark.parametrize(("failure", "asked", "told"), AGAIN, ids=lambda value: str(value)[:8])
def test_what_segment_does_not_take_is_to_be_sent_again(cordial, segment, services, failure, asked, told):
    """Nothing is kept then. Any replica takes it when Segment does, and a short failure is none."""
    segment.failures.extend([failure] * 50)
    segment.retry_after = asked
    with services[1].client() as hasty:
        answer = send(hasty, [OPEN, NOBODY, CART])
    assert (answer.status_code, answer.headers["Retry-After"], services[0].kept()) == (503, told, [])
    segment.failures.clear()
    segment.failures.extend([] if asked else [503, "reset"])
    assert statuses(send(cordial, [OPEN, NOBODY, CART])) == ["accepted", "refused", "accepted"]
    assert segment.once() == [build_track_payload(record) for record in (OPEN, CART)]
    assert [each["record"] for each in services[0].kept()] == [NOBODY]


def test_a_segment_that_answers_400_to_all_costs_few_requests(cordial, segment, services):
    segment.failures.extend([400] * 1000)
    assert statuses(send(cordial, carts(200))) == ["refused"] * 200
    assert [each["record"] for each in services[0].kept()] == carts(200)
    assert len(segment.requests) <= 40


def test_bad_events_stop_no_others_however_many_they_are(cordial, segment, services):
    records = [{**record, "poison": n % 2} for n, record in enumerate(carts(200))]
    assert statuses(send(cordial, records)) == ["accepted", "refused"] * 100
    assert [each["record"] for each in services[0].kept()] == records[1::2]
    assert {event["messageId"] for event in segment.taken} == {f"api-e{n}" for n in range(0, 200, 2)}


def test_an_event_with_neither_id_nor_time_gets_an_id_at_each_request(cordial, segment):
    segment.failures.append("taken, 503")
    assert [statuses(send(cordial, [{"a": "cart", "cID": "c1"}] * 2)) for _ in "12"] == [["accepted"] * 2] * 2
    assert (len(segment.taken), len(segment.once())) == (6, 4)
    assert {len(event["messageId"]) for event in segment.taken} == {36}


HEADERS = [(f"bearer {SECRET}", 200), (f"BEARER {SECRET}", 200), (f"Bearer {OLD_SECRET}", 200)]
HEADERS += [(header, 401) for header in ("", "Bearer", f"Bearer {SECRET[:-1]}", f"Basic {SECRET}", "Bearer \udcff")]


@pytest.mark.parametrize(("header", "status"), HEADERS, ids=lambda value: ascii(value)[:20])
def test_only_who_knows_a_secret_gets_in(cordial, segment, header, status):
    answer = send(cordial, OPEN, Authorization=header.encode("utf-8", "surrogateescape"))
    assert (answer.status_code, len(segment.taken)) == (status, status == 200)


def test_bodies_up_to_the_limits_are_taken(cordial, segment):
    bodies = [json.dumps([OPEN]).encode().ljust(MAX_BYTES), carts(1000), carts(1001), b"[" + b"1," * 90_000 + b"1]"]
    assert [send(cordial, body).status_code for body in bodies] == [200, 200, 413, 413]


TOO_LONG = b" " * (MAX_BYTES + 1)
ENDLESS = {
    "chunks": (0, SECRET, "Transfer-Encoding: chunked", b"%x\r\n%b\r\n" % (len(TOO_LONG), TOO_LONG), b"413"),
    "length": (0, SECRET, "Content-Length: 1000000000", TOO_LONG, b"413"),
    "stranger": (0, "no", "Content-Length: 1000000000", b"", b"401"),
    "silent": (1, SECRET, "Content-Length: 10", b"[", b"503"),
}


@pytest.mark.parametrize(("replica", "secret", "framing", "content", "status"), ENDLESS.values(), ids=ENDLESS.keys())
def test_a_body_without_end_is_answered(services, segment, replica, secret, framing, content, status):
    head = f"POST /cordial HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\n{framing}\r\n\r\n"
    with socket.create_connection(services[replica].address, timeout=30) as connection:
        connection.sendall(head.encode() + content)
        assert connection.makefile("rb").readline().split()[1] == status


def test_a_service_with_enough_to_do_says_so_at_once(fake_segment, segment, tmp_path):
    segment.failures.extend(["taken, silence"] * 2)
    busy = Service(fake_segment, tmp_path, CORDIAL_MAX_WAITING="2", SEGMENT_TIMEOUT="60", CORDIAL_DEADLINE="60")
    with busy, busy.client() as client, ThreadPoolExecutor() as pool:
        waiting = [pool.submit(send, client, OPEN) for _ in range(2)]
        while len(segment.requests) < 2:
            client.get("/healthz")
        assert [send(client, OPEN).status_code, client.get("/healthz").status_code] == [503, 200]
        segment.done.set()
        assert [each.result().status_code for each in waiting] == [200, 200]


def test_each_answer_is_a_line_with_time_level_and_counts(cordial, segment, services):
    before = services[0].log.read_text()
    segment.failures.append(401)
    bodies = [OPEN, [CART, {"a": "browse", "cID": "c1"}], [NOBODY, CART], b"no JSON"]
    assert [send(cordial, body).status_code for body in bodies] == [503, 200, 200, 400]
    assert send(cordial, OPEN, Authorization="Bearer").status_code == 401
    said = [line for line in services[0].log.read_text().removeprefix(before).splitlines() if line.startswith("20")]
    lines = [re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} ([A-Z]+ .*)", line)[1] for line in said]
    assert ("401" in lines[0], lines.pop()) == (True, "WARNING 401: Authorization does not hold the secret")
    counts = ["INFO 200: 1 accepted, 1 blocked, 0 refused", "WARNING 200: 1 accepted, 0 blocked, 1 refused"]
    assert lines[1:] == [*counts, "WARNING 400: 0 accepted, 0 blocked, 1 refused"]


def test_the_rejects_may_be_moved_while_two_services_write(fake_segment, segment, cordial, services, tmp_path):
    """Each item is kept once, in a whole line."""
    other = Service(fake_segment, tmp_path, CORDIAL_REJECTS=str(services[0].rejects), CORDIAL_DEADLINE="60")
    with other, other.client() as second, ThreadPoolExecutor() as pool:
        posts = [pool.submit(send, (cordial, second)[n % 2], [{"n": n}, {"n": -n}]) for n in range(1, 100)]
        for number, post in enumerate(posts):
            with suppress(FileNotFoundError):
                services[0].rejects.rename(tmp_path / f"moved-{number}")
            assert post.result().status_code == 200
    files = [*tmp_path.glob("moved-*"), *services[0].rejects.parent.glob("rejects.jsonl")]
    kept = [json.loads(line)["record"]["n"] for path in files for line in path.read_bytes().splitlines()]
    assert sorted(kept) == [*range(-99, 0), *range(1, 100)]


def test_on_a_full_disk_nothing_is_accepted_that_must_be_kept(cordial, segment, services):
    """The line that is cut short there spoils no other."""
    services[0].rejects.write_bytes(b"-" * 999_980 + b"\n")
    prlimit(services[0].process.pid, RLIMIT_FSIZE, (1_000_000, RLIM_INFINITY))
    assert [send(cordial, body).status_code for body in ([OPEN, NOBODY], b"no JSON", OPEN)] == [503, 503, 200]
    prlimit(services[0].process.pid, RLIMIT_FSIZE, (RLIM_INFINITY, RLIM_INFINITY))
    assert send(cordial, NOBODY).status_code == 200
    assert json.loads(services[0].rejects.read_bytes().splitlines()[-1])["record"] == NOBODY


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_a_service_that_is_stopped_loses_nothing(fake_segment, segment, tmp_path, number):
    """SIGTERM lets it end its work; after SIGKILL, the same body has the same ids."""
    segment.failures.append("taken, silence")
    with Service(fake_segment, tmp_path) as service, service.client() as client, ThreadPoolExecutor() as pool:
        answer = pool.submit(send, client, OPEN)
        while not segment.requests:
            client.get("/healthz")
        service.kill(number)
        if number == signal.SIGKILL:
            assert answer.exception()
            service.start()
            answer = pool.submit(send, client, OPEN)
        assert answer.result().status_code == 200
    assert (len(segment.taken), segment.once()) == (2, [build_track_payload(OPEN)])


RIGHT = {"CORDIAL_WEBHOOK_SECRET": "s", "SEGMENT_WRITE_KEY": "k", "CORDIAL_POLICY": "p.toml", "CORDIAL_REJECTS": "r"}
WRONG = {
    **dict.fromkeys(("CORDIAL_WEBHOOK_SECRET", "SEGMENT_WRITE_KEY"), ("", " ", "...", "'s'", '"k"', "s\n", "\xa0s")),
    "CORDIAL_WEBHOOK_SECRET_OLD": (" s", "'"),
    "CORDIAL_POLICY": ("", "missing.json", "broken.toml", "list.json", "."),
    "CORDIAL_REJECTS": ("", "no/such/folder", ".", "/dev/null"),
    "CORDIAL_MAX_BYTES": ("much", "0", "-1", "1.5", "1e3", "9" * 20),
    "CORDIAL_DEADLINE": ("0", "0.0", "nan", "inf", "-1", "1000", "8s"),
    "SEGMENT_HOST": ("a.example.com", "http://", "http://a/v1", "http://a?b", "http://a:0", "http://a:65536"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_stops_it_with_one_line(load, tmp_path, monkeypatch, capfd, name):
    create_app = load("webhook_service").create_app
    monkeypatch.chdir(tmp_path)
    for file, text in {"p.toml": 'email = "send_all"', "broken.toml": "=", "list.json": "[]"}.items():
        (tmp_path / file).write_text(text)
    assert create_app(RIGHT | {"SEGMENT_HOST": "HTTPS://[::1]:65535/", "SEGMENT_TIMEOUT": "0.5"})
    for value in WRONG[name]:
        with pytest.raises(SystemExit) as stopped:
            create_app(RIGHT | {name: value})
        [line] = capfd.readouterr().err.splitlines()
        assert (stopped.value.code, line.startswith(f"{name}: "), line.endswith(": not set")) == (3, True, not value)
