"""The page to try the library on, in Chromium without a network: Pyodide comes from a folder beside the page."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("playwright")
pytest.importorskip("sphinx")
pytest.importorskip("furo")
pytest.importorskip("myst_nb")
if not shutil.which("chromium") or not shutil.which("npm"):
    pytest.skip("needs Chromium, and npm for Pyodide", allow_module_level=True)

from playwright.sync_api import expect, sync_playwright

from cordial_segment import EVENT_NAMES, build_track_payload, channel_of, map_event

ROOT = Path(__file__).parents[2]
TRY = ROOT / "docs" / "_static" / "try"
PYODIDE = re.search(r'VERSION = "(.+)"', (TRY / "pyodide.js").read_text(encoding="utf-8"))[1]
AXE = "4.14.1"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
WIDE, PHONE = {"width": 1400, "height": 1000}, {"width": 390, "height": 844}
PATIENCE = 60_000  # milliseconds, far beyond what anything takes

RECORD = {"action": "cart", "cID": "c1"}


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The npm packages that the tests need, each unpacked into a folder of its name."""
    folder = tmp_path_factory.mktemp("npm")
    command = [shutil.which("npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder]
    subprocess.run([*command, f"pyodide@{PYODIDE}", f"axe-core@{AXE}"], check=True, capture_output=True)  # noqa: S603
    return folder / "node_modules"


@pytest.fixture(scope="module")
def site(tmp_path_factory, packages):
    """The built documentation with Pyodide beside it, and its address."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-d", folder / "doctrees", ROOT / "docs", folder / "html"],
        check=True,
    )
    (folder / "html" / "_static" / "pyodide").symlink_to(packages / "pyodide")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder / "html")) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/try.html"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, site):
    """Opens the page, after what the test wants done to it."""
    contexts = []

    def opened(fragment="", prepare=None):
        context = browser.new_context(viewport=WIDE, permissions=["clipboard-read", "clipboard-write"])
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.problems, page.asked = [], []
        page.on("pageerror", lambda error: page.problems.append(error.message))
        page.on("request", lambda request: page.asked.append(request.url))
        if prepare:
            prepare(page)
        page.goto(site + fragment)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def started(browser, site):
    """One page for the tests that only fill it, since Python takes a while to start."""
    context = browser.new_context(viewport=WIDE)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.problems, page.asked = [], []
    page.on("pageerror", lambda error: page.problems.append(error.message))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(site)
    expect(page.locator(".try-verdict.sent")).to_be_visible(timeout=PATIENCE)
    yield page
    assert page.problems == []
    assert {url.split("/")[2].split(":")[0] for url in page.asked if url.startswith("http")} == {"127.0.0.1"}
    context.close()


@pytest.fixture
def page(started):
    started.set_viewport_size(WIDE)
    started.emulate_media(color_scheme="light")
    fill(started)
    return started


def fill(page, record="", **others):
    """Put texts into the fields as a person would, and wait for the result."""
    for name, value in {"record": record, "message": "", "contact": "", "policy": "", **others}.items():
        field = page.locator(f"#try-{name}")
        field.evaluate("field => { const details = field.closest('details'); if (details) details.open = true; }")
        field.fill(value if isinstance(value, str) else json.dumps(value, indent=2))
    settle(page)


def pick(page, value):
    page.locator("#try-example").select_option(value)
    settle(page)


def settle(page):
    """Wait until the page is done with what was last put into its fields."""
    page.wait_for_function("document.querySelector('#try-result').ariaBusy === 'false'", timeout=PATIENCE)


def headline(page):
    return page.locator(".try-headline").inner_text()


def verdict(page):
    return page.locator("#try-verdict").inner_text()


def payload(page):
    return json.loads(page.locator("#try-payload pre").inner_text())


def marked(page, name="record"):
    return page.locator(f"#try-{name}").evaluate(
        "field => [...field.previousElementSibling.querySelectorAll('mark')].map(mark => mark.textContent)"
    )


def test_the_pinned_hashes_are_those_of_the_package(packages):
    pinned = dict(re.findall(r'"([\w.-]+)": "sha384-(.+)"', (TRY / "pyodide.js").read_text(encoding="utf-8")))
    for name, wanted in pinned.items():
        content = (packages / "pyodide" / name).read_bytes()
        assert base64.b64encode(hashlib.sha384(content).digest()).decode() == wanted, name
    assert len(pinned) == 5


@pytest.mark.parametrize("page", ["try.md", "contributing.md"])
def test_the_documentation_names_the_pinned_version(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert set(re.findall(r"\b314\.\d+\.\d+", text)) == {PYODIDE}


EXAMPLE_FILES = sorted(path.name for path in (ROOT / "docs" / "examples").glob("*.json"))


def chosen(page):
    """The examples that can be picked: the option's value, and what it fills in."""
    examples = page.evaluate("async () => (await import('./_static/try/examples.js')).EXAMPLES")
    return {f"{group}: {title}": given for group, titles in examples.items() for title, given in titles.items()}


def test_every_row_of_the_event_mapping_can_be_picked_and_gives_the_librarys_payload(page, examples):
    rows = set()
    for value, given in chosen(page).items():
        if given["record"] not in EXAMPLE_FILES or "policy" in given:
            continue
        record = json.loads((examples / given["record"]).read_bytes())
        message = json.loads(given["message"]) if "message" in given else None
        pick(page, value)
        expected = build_track_payload(record, message=message)
        assert payload(page) == expected
        channel = channel_of(record)
        assert verdict(page).split() == f"{expected['event']} Channel: {channel}. Not blocked.".split()
        action = (record.get("action") or record["a"]).replace("message-sent", "message_sent")
        assert "→" not in value or value.endswith(f": {action} → {map_event(action, channel)}")
        rows.add((channel.value, action))
    mapped = {(channel.value, action) for channel, names in EVENT_NAMES.items() for action in names}
    assert rows >= mapped | {("custom", "browse"), ("custom", "cart")}


def test_every_example_shows_what_its_title_says(page):
    for value in chosen(page):
        pick(page, value)
        kind = re.search(r": (Error|Collision|Blocked|)", value)[1]
        wanted = {"": "sent", "Collision": "error"}.get(kind, kind.lower())
        assert wanted in page.locator("#try-verdict").get_attribute("class").split(), value
        assert page.locator("#try-payload").is_visible() == (wanted == "sent")
        assert len(marked(page)) == {"Error": 1, "Collision": 2}.get(kind, 0)


def test_an_envelope_gives_the_record_and_its_contact(page):
    event = {"action": "browse"}
    contact = {"_id": "c1", "channels": {"email": {"address": "ada@example.com"}}}
    fill(page, {"contact": contact, "event": event})
    assert payload(page) == build_track_payload(event, contact=contact)


def test_message_contact_and_policy_are_taken_into_account(page):
    record, message, contact = {"action": "open"}, {"name": "Fall Sale"}, {"cID": "c1"}
    fill(page, record, message=message, contact=contact, policy={"email": {"allow": ["open"]}})
    assert payload(page) == build_track_payload(record, message=message, contact=contact)
    fill(page, record, contact=contact, policy={"email": {"block": ["open"]}})
    assert (headline(page), page.locator("#try-payload").is_visible()) == ("Blocked", False)
    assert "The policy does not allow this event on the email channel." in verdict(page)


def test_numbers_and_text_are_pythons_not_javascripts(page):
    text = '{"a": "cart", "cID": "c1", "whole": 1.0, "long": 12345678901234567890, "small": 1e-7, "é": "\\ud83d<b>"}'
    fill(page, text)
    shown = page.locator("#try-payload pre").inner_text()
    for line in ('"whole": 1.0,', '"long": 12345678901234567890,', '"small": 1e-07,', '"é": "\\ud83d<b>"'):
        assert line in shown


ERRORS = {
    "a value": (RECORD | {"d": {"x": [1, {"y": 1e999}]}}, {}, "InvalidFieldError", ['"y": Infinity']),
    "an item": (RECORD | {"d": [1, 1e999]}, {}, "InvalidFieldError", ["Infinity"]),
    "a key with dots": (RECORD | {"a.b": {"c.d": 1e999, "c": 1}}, {}, "InvalidFieldError", ['"c.d": Infinity']),
    "an empty key": (RECORD | {"": {"": 1e999}}, {}, "InvalidFieldError", ['"": Infinity']),
    "a path that two places have": (
        RECORD | {"a": {"b": 1}, "a.b": 1e999},
        {},
        "InvalidFieldError",
        ['"b": 1', '"a.b": Infinity'],
    ),
    "an escaped key": (RECORD | {"caf\u00e9": 1e999}, {}, "InvalidFieldError", ['"caf\\u00e9": Infinity']),
    "a missing field": ({"cID": "c1"}, {}, "MissingFieldError", []),
    "a time": (RECORD | {"time": "yesterday"}, {}, "InvalidFieldError", ['"time": "yesterday"']),
    "in an envelope": (
        {"time": "x", "event": RECORD | {"time": "yesterday"}},
        {},
        "InvalidFieldError",
        ['"time": "yesterday"'],
    ),
    "an envelope's contact": (
        {"contact": {"cID": 5}, "event": {"action": "cart"}},
        {},
        "InvalidFieldError",
        ['"cID": 5'],
    ),
    "a collision": (
        RECORD | {"a": {"b": 1}, "a_b": 2},
        {},
        "KeyCollisionError",
        ['"b": 1', '"a_b": 2'],
    ),
    "a collision of items": (
        RECORD | {"x": [10, 20], "x_1": 30},
        {},
        "KeyCollisionError",
        ["20", '"x_1": 30'],
    ),
    "no record": ([1], {}, "InvalidFieldError", []),
    "a message": (RECORD, {"message": [1]}, "TypeError", []),
    "a policy": (RECORD, {"policy": {"fax": "send_all"}}, "ValueError", []),
}


@pytest.mark.parametrize(("record", "others", "error", "places"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_told_in_the_librarys_words_and_its_place_is_marked(page, record, others, error, places):
    # 1e999 is JSON, which Python reads as an infinity.
    fill(page, json.dumps(record, indent=2).replace("Infinity", "1e999"), **others)
    assert headline(page) == error
    assert marked(page) == [place.replace("Infinity", "1e999") for place in places]
    assert page.locator("#try-places button").count() == len(places)
    assert page.locator("#try-record").get_attribute("aria-invalid") == str(bool(places)).lower()
    assert not page.locator("#try-payload").is_visible()


def test_an_error_in_the_contact_is_marked_there(page):
    fill(page, RECORD | {"contact": {"x": "1e999"}}, contact={"_id": "c1"})
    assert (headline(page), marked(page)) == ("cart", [])
    fill(page, '{"action": "cart", "cID": "c1", "contact": {"x": 1e999}}', contact={"_id": "c1"})
    assert (marked(page), marked(page, "contact")) == (['"x": 1e999'], [])
    fill(page, {"action": "open"}, contact={"_id": "c1", "cID": 5})
    assert (marked(page), marked(page, "contact")) == ([], ['"cID": 5'])
    assert "contact.cID: 5" in verdict(page)


NOT_JSON = [
    ('{"a": 1,\n "a": 2}', 'line 2, column 2: the key "a" occurs twice in this object', '"a"'),
    ('{"a": 1,\n "\\u0061": 2}', 'line 2, column 2: the key "\\u0061" occurs twice in this object', '"\\u0061"'),
    ('{"a": NaN}', "line 1, column 7: JSON has no NaN: write a number or null", "NaN"),
    ('{"a": [-Infinity]}', "line 1, column 8: JSON has no -Infinity: write a number or null", "-Infinity"),
    ('{"a": 1,}', "line 1, column 9: expected a key in double quotes after the comma, not }", "}"),
    ("[1,]", "line 1, column 4: expected a value, not ]", "]"),
    ('{"a": 1 "b": 2}', 'line 1, column 9: expected a comma or }, not "b"', '"b"'),
    ("{'a': 1}", "line 1, column 2: strings stand in double quotes, not single ones", "'"),
    ("{a: 1}", "line 1, column 2: expected a key in double quotes, not a", "a"),
    ('{"a" 1}', "line 1, column 6: expected a colon after the key, not 1", "1"),
    ('{"a": True}', "line 1, column 7: expected a value, not True", "True"),
    ('{"a": 01}', "line 1, column 7: expected a value, not 01", "01"),
    ('{"a": "x\ny"}', "line 1, column 7: a string must not contain a line break or tab: write \\n or \\t", '"x'),
    ('{"a": "\\x"}', "line 1, column 8: a backslash must start an escape: write \\\\ for the character itself", "\\x"),
    ('{"a": "x}', "line 1, column 7: this string has no closing quote", '"x}'),
    ('{"🍂": 1, x', "line 1, column 10: expected a key in double quotes after the comma, not x", "x"),
    ('{"a": 1', "line 1, column 7: the text ends too early: expected a comma or }", "1"),
    ('{"a": 1} {}', "line 1, column 10: expected nothing after the value, not {", "{"),
]


@pytest.mark.parametrize(("text", "message", "place"), NOT_JSON, ids=[text for text, *_ in NOT_JSON])
def test_text_that_is_not_json_is_refused_with_line_and_column(page, text, message, place):
    fill(page, text)
    assert headline(page) == "Not JSON"
    assert verdict(page).split("\n")[-1] == f"Record, {message}."
    assert marked(page) == [place]


def test_a_policys_error_says_that_it_is_the_policys(page):
    fill(page, RECORD, policy={"fax": "send_all"})
    assert "policy: 'fax' is not a channel" in verdict(page)


def test_each_field_is_read_strictly(page):
    for name in ("message", "contact", "policy"):
        fill(page, RECORD, **{name: '{"a": 1, "a": 2}'})
        assert verdict(page).split("\n")[-1].startswith(f"{name.capitalize()}, line 1, column 10: the key ")
        assert marked(page, name) == ['"a"']


def test_nesting_without_end_is_an_error_and_not_a_crash(page):
    fill(page, '{"action": "cart", "cID": "c1", "x": ' + "[" * 200 + "]" * 200 + "}")
    assert headline(page) == "NestingError"
    for depth in (499, 600, 100_000):
        fill(page, '{"x": ' + "[" * depth + "]" * depth + "}")
        assert headline(page) == ("Not JSON" if depth > 500 else "MissingFieldError")
    fill(page, RECORD)
    assert headline(page) == "cart"


def test_typing_asks_the_network_for_nothing(page):
    before = len(page.asked)
    fill(page, RECORD | {"secret": "s3cret"}, message={"name": "x"}, policy={"email": "block_all"})
    assert headline(page) == "cart"
    assert page.asked[before:] == []
    assert "case=" not in page.url


def test_a_long_text_is_read(page):
    fill(page, RECORD | {"text": "x" * 3_000_000})
    assert headline(page) == "PayloadTooLargeError"
    assert page.problems == []


def test_what_was_typed_comes_back_after_a_look_at_an_example(page):
    fill(page, RECORD)
    pick(page, "Email: open → Email Opened")
    pick(page, "own")
    assert json.loads(page.locator("#try-record").input_value()) == RECORD
    assert headline(page) == "cart"


FIELDS = {
    "record": '{"action": "open", "cID": "c1", "text": "é 🍂 +/= <&>"}\n',
    "message": '{"name": "Fall Sale"}',
    "contact": '{"_id": "c2"}',
    "policy": '{"sms": "block_all"}',
}


def test_a_link_holds_the_fields_and_opens_them_again(open_page):
    first = open_page()
    expect(first.locator(".try-verdict.sent")).to_be_visible(timeout=PATIENCE)
    fill(first, **FIELDS)
    first.get_by_role("button", name="Copy link").click()
    expect(first.locator("#try-linked")).to_contain_text("Copied")
    link = first.evaluate("navigator.clipboard.readText()")
    assert link == first.url
    asked = first.asked
    second = open_page("#" + link.partition("#")[2])
    expect(second.locator(".try-verdict.sent")).to_be_visible(timeout=PATIENCE)
    for name, text in FIELDS.items():
        assert second.locator(f"#try-{name}").input_value() == text
        assert second.locator(f"#try-{name}").is_visible()
    assert payload(first) == payload(second)
    assert not [url for url in asked + second.asked if "case" in url.partition("#")[0]]
    assert first.problems == second.problems == []


BROKEN = ["", "!", "%F0", "eyJ", "bnVsbA", "e30", "eyJyZWNvcmQiOjF9", "eyJyZWNvcmQiOiJ4IiwibWVzc2FnZSI6MX0", "_w"]


@pytest.mark.parametrize("fragment", BROKEN)
def test_a_broken_link_is_told_and_the_page_works_on(page, fragment):
    page.evaluate("fragment => { location.hash = '#case=' + fragment }", fragment)
    expect(page.locator(".try-headline")).to_have_text("This link is broken")
    assert page.locator("#try-record").input_value() == ""
    fill(page, RECORD)
    assert headline(page) == "cart"
    page.evaluate("history.replaceState(null, '', location.pathname)")


def test_a_page_opened_by_a_broken_link_says_so_before_and_after_python_has_started(open_page):
    page = open_page("#case=eyJ")
    expect(page.locator(".try-headline")).to_have_text("This link is broken")
    expect(page.locator("#try-heading")).to_contain_text("by Python 3.14", timeout=PATIENCE)
    assert headline(page) == "This link is broken"


def test_it_works_by_keyboard_alone_in_the_order_of_reading(page):
    fill(page, json.dumps(RECORD | {"a": {"b": 1}, "a_b": 2}, indent=2))
    page.locator("#try-example").focus()
    names = "document.activeElement.id || document.activeElement.textContent"
    order = []
    for _ in range(10):
        order.append(page.evaluate(names))
        outlined = page.evaluate(
            "[document.activeElement, document.activeElement.parentElement]"
            ".some(each => getComputedStyle(each).outlineStyle !== 'none')"
        )
        assert outlined, order
        page.keyboard.press("Tab")
    assert [name for name in order if name != "settings"] == [
        "try-example",
        "try-record",
        "Message",
        "try-message",
        "Contact",
        "try-contact",
        "Policy",
        "try-policy",
        "try-link",
    ]
    assert page.evaluate(names) == "Go to line 5 of the record"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(names) == "try-record"
    assert page.evaluate("document.getSelection().toString()") == '"a_b": 2'
    page.keyboard.type('"b": 2')
    settle(page)
    assert headline(page) == "cart"
    page.locator("#try-link").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Payload"


def test_a_screen_reader_hears_names_results_and_errors(page):
    for name in ("Example", "Record"):
        assert page.get_by_label(name, exact=True).count() == 1
    fill(page, RECORD | {"time": "yesterday"})
    status = page.get_by_role("status").filter(has_text="InvalidFieldError")
    assert "time: 'yesterday' is not a time" in status.inner_text()
    assert page.get_by_label("Record", exact=True).get_attribute("aria-describedby") == "try-verdict"


SHOWN = [RECORD | {"long": "x" * 300}, RECORD | {"time": "yesterday" * 30}, RECORD | {"source": "segment"}, "{"]


@pytest.mark.parametrize("size", [WIDE, {"width": 1100, "height": 900}, PHONE, {"width": 320, "height": 568}], ids=str)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_result_fits_every_width_and_has_no_barrier(page, packages, scheme, size):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=packages / "axe-core" / "axe.min.js")
    for record in SHOWN:
        fill(page, record, message="{}")
        for part in ("html", ".content", ".try"):
            assert page.locator(part).evaluate("part => part.scrollWidth <= part.clientWidth")
        found = page.evaluate("axe.run('.content', {resultTypes: ['violations']})")["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []


def test_it_follows_the_readers_colours(page):
    colours = "['color', 'backgroundColor'].map(name => getComputedStyle(document.querySelector('#try-example'))[name])"
    light = page.evaluate(colours)
    page.emulate_media(color_scheme="dark")
    assert light == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert page.evaluate(colours) == ["rgb(207, 208, 208)", "rgb(19, 20, 22)"]


def from_cdn(folder, changed=None):
    """Play the CDN from **folder**, with one file changed; the folder beside the page is gone."""

    def answer(route):
        name = route.request.url.rpartition("/")[2]
        content = (folder / name).read_bytes()
        body = content + b" " if name == changed else content
        kind = "application/wasm" if name.endswith(".wasm") else "application/octet-stream"
        route.fulfill(body=body, headers={"Content-Type": kind, "Access-Control-Allow-Origin": "*"})

    def prepare(page):
        page.context.route("**/_static/pyodide/**", lambda route: route.fulfill(status=404))
        page.context.route(f"https://cdn.jsdelivr.net/npm/pyodide@{PYODIDE}/*", answer)

    return prepare


def test_without_a_folder_it_takes_pyodide_from_the_cdn(open_page, packages):
    page = open_page(prepare=from_cdn(packages / "pyodide"))
    expect(page.locator(".try-verdict.sent")).to_be_visible(timeout=PATIENCE)
    assert sum("cdn.jsdelivr.net" in url for url in page.asked) == 5
    assert page.problems == []


@pytest.mark.parametrize("name", ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"])
def test_a_file_that_is_not_the_pinned_one_is_refused(open_page, packages, name):
    page = open_page(prepare=from_cdn(packages / "pyodide", changed=name))
    expect(page.locator(".try-headline")).to_have_text("Python could not be started", timeout=PATIENCE)


def test_without_pyodide_it_says_so_and_still_reads_json(open_page):
    def prepare(page):
        page.context.route("**/_static/pyodide/**", lambda route: route.fulfill(status=404))

    page = open_page(prepare=prepare)
    expect(page.locator(".try-headline")).to_have_text("Python could not be started", timeout=PATIENCE)
    fill(page, '{"a": 1,}')
    assert headline(page) == "Not JSON"
