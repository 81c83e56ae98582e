// Connects the fields of the page to the library, which runs in a worker.

import { EXAMPLES } from "./examples.js";
import { NotJson, find, lineAndColumn, read } from "./json.js";

const NAMES = ["record", "message", "contact", "policy"];
const LINK = "#case=";
const PAUSE = 300; // milliseconds without typing until the result follows

const byId = (name) => document.getElementById(`try-${name}`);
const fields = Object.fromEntries(NAMES.map((name) => [name, byId(name)]));
const [example, result, verdict, places] = ["example", "result", "verdict", "places"].map(byId);
const [payload, linked] = ["payload", "linked"].map(byId);

const capital = (text) => text[0].toUpperCase() + text.slice(1);

function element(tag, content = [], attributes = {}) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...[content].flat());
  return made;
}

// The fields

let own = {}; // what was last typed, or came from a link
let broken = false; // whether the link that the page was opened with cannot be read

function texts() {
  return Object.fromEntries(NAMES.map((name) => [name, fields[name].value]));
}

function fill(given, isBroken = false) {
  broken = isBroken;
  for (const name of NAMES) {
    fields[name].value = given[name] ?? "";
    fields[name].scrollTo(0, 0);
    reveal(name, Boolean(given[name]));
  }
  linked.textContent = "";
  show();
}

function reveal(name, open = true) {
  const details = fields[name].closest("details");
  if (details) details.open = open;
}

/** Highlight ranges of a field's text, in a copy of the text that lies behind it. */
function mark(name, ranges) {
  const text = fields[name].value;
  const parts = [];
  let at = 0;
  for (const { start, end } of ranges) {
    if (start < at) continue; // one place by two paths
    parts.push(text.slice(at, start), element("mark", text.slice(start, end)));
    at = end;
  }
  const copy = fields[name].previousElementSibling;
  copy.replaceChildren(...(ranges.length ? [...parts, `${text.slice(at)}\n`] : []));
  fields[name].setAttribute("aria-invalid", String(ranges.length > 0));
  follow(name);
}

function follow(name) {
  const { scrollTop, scrollLeft, previousElementSibling: copy } = fields[name];
  copy.scrollTo(scrollLeft, scrollTop);
}

function goTo({ name, start, end }) {
  reveal(name);
  const field = fields[name];
  field.focus({ preventScroll: true });
  field.setSelectionRange(start, end);
  const { line } = lineAndColumn(field.value, start);
  field.scrollTop = (line - 4) * parseFloat(getComputedStyle(field).lineHeight);
  field.scrollIntoView({ block: "nearest" });
}

// The result

const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
let state = "starting"; // then "ready" or "failed"
let failure = "";
let asked = 0;

/** Show the result for what is in the fields, or why there is none. */
function show() {
  const number = ++asked;
  for (const name of NAMES) {
    fields[name].rows = Math.min(Math.max(fields[name].value.split("\n").length, name === "record" ? 8 : 4), 40);
    mark(name, []);
  }
  if (broken) return tell("error", "This link is broken", ["It was cut short or changed. Ask for it again."]);
  if (!fields.record.value.trim()) return tell("", "No record", ["Paste one, or pick an example."]);
  for (const name of NAMES) {
    const text = fields[name].value;
    try {
      if (text.trim()) read(text);
    } catch (error) {
      if (!(error instanceof NotJson)) throw error;
      const { line, column } = lineAndColumn(text, error.start);
      const message = `${capital(name)}, line ${line}, column ${column}: ${error.message}.`;
      return tell("error", "Not JSON", [message], [{ name, start: error.start, end: error.end }]);
    }
  }
  if (state === "ready") worker.postMessage({ number, texts: texts() });
  else if (state === "failed") tell("error", "Python could not be started", [failure, "Reload the page to try again."]);
  else tell("", "Starting Python…", ["The browser loads it once, about 6 MB."]);
}

worker.onmessage = ({ data: { number, answer, python, failure: reason } }) => {
  if (answer && number !== asked) return; // the fields have changed since
  if (answer) return tellAnswer(answer);
  state = reason ? "failed" : "ready";
  failure = reason ?? "";
  if (python) byId("heading").textContent = `Result, by Python ${python}`;
  show();
};

worker.onerror = ({ message }) =>
  worker.onmessage({ data: { failure: message || "The browser refuses to run its program." } });

function tellAnswer({ channel, event, envelope, blocked, error, payload: text }) {
  const facts = channel ? ["Channel: ", element("b", channel), "."] : [];
  if (error) {
    const ranges = error.paths.flatMap((path) => placesOf(path, envelope));
    tell("error", error.type, [error.message, facts], ranges);
  } else if (blocked) {
    const why =
      blocked === "origin"
        ? "The record says that it came from Segment. Sending it back would make a loop."
        : `The policy does not allow this event on the ${channel} channel.`;
    tell("blocked", "Blocked", [why, facts]);
  } else {
    tell("sent", event, [[...facts, " Not blocked."]], [], text);
  }
}

/** Find the places in the fields that an error's path may mean. */
function placesOf(path, envelope) {
  const record = read(fields.record.value);
  const looked = [["record", envelope ? record.children.get("event") : record, path]];
  if (path.startsWith("contact.")) {
    const contact = fields.contact.value;
    if (contact.trim()) looked.push(["contact", read(contact), path.slice("contact.".length)]);
    else if (envelope) looked.push(["record", record, path]);
  }
  return looked.flatMap(([name, root, within]) => [...find(root, within)].map((place) => ({ ...place, name })));
}

function tell(kind, headline, paragraphs, ranges = [], text = "") {
  result.ariaBusy = "false";
  verdict.className = `try-verdict ${kind}`;
  const title = element("p", headline, { className: "try-headline" });
  verdict.replaceChildren(title, ...paragraphs.map((each) => element("p", each)));
  ranges = ranges.toSorted((one, other) => one.start - other.start);
  for (const name of new Set(ranges.map((range) => range.name))) {
    reveal(name);
    mark(name, ranges.filter((range) => range.name === name));
  }
  places.replaceChildren(...ranges.map(placeItem));
  places.hidden = !ranges.length;
  payload.firstElementChild.replaceChildren(...coloured(text));
  payload.hidden = !text;
}

function placeItem(range) {
  const { line } = lineAndColumn(fields[range.name].value, range.start);
  const button = element("button", `Go to line ${line} of the ${range.name}`, { type: "button" });
  button.addEventListener("click", () => goTo(range));
  return element("li", button);
}

/** Colour JSON as the code blocks of the other pages are. */
function* coloured(text) {
  for (const [token, string, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")(:?)|[\w.+-]+|[^"\w.+-]+/g)) {
    if (string) {
      yield element("span", string, { className: colon ? "nt" : "s2" });
      yield colon;
    } else {
      const kind = /^[\d-]/.test(token) ? "mi" : /^\w/.test(token) ? "kc" : "";
      yield kind ? element("span", token, { className: kind }) : token;
    }
  }
}

// Examples and links

async function pick(group, title) {
  const loaded = Object.entries(EXAMPLES[group][title]).map(async ([name, source]) => {
    if (!source.endsWith(".json")) return [name, source];
    const response = await fetch(new URL(`examples/${source}`, import.meta.url));
    if (!response.ok) throw new Error(`${source} answered ${response.status}`);
    return [name, (await response.text()).trimEnd()];
  });
  const chosen = example.value;
  const given = Object.fromEntries(await Promise.all(loaded));
  if (example.value === chosen) fill(given);
}

function useExample() {
  result.ariaBusy = "true";
  const [group, title] = example.selectedOptions[0].dataset.place?.split("\n") ?? [];
  if (group) pick(group, title).catch(({ message }) => tell("error", "The example could not be loaded", [message]));
  else fill(own);
}

function toLink(given) {
  const bytes = new TextEncoder().encode(JSON.stringify(given));
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return LINK + btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromLink(fragment) {
  const binary = atob(fragment.slice(LINK.length).replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const given = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  if (typeof given.record !== "string" || !Object.values(given).every((text) => typeof text === "string"))
    throw new TypeError("not what a link holds");
  return given;
}

/** Fill the fields from the link in the address; return whether there is one, readable or not. */
function readLink() {
  if (!location.hash.startsWith(LINK)) return false;
  example.value = "own";
  try {
    own = fromLink(location.hash);
    fill(own);
  } catch {
    own = {};
    fill(own, true);
  }
  return true;
}

async function copyLink() {
  const given = Object.fromEntries(Object.entries(texts()).filter(([name, text]) => name === "record" || text));
  history.replaceState(null, "", toLink(given));
  try {
    await navigator.clipboard.writeText(location.href);
    linked.textContent = "Copied. Whoever has the link can read the record.";
  } catch {
    linked.textContent = "The link is in the address bar: copy it from there.";
  }
}

let waiting;
for (const name of NAMES) {
  const field = fields[name];
  Object.assign(field, { wrap: "off", spellcheck: false, autocapitalize: "off", autocomplete: "off" });
  field.setAttribute("aria-describedby", verdict.id);
  field.addEventListener("scroll", () => follow(name));
  field.addEventListener("input", () => {
    example.value = "own";
    own = texts();
    broken = false;
    linked.textContent = "";
    result.ariaBusy = "true";
    mark(name, []);
    clearTimeout(waiting);
    waiting = setTimeout(show, PAUSE);
  });
}
for (const [group, titles] of Object.entries(EXAMPLES)) {
  const options = Object.keys(titles).map((title) => {
    const option = element("option", title, { value: `${group}: ${title}` });
    option.dataset.place = `${group}\n${title}`;
    return option;
  });
  example.append(element("optgroup", options, { label: group }));
}
example.addEventListener("change", useExample);
byId("link").addEventListener("click", copyLink);
window.addEventListener("hashchange", readLink);
if (!readLink()) {
  example.selectedIndex = 1;
  useExample();
}
