"""The library reads nothing but its arguments and keeps nothing but its result, which may cross process borders."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import cordial_segment as package
from cordial_segment import (
    Allow,
    Block,
    Channel,
    Policy,
    SendAll,
    TranslationError,
    build_track_payload,
    channel_of,
    enrich_email_fields,
    flatten,
    is_blocked,
    map_event,
    open_envelope,
)

RECORD: dict = {"action": "click", "time": "2021-10-22T16:11:48", "cID": "c1", "chnl": "email promo", "cart": []}
RECORD["d"] = {"tags": ["new", "vip"], "score": 1.5}
RECORD["sp"] = {"link": "https://example.com/", "rl": "https://example.com/"}
CONTACT = {"_id": "c1", "channels": {"email": {"address": "zoe@example.com"}}}
SETTINGS = {"email": {"allow": ["open", "click"]}, "Push": "block_all", "custom": {"block": ["browse", "cart", "view"]}}
GIVEN = {"message": {"name": "Fall Sale"}, "contact": CONTACT, "context": {"page": {"tags": [1]}}, "user_id": "u1"}
LOOP: dict = {"action": "open", "cID": "c1"}
LOOP["self"] = LOOP


# Every function of a record, on its usual ways and on those to each of its errors.
CALLS = [
    *((flatten, (data,), {}) for data in (RECORD, [RECORD, (1, {2: 3})], {"a": {"b": 1}, "a_b": 2}, LOOP, {1.5: 1})),
    (channel_of, (RECORD,), {}),
    *((map_event, ("click", channel), {}) for channel in ("SMS/MMS", "letter")),
    (enrich_email_fields, (RECORD, {"subject": "Last days"}), {}),
    (is_blocked, (RECORD, Policy.from_dict(SETTINGS)), {"robots": Block("open"), "origin_fields": ["d.origin"]}),
    *((open_envelope, (item,), {}) for item in ({"event": RECORD, "contact": CONTACT}, 5)),
    *((Policy.from_dict, (settings,), {}) for settings in (SETTINGS, {"letter": "send_all"})),
    (build_track_payload, (RECORD,), GIVEN),
    (build_track_payload, ({**RECORD, "_id": "e1" * 60},), {"integrations": {"All": True}, "channel": "push"}),
    *(
        (build_track_payload, ({**RECORD, "x": x},), {})
        for x in (["é" * 900] * 40, [float("nan")], {"k" * 500: [1] * 99})
    ),
    *((build_track_payload, (record,), {}) for record in ({**RECORD, "d_score": 1}, {"time": "noon"}, LOOP, None)),
]


def answer(function, arguments, options):
    try:
        return function(*arguments, **options)
    except (TypeError, ValueError) as error:
        return type(error).__name__, str(error), vars(error)


def watched():
    """Run as a program: print the answers to all calls, and fail if one opens, imports or runs anything."""
    repr([answer(*call) for call in CALLS])
    used = []
    sys.addaudithook(lambda event, arguments: used.append((event, arguments)))
    answers = [answer(*call) for call in CALLS]
    seen = [event for event, _ in used if event != "builtins.id"]
    print(answers)
    return f"a call used {seen}" if seen else 0


def run(**environment):
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **environment}
    environment["PYTHONPATH"] = str(Path(package.__file__).parents[1])
    command = [sys.executable, __file__]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False)  # noqa: S603


def test_calls_use_nothing_but_their_arguments():
    """They open no file or connection, import nothing, and depend on no zone, locale, hash seed or optimisation."""
    plain = run(TZ="UTC", PYTHONHASHSEED="1", LC_ALL="C.UTF-8")
    other = run(TZ="Asia/Tokyo", PYTHONHASHSEED="2", LC_ALL="tr_TR.UTF-8", PYTHONOPTIMIZE="2")
    assert (plain.returncode, plain.stderr) == (other.returncode, other.stderr) == (0, "")
    assert plain.stdout == other.stdout != ""


def test_package_imports_no_clock_file_or_connection():
    """Nor randomness. Only the command may."""
    names = {"time", "random", "os", "io", "pathlib", "socket", "secrets", "uuid", "logging", "threading", "tempfile"}
    for name, module in sys.modules.items():
        if name.startswith("cordial_segment._") and name.rpartition("._")[2] not in ("_main__", "reading"):
            assert not names & {getattr(value, "__name__", "") for value in vars(module).values()}


def test_calls_change_no_argument_and_answer_alike():
    before = repr([call[1:] for call in CALLS])
    first, second = ([answer(*call) for call in CALLS] for _ in range(2))
    assert repr(first) == repr(second)
    assert repr([call[1:] for call in CALLS]) == before


# Python pickles no proxy such as EVENT_NAMES.
PUBLIC = {name: getattr(package, name) for name in package.__all__ if name != "EVENT_NAMES"}
VALUES = {repr(value): value for value in (*Channel, SendAll(), Allow("open"), Policy.from_dict(SETTINGS))}


@pytest.mark.parametrize("name", [*PUBLIC, *VALUES])
def test_value_survives_copies(name):
    value = (PUBLIC | VALUES)[name]
    for again in (*(pickle.loads(pickle.dumps(value, n)) for n in (2, 5)), copy.copy(value), copy.deepcopy(value)):  # noqa: S301
        assert (type(again), again, repr(again)) == (type(value), value, repr(value))
        assert again is value or not isinstance(value, Channel)


def test_errors_survive_copies():
    """They cross process borders in worker pools, with all that they say."""
    errors = [TranslationError("what")]
    for function, arguments, options in CALLS:
        try:
            function(*arguments, **options)
        except (TypeError, ValueError) as error:
            errors += [error] * isinstance(error, TranslationError)
    assert {type(error) for error in errors} == {PUBLIC[name] for name in PUBLIC if name.endswith("Error")}
    for error in errors:
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301
            assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


if __name__ == "__main__":
    sys.exit(watched())
