"""The page to try the library on, in Chromium without a network: Pyodide comes from a folder beside the page.

With ``TRY_SHOTS=FOLDER``, the test of all states puts a picture of each into that folder, to be looked at.
"""

import base64
import hashlib
import json
import os
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
pytest.importorskip("furo")
pytest.importorskip("myst_nb")
if not shutil.which("chromium") or not shutil.which("npm"):
    pytest.skip("needs Chromium, and npm for Pyodide", allow_module_level=True)

from playwright.sync_api import expect, sync_playwright

from cordial_segment import build_track_payload

DOCS = Path(__file__).parents[2] / "docs"
PINNED = (DOCS / "_static" / "try" / "pyodide.js").read_text(encoding="utf-8")
PYODIDE = re.search(r'VERSION = "(.+)"', PINNED)[1]
OFFLINE = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
PATIENCE = 60_000  # milliseconds, far beyond what anything takes
CLICK = "The documented example: click, with its message"
RECORD = {"action": "cart", "cID": "c1"}
FIELDS = {
    "record": '{"action": "open", "cID": "c1", "text": "é 🍂 +/= <&>\\n", "no": null}\n',
    "message": '{"name": "Fall Sale"}',
    "contact": '{"_id": "c1"}',
    "policy": 'sms = "block_all"',
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The npm packages that the tests need, each unpacked into a folder of its name."""
    folder = tmp_path_factory.mktemp("npm")
    command = [shutil.which("npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder]
    subprocess.run([*command, f"pyodide@{PYODIDE}", "axe-core@4.14.1"], check=True, capture_output=True)  # noqa: S603
    return folder / "node_modules"


@pytest.fixture(scope="module")
def site(tmp_path_factory, packages):
    """The built documentation with Pyodide beside it: its folder, and its address."""
    folder = tmp_path_factory.mktemp("site") / "html"
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-b", "html", DOCS, folder], check=True)  # noqa: S603
    (folder / "_static" / "pyodide").symlink_to(packages / "pyodide")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def open_page(site):
    """Opens the page, after what the test wants done to it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OFFLINE)

        def opened(fragment="", prepare=lambda page: None):
            context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            page.problems, page.asked = [], []
            page.on("pageerror", lambda error: page.problems.append(error.message))
            page.on("request", lambda request: page.asked.append(request.url))
            prepare(page)
            page.goto(f"{site[1]}/try.html{fragment}")
            return page

        yield opened
        browser.close()


@pytest.fixture(scope="module")
def started(open_page, site):
    """One page for the tests that only use it, since Python takes a while to start."""
    page = open_page()
    expect(page.locator("#try-python")).to_contain_text("runs in this page", timeout=PATIENCE)
    yield page
    assert page.problems == []
    assert [url for url in page.asked if not url.startswith((site[1], "blob:", "data:"))] == []


@pytest.fixture
def page(started):
    started.set_viewport_size({"width": 1400, "height": 1000})
    started.emulate_media(color_scheme="light")
    pick(started, CLICK)
    return started


def pick(page, example):
    page.locator("#try-example").select_option(example)
    settle(page)


def fill(page, record="", robots=False, **others):
    """Put texts into the fields as a person would, and wait for the result."""
    for name, value in {"message": "", "contact": "", "policy": "", **others, "record": record}.items():
        page.locator(f"#try-tab-{name}").click()
        page.locator(f"#try-{name}").fill(value if isinstance(value, str) else json.dumps(value, indent=2))
        if name == "policy":
            page.locator("#try-robots").set_checked(robots)
    settle(page)


def settle(page):
    page.wait_for_function("document.querySelector('#try-result').ariaBusy === 'false'", timeout=PATIENCE)


def verdict(page):
    return " ".join(page.locator("#try-status").inner_text().split())


def copied(page, what):
    page.locator(f"[data-copy={what}]").click()
    expect(page.locator("#try-copied")).to_contain_text("Copied.")
    return page.evaluate("navigator.clipboard.readText()")


def painted(page, layer):
    script = """layer => [...CSS.highlights.get(layer) ?? []]
        .filter(({ startContainer }) => startContainer.parentElement.closest("form"))
        .map(({ startContainer, startOffset, endOffset }) => startContainer.data.slice(startOffset, endOffset))"""
    return page.evaluate(script, layer)


def test_pyodide_is_the_pinned_one_and_the_pages_say_which(packages):
    pinned = re.findall(r'"([\w.-]+)": \[(\d+), "(.+)"\]', PINNED)
    for name, size, wanted in pinned:
        content = (packages / "pyodide" / name).read_bytes()
        assert (len(content), base64.b64encode(hashlib.sha384(content).digest()).decode()) == (int(size), wanted)
    assert len(pinned) == 5
    for name in ("try.md", "contributing.md"):
        assert set(re.findall(r"\b314\.\d+\.\d+", (DOCS / name).read_text(encoding="utf-8"))) == {PYODIDE}


def test_each_example_is_what_its_title_says_before_and_after_python_is_there(page, site):
    examples = json.loads((site[0] / "_static" / "try" / "examples.json").read_text(encoding="utf-8"))
    for group, titles in examples.items():
        for title, example in titles.items():
            built = example["answers"][0]
            pick(page, f"{group}: {title}")
            assert verdict(page).startswith(built["headline"])
            assert title.partition(" → ")[2] in built["headline"]
            kind = {"Error": "error", "Collision": "error", "Blocked": "blocked"}.get(title.partition(":")[0], "sent")
            assert (built["kind"], page.locator(".try").get_attribute("data-kind")) == (kind, kind)
            if kind == "sent":
                lines = [line["text"] for line in built["lines"] if line.get("kind") != "dropped"]
                assert copied(page, "payload") == "\n".join(lines)


def test_pointing_at_a_property_lights_up_where_it_comes_from(page, site):
    for name, place, told in [
        ("d_browser", '"browser": "Chrome"', "from d.browser, line 14"),
        ("lTags_0", '"threadsdemo"', "from lTags.0, line 8"),
        ("campaign_id", '"bmID": "45:6172e28c897f2011ab137761:ot"', "added from bmID, line 4"),
        ("campaign_name", '"name": "Fall Sale"', "added from message.name, line 2 of the message"),
        ("timestamp", '"time": "2021-10-22T16:11:48+0000"', "lifted from time, line 3"),
        ("system_properties_link", '"link": ""', "dropped: empty, line 28"),
        ("event", '"action": "click"', "Segment's name for an email click, line 2"),
    ]:
        page.get_by_role("row").filter(has_text=f'"{name}":').hover()
        assert (painted(page, "lit"), page.locator("#try-origin").inner_text()) == ([place], told)
    assert painted(page, "dropped") == ['"link": ""']
    page.get_by_role("row").filter(has_text='"d_browser":').click()
    page.locator("#try-origin").click()
    assert page.evaluate("String(getSelection())") == '"browser": "Chrome"'
    page.get_by_role("button", name="email by the action click").hover()
    assert painted(page, "lit") == ['"action": "click"']
    links = page.locator("#try-result a").evaluate_all("links => links.map(link => link.hash.slice(1))")
    anchors = re.findall(r'id="([\w-]+)"', (site[0] / "rules.html").read_text(encoding="utf-8"))
    assert (len(links), set(links) - set(anchors)) == (11, set())
    fill(page, RECORD | {"list": list(range(60))})
    for name, is_down in [("list_59", True), ("action", False)]:  # what is lit is scrolled into view
        page.get_by_role("row").filter(has_text=f'"{name}":').hover()
        assert page.locator("#try-record").evaluate("field => field.scrollTop > 0") == is_down


def test_the_keyboard_moves_through_the_payload_and_back_to_the_text(page):
    page.get_by_role("gridcell").first.focus()
    for key in ("End", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    assert painted(page, "lit") == ['"_id": "6172e2c81815fd55160c82b1"']
    assert page.locator("[role=gridcell]:focus").get_attribute("aria-description") == "from _id, line 9"
    page.keyboard.press("Enter")
    assert page.evaluate("document.getSelection().toString()") == '"_id": "6172e2c81815fd55160c82b1"'
    page.locator("#try-record:focus").evaluate("field => field.setSelectionRange(70, 70)")
    expect(page.locator(".try-source.lit")).to_contain_text(['"bmID"', '"campaign_id"'])


SEVERAL = [{"a": "open", "cID": "c"}, {"a": "x", "cID": "c", "source": "segment"}, {"a": "x", "cID": "c", "time": 5}]
FORMS = {
    "array": json.dumps(SEVERAL, indent=1),
    "JSON Lines": "\n".join(map(json.dumps, SEVERAL)) + "\n",
    "arrays in lines": f"{json.dumps(SEVERAL[:2])}\n\n{json.dumps([{'event': SEVERAL[2]}])}",
}


def test_of_several_records_each_outcome_is_listed_and_one_is_open(page):
    for text in FORMS.values():
        fill(page, text)
        assert page.locator("#try-count").inner_text() == "3 records: 1 translated, 1 blocked, 1 failed"
        outcomes = page.locator("#try-outcomes > *").all_inner_texts()
        assert outcomes == ["1  Email Opened", "2  Blocked by the loop guard", "3  time cannot be used"]
        page.locator("#try-outcomes > [tabindex='0']").press("End")
        assert verdict(page).startswith("time cannot be used InvalidFieldError time: 5 is not a time")
        assert painted(page, "place") == ['"time": 5']
    fill(page, '{"a": "open", "cID": "c1"}\n{"a": "open",, "cID": "c1"}\n{"a": "open", "cID": "c1"}')
    page.locator("#try-record").evaluate("field => field.setSelectionRange(40, 40)")
    expect(page.locator(".try-headline")).to_have_text("Not JSON in line 2")


NOT_JSON = [
    ('{"a": 1,\n "a": 2}', 'line 2 Column 2: the key "a" occurs twice in this object.', '"a"'),
    ('{"a": [-Infinity]}', "line 1 Column 8: JSON has no -Infinity: write a number or null.", "-Infinity"),
    ('{"a": 1,}', "line 1 Column 9: expected a key in double quotes after the comma, not “}”.", "}"),
    ("{'a': 1}", "line 1 Column 2: strings stand in double quotes, not single ones.", "'"),
    ('{"a": "x\ny"}', "line 1 Column 7: a string must not contain a line break or tab: write \\n or \\t.", '"x'),
    ('{"a": "\\x"}', "line 1 Column 8: a backslash must start an escape: write \\\\ for the character itself.", "\\x"),
    ('{"🍂": 1, x', "line 1 Column 10: expected a key in double quotes after the comma, not “x”.", "x"),
    ('{"a": 1', "line 1 Column 7: the text ends too early: expected a comma or }.", "1"),
]


def test_broken_json_is_marked_where_it_breaks(page):
    for text, message, place in NOT_JSON:
        page.locator("#try-record").fill(text)
        settle(page)
        assert (verdict(page), painted(page, "place")) == (f"Not JSON in {message}", [place])
    assert page.locator("#try-result.kept #try-payload").is_visible()
    fill(page, RECORD, contact='{"a": 1, "a": 2}')
    assert (verdict(page)[:33], painted(page, "place")) == ("Not JSON in line 1 of the contact", ['"a"'])
    fill(page, {"x": "[" * 10}, policy="[email]\nallow = 🍂")
    assert verdict(page).startswith("Your policy cannot be read TOMLDecodeError")
    assert painted(page, "place") == ["🍂"]


def test_what_is_far_too_large_or_too_deep_is_told_and_not_a_crash(page):
    meter = page.get_by_role("meter")
    assert meter.get_attribute("aria-valuetext") == "1.2 of 32 KB"
    fill(page, RECORD | {"text": "x" * 3_000_000})
    assert verdict(page).startswith("Too large: 2,930 KB, and text takes 2,930 KB of it PayloadTooLargeError")
    assert meter.get_attribute("aria-valuenow") == "32768"
    for depth, told in [(200, "Nested too deeply"), (498, "Nested too deeply"), (100_000, "Not JSON")]:
        fill(page, '{"action": "cart", "cID": "c1", "x": ' + "[" * depth + "]" * depth + "}")
        assert told in verdict(page)


def test_the_other_fields_count_and_their_placeholders_are_valid(page):
    opened = {"action": "open", "d": {"robot": True}}
    fill(page, opened, message={"name": "Fall Sale"}, contact={"cID": "c1"}, policy="[email]\nallow = ['open']")
    wanted = build_track_payload(opened, message={"name": "Fall Sale"}, contact={"cID": "c1"})
    assert json.loads(copied(page, "payload")) == wanted
    fill(page, opened, robots=True)
    assert verdict(page).startswith("Blocked as a robot's event")
    fill(page, **{name: page.locator(f"#try-{name}").get_attribute("placeholder") for name in FIELDS})
    payload = json.loads(copied(page, "payload"))
    assert (payload["event"], payload["properties"]["campaign_name"]) == ("Email Opened", "Fall Sale")
    assert payload["context"]["traits"] == {"email": "ada@example.com"}


def test_editing_the_record_leaves_nothing_of_the_examples_message(page):
    page.locator("#try-record").press_sequentially(" ")
    settle(page)
    assert page.locator("#try-message").input_value() == ""
    fill(page, RECORD, message={"name": "mine"})
    pick(page, CLICK)
    pick(page, "own")
    assert (page.locator("#try-message").input_value() != "", verdict(page)) == (True, "cart")


def test_a_link_opens_the_fields_again_and_nothing_is_sent(page, open_page):
    before = len(page.asked)
    fill(page, '{"n":[1.0,{}],"action":"a,{b"}')
    page.get_by_role("button", name="Format").click()
    expect(page.locator("#try-record")).to_have_value('{\n  "n": [\n    1.0,\n    {}\n  ],\n  "action": "a,{b"\n}')
    fill(page, **FIELDS)
    assert 'message = {"name": "Fall Sale"}\npolicy = Policy(sms=BlockAll())' in copied(page, "call")
    second = open_page("#" + copied(page, "link").partition("#")[2])
    expect(second.locator("#try-page[data-kind=sent]")).to_be_visible(timeout=PATIENCE)
    assert {name: second.locator(f"#try-{name}").input_value() for name in FIELDS} == FIELDS
    assert copied(second, "payload") == copied(page, "payload")
    assert {url.rpartition("/")[2] for url in page.asked[before:]} <= {"favicon.svg"}
    assert second.problems == [url for url in second.asked if "case" in url] == []
    for fragment in ("", "!", "%F0", "bnVsbA", "eyJyZWNvcmQiOjF9", "eyJyZWNvcmQiOiJ4IiwibWVzc2FnZSI6MX0", "_w"):
        page.evaluate("fragment => { location.hash = '#case=' + fragment }", fragment)
        expect(page.locator(".try-headline")).to_have_text("This link is broken")
        fill(page, RECORD)
        assert verdict(page) == "cart"
    page.evaluate("history.replaceState(null, '', location.pathname)")


def test_everything_is_reached_in_the_order_of_reading_and_is_told(page):
    page.locator("#try-example").focus()
    focused, order = "document.activeElement", []
    for _ in range(9):
        order.append(page.evaluate(f"{focused}.ariaLabel ?? {focused}.textContent.trim()"))
        outlines = f"[{focused}, {focused}.parentElement].map(each => getComputedStyle(each).outlineStyle)"
        assert "solid" in page.evaluate(outlines), order
        page.keyboard.press("Tab")
    assert order[1:6] == ["Copy link", "Record", "Format", "Record", "email by the action click"]
    page.locator("#try-tab-record").press("ArrowRight")
    expect(page.get_by_label("Message", exact=True).get_by_role("textbox")).to_be_visible()
    fill(page, RECORD | {"time": "yesterday"})
    assert "time: 'yesterday' is not a time" in page.get_by_role("status").first.inner_text()
    record = page.locator("#try-record[aria-invalid=true][aria-describedby=try-verdict]")
    expect(record).to_have_accessible_name("Record")


STATES = {
    "translated": lambda page: page.get_by_role("row").filter(has_text='"d_browser":').hover(),
    "several": lambda page: fill(page, FORMS["JSON Lines"], message="{}", policy="{}"),
    "broken": lambda page: page.locator("#try-record").press_sequentially(","),
    "blocked": lambda page: pick(page, "Blocked records: Blocked: by a policy"),
    "large": lambda page: pick(page, "Errors: Error: too large"),
    "policy": lambda page: page.locator("#try-tab-policy").click(),
}


@pytest.mark.parametrize("width", [1400, 1100, 390, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_fits_and_axe_finds_no_barrier(page, packages, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 1000 if width > 400 else 450})  # a phone's keyboard takes room
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=packages / "axe-core" / "axe.min.js")
    for name, go in STATES.items():
        pick(page, CLICK)
        go(page)
        settle(page)
        if os.environ.get("TRY_SHOTS"):
            page.locator(".try").screenshot(path=Path(os.environ["TRY_SHOTS"]) / f"{name}-{scheme}-{width}.png")
        for part in ("html", ".content", ".try"):
            assert page.locator(part).evaluate("part => part.scrollWidth <= part.clientWidth"), (name, part)
        for found in page.evaluate("axe.run('.content', {resultTypes: ['violations']})")["violations"]:
            pytest.fail(f"{name}: {found['id']}: {[node['html'] for node in found['nodes']]}")
    if width < 400:
        page.locator("#try-tab-record").click()
        page.locator("#try-record").press("Control+End")
        page.locator("#try-record").evaluate("field => scrollBy(0, field.getBoundingClientRect().top - 90)")
        page.keyboard.type("x")
        expect(page.locator(".try-headline")).to_have_text("Not JSON in line 32")
        expect(page.locator(".try-headline")).to_be_in_viewport(ratio=1)
        page.locator(".try-headline").click()  # which fails if anything covers it


def test_on_a_phone_every_table_of_the_site_is_seen_whole(page, site):
    phone = page.context.new_page()
    phone.set_viewport_size({"width": 390, "height": 844})
    for path in sorted(site[0].glob("*.html")):
        phone.goto(f"{site[1]}/{path.name}")
        script = "[...document.querySelectorAll('article table')].map(each => each.getBoundingClientRect().right)"
        assert max(phone.evaluate(script), default=0) <= 390, path.name
    phone.close()


def from_cdn(folder, changed=None, held=None):
    """Play the CDN, with a file **changed** or each request **held**; the folder beside the page is gone."""

    def answer(route):
        if held is not None:
            held.append(route)
            return
        name = route.request.url.rpartition("/")[2]
        body = (folder / "pyodide" / name).read_bytes() + b" " * (name == changed)
        route.fulfill(body=body, headers={"Access-Control-Allow-Origin": "*"})

    def prepare(page):
        page.context.route("**/_static/pyodide/**", lambda route: route.fulfill(status=404))
        page.context.route(f"https://cdn.jsdelivr.net/npm/pyodide@{PYODIDE}/*", answer)

    return prepare


def test_before_python_is_there_examples_work_and_a_blocked_host_is_named(open_page, packages):
    held = []
    page = open_page(prepare=from_cdn(packages, held=held))
    expect(page.locator(".try-headline")).to_have_text("Email Link Clicked")
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator("#try-loaded")).to_have_text("0.0 of 13.5 MB from cdn.jsdelivr.net")
    pick(page, "Blocked records: Blocked: by a policy")
    assert verdict(page).startswith("Blocked by your rule for sms")
    fill(page, '{"a": 1,}')
    assert verdict(page).startswith("Not JSON in line 1")
    fill(page, RECORD)
    assert verdict(page).startswith("Waiting for Python")
    for route in held:
        route.abort()
    expect(page.locator(".try-headline")).to_have_text("Python could not be loaded", timeout=PATIENCE)
    expect(page.locator("#try-python")).to_contain_text("allow cdn.jsdelivr.net")
    from_cdn(packages)(page)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".try-headline")).to_have_text("cart", timeout=PATIENCE)
    assert sum("cdn.jsdelivr.net" in url for url in page.asked) == 5 + len(held)


@pytest.mark.parametrize("name", ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"])
def test_a_file_that_is_not_the_pinned_one_is_refused(open_page, packages, name):
    page = open_page(prepare=from_cdn(packages, changed=name))
    expect(page.locator(".try-headline")).to_have_text("Email Link Clicked")
    fill(page, RECORD)
    expect(page.locator("#try-status")).to_contain_text(f"{name} from cdn.jsdelivr.net is not", timeout=PATIENCE)
