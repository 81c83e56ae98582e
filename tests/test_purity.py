"""The library reads nothing but its arguments and keeps nothing but its result.

Run as a program, this file calls every public function twice, prints the answers, and fails where a call did anything
else. The tests run it in processes of their own, since an audit hook stays for good, and on spoilt copies of the
package, to show that it sees what it looks for.
"""

import builtins
import copy
import datetime
import os
import pickle
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

IMPURE = {
    time: "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time localtime gmtime sleep",
    random: "random randrange randint choice shuffle uniform getrandbits randbytes",
    os: "urandom getenv getpid getcwd",
    builtins: "__import__ open print input",
}
watched = SimpleNamespace(on=False, uses=[])


def note(what):
    if watched.on:
        watched.uses.append(what)


def noted(name, function):
    def use(*arguments, **options):
        note(name)
        return function(*arguments, **options)

    return use


def watch():
    """Replace clock, network, files and randomness before the package is imported."""
    for module, names in IMPURE.items():
        for name in names.split():
            setattr(module, name, noted(f"{module.__name__}.{name}", getattr(module, name)))

    class Environment(type(os.environ)):
        def __getitem__(self, key):
            note(f"os.environ[{key!r}]")
            return super().__getitem__(key)

        def __iter__(self):
            note("os.environ")
            return super().__iter__()

    os.environ.__class__ = Environment

    real = datetime.datetime

    class AnyDatetime(type):
        def __instancecheck__(cls, value):
            return isinstance(value, real)

    clock = ("now", "utcnow", "today", "fromtimestamp")
    doors = {name: staticmethod(noted(f"datetime.{name}", getattr(real, name))) for name in clock}
    datetime.datetime = AnyDatetime("datetime", (real,), doors)
    sys.addaudithook(lambda event, arguments: None if event == "builtins.id" else note(f"{event} {arguments!r:.80}"))


if __name__ == "__main__":
    watch()

import cordial_segment as package  # noqa: E402 - only now, or it could keep what is replaced above
from cordial_segment import (  # noqa: E402
    Allow,
    Block,
    BlockAll,
    Channel,
    Policy,
    SendAll,
    TranslationError,
    batch_payloads,
    build_track_payload,
    channel_of,
    enrich_email_fields,
    flatten,
    is_blocked,
    map_event,
    open_envelope,
)


def batches(payloads, **limits):
    return list(batch_payloads(payloads, **limits))


RECORD = {
    "action": "click",
    "time": "2021-10-22T16:11:48",
    "cID": "c1",
    "_id": "e1" * 60,
    "bmID": "b1",
    "chnl": "email promo",
    "d": {"tags": ["new", "vip"], "score": 1.5, "none": None},
    "sp": {"link": "https://example.com/", "rl": "https://example.com/"},
    "cart": [],
}
AWARE = datetime.datetime.fromisoformat("2021-10-22T09:11:48-07:00")
MESSAGE = {"name": "Fall Sale", "subject": "Fall Sale 10% Off"}
CONTACT = {"_id": "c2", "channels": {"email": {"address": "zoe@example.com"}}}
CONTEXT = {"ip": "192.0.2.1", "page": {"tags": [1]}}
SETTINGS = {"email": {"allow": ["open", "click"]}, "Push": "block_all", "custom": {"block": ["browse", "cart", "view"]}}
SELF = {"action": "open", "cID": "c1"}
SELF["self"] = SELF

# Every public function, on its usual ways and on those to each of its errors.
CALLS = [
    (flatten, (RECORD,), {}),
    (flatten, ([RECORD, (1, {2: 3})],), {"separator": ".", "max_depth": 5}),
    (flatten, ({"a": {"b": 1}, "a_b": 2},), {}),
    (flatten, (SELF,), {}),
    (flatten, ({1.5: 1},), {}),
    (flatten, ("text",), {}),
    (channel_of, (RECORD,), {}),
    (map_event, ("click", "SMS/MMS"), {}),
    (map_event, ("click", "letter"), {}),
    (enrich_email_fields, (RECORD, MESSAGE), {}),
    (is_blocked, (RECORD, Policy.from_dict(SETTINGS)), {"robots": Block("open")}),
    (is_blocked, ({**RECORD, "properties": {"source": " Segment"}},), {}),
    (is_blocked, (RECORD,), {"origin_fields": ["d.origin"], "channel": "push"}),
    (is_blocked, ({}, Policy()), {}),
    (open_envelope, ({"event": RECORD, "contact": CONTACT},), {}),
    (open_envelope, (5,), {}),
    (Policy.from_dict, (SETTINGS,), {}),
    (Policy.from_dict, ({"letter": "send_all"},), {}),
    (Allow("open").allows, ("open",), {}),
    (Channel, ("RCS",), {}),
    (build_track_payload, (RECORD,), {"message": MESSAGE, "contact": CONTACT, "context": CONTEXT}),
    (build_track_payload, ({**RECORD, "time": AWARE},), {"integrations": {"All": True}}),
    (build_track_payload, (RECORD,), {"channel": "push", "user_id": "u1", "write_key": "w", "message_id": "m" * 200}),
    (build_track_payload, ({**RECORD, "big": ["é" * 900] * 15},), {}),
    (build_track_payload, ({**RECORD, "k" * 5000: [1] * 5000},), {}),
    (build_track_payload, ({**RECORD, "d_score": 1},), {}),
    (build_track_payload, ({**RECORD, "score": [float("nan")]},), {}),
    (build_track_payload, ({**RECORD, "time": "yesterday"},), {}),
    (build_track_payload, ({"cID": "c1"},), {}),
    (build_track_payload, (SELF,), {}),
    (build_track_payload, (None,), {}),
    (batches, ([{"type": "track", "messageId": "m1"}] * 3,), {"max_events": 2}),
    (batches, ([{"messageId": "m" * 50}],), {"max_bytes": 40}),
]


def answer(function, arguments, options):
    try:
        return function(*arguments, **options)
    except (TranslationError, TypeError, ValueError) as error:
        return type(error).__name__, str(error), vars(error)


def state():
    """What the package holds, as deep as it goes: all that a call could leave something in."""
    found, waiting = {}, [module for name, module in sys.modules.items() if name.partition(".")[0] == package.__name__]
    while waiting:
        value = waiting.pop()
        if id(value) in found:
            continue
        if isinstance(value, (dict, list, tuple, set, frozenset)):
            held = value
            waiting += [*value.keys(), *value.values()] if isinstance(value, dict) else value
        elif getattr(value, "__module__", getattr(value, "__name__", "")).partition(".")[0] == package.__name__:
            slots = [getattr(value, name, None) for name in ("__defaults__", "__kwdefaults__")]
            cells = [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
            wrapped = getattr(value, "__wrapped__", None)
            cached = value.cache_info() if hasattr(value, "cache_info") else None
            held = [part for item in vars(value).items() for part in item] if hasattr(value, "__dict__") else []
            held += [*slots, *cells, wrapped, cached]
            waiting += held
        else:
            continue
        found[id(value)] = value, repr(value), [id(part) for part in held] if isinstance(held, list) else len(held)
    return {key: rest for key, (_, *rest) in found.items()}


def main():
    before, modules, given = state(), {*sys.modules}, repr(CALLS)
    watched.on = True
    first = [answer(*call) for call in CALLS]
    second = [answer(*call) for call in CALLS]
    watched.on = False
    after = state()
    problems = [f"a call used {what}" for what in watched.uses]
    problems += [f"a call imported {name}" for name in {*sys.modules} - modules]
    problems += [f"a call changed {rest[0]:.200}" for key, rest in after.items() if before.get(key) != rest]
    problems += ["a second call gave another answer"] if repr(first) != repr(second) else []
    problems += ["a call changed its arguments"] if repr(CALLS) != given else []
    print(*map(repr, first), sep="\n")
    print(*dict.fromkeys(problems), sep="\n", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())


def run(root, **environment):
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8", **environment}
    command = [sys.executable, __file__]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False)  # noqa: S603


HOME = Path(package.__file__).parent.parent


def test_no_function_reads_or_writes_anything_but_its_arguments():
    """No clock, environment, network, file or randomness; no import; nothing kept from call to call."""
    ran = run(HOME)
    assert (ran.returncode, ran.stderr.strip()) == (0, "")


def test_answers_depend_on_no_setting_of_the_machine(tmp_path):
    """Not on the time zone, the locale, the hash seed or optimisation."""
    plain = run(HOME, TZ="UTC", PYTHONHASHSEED="1", LC_ALL="C.UTF-8")
    other = run(HOME, TZ="Asia/Tokyo", PYTHONHASHSEED="2", LC_ALL="tr_TR.UTF-8", PYTHONOPTIMIZE="2", HOME=str(tmp_path))
    assert plain.stdout == other.stdout != ""


@pytest.mark.parametrize(
    ("spoilt", "complaint"),
    [
        ("import time; time.time()", "used time.time"),
        ("import datetime; datetime.datetime.now()", "used datetime.now"),
        ("import os; os.environ.get('TOKEN')", "used os.environ['TOKEN']"),
        ("import random; random.random()", "used random.random"),
        ("import colorsys", "imported colorsys"),
        ("import socket; socket.gethostname()", "used socket.gethostname"),
        ("open(__file__).close()", "used open"),
        ("print()", "used builtins.print"),
        ("kept.append(1)", "changed"),
        ("mine[0] += 1", "changed"),
        ("cached(len(kept) or 1)", "changed"),
        ("data.append(1) if type(data) is list else None", "changed its arguments"),
    ],
)
def test_the_watch_sees_each_kind_of_impurity(tmp_path, spoilt, complaint):
    shutil.copytree(HOME / package.__name__, tmp_path / package.__name__)
    with (tmp_path / package.__name__ / "__init__.py").open("a") as file:
        file.write(f"""
from functools import lru_cache
kept, pure = [], flatten
@lru_cache
def cached(number): return number
def flatten(data, mine=[0], **options):
    {spoilt}
    return pure(data, **options)
""")
    ran = run(tmp_path)
    assert ran.returncode == 1, ran.stderr
    assert complaint in ran.stderr


def test_payloads_built_by_many_threads_are_those_built_by_one():
    records = [{**RECORD, "_id": f"e{number}", "n": [number] * (number % 7)} for number in range(300)]
    records += [{**RECORD, "score": float("nan")}, {**RECORD, "d_score": 1}]

    def build_all():
        return [answer(build_track_payload, (record,), {"message": MESSAGE}) for record in records]

    alone = build_all()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            together = [pool.submit(build_all) for _ in range(8)]
            assert all(future.result() == alone for future in together)
    finally:
        sys.setswitchinterval(interval)


def copies(value):
    protocols = range(2, pickle.HIGHEST_PROTOCOL + 1)
    return [
        *(pickle.loads(pickle.dumps(value, protocol)) for protocol in protocols),  # noqa: S301 - from a line above
        copy.copy(value),
        copy.deepcopy(value),
    ]


VALUES = [
    *(getattr(package, name) for name in package.__all__ if name != "EVENT_NAMES"),  # Python pickles no such proxy
    *Channel,
    SendAll(),
    Allow("open", "click"),
    Block("browse"),
    BlockAll(),
    Policy.from_dict(SETTINGS),
    build_track_payload(RECORD, message=MESSAGE),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:40])
def test_every_public_value_survives_pickling_and_copying(value):
    for again in copies(value):
        assert (type(again), again, repr(again)) == (type(value), value, repr(value))
        assert again is value or not isinstance(value, Channel)


def raised(function, arguments, options):
    try:
        function(*arguments, **options)
    except TranslationError as error:
        return error
    except (TypeError, ValueError):
        return None
    return None


ERRORS = [error for error in (raised(*call) for call in CALLS) if error is not None]


@pytest.mark.parametrize(
    "error", [TranslationError("what"), *ERRORS], ids=lambda error: f"{type(error).__name__} {error}"[:40]
)
def test_every_error_survives_pickling_and_copying(error):
    """Errors cross process borders in worker pools, with all that they say."""
    for again in copies(error):
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_every_kind_of_error_is_among_those_copied():
    public = {getattr(package, name) for name in package.__all__ if name.endswith("Error")}
    assert {type(error) for error in ERRORS} == public - {TranslationError}
