// The page: what happens when somebody types, picks an example, opens a link or copies something.

import { NAMES, byId, editors, element, items, mark, readFields, robots, rove, selectTab } from "./fields.js";
import { NotJson, indented, lineAndColumn, read } from "./json.js";
import { ask, failure, start, state } from "./python.js";
import { shown, tell } from "./result.js";

const LINK = "#case=";
const PAUSE = 150; // milliseconds without typing until the result follows
const MOST = 200; // records that are translated and listed
const WORDS = { sent: "translated", blocked: "blocked", error: "failed" };

const [example, result, outcomes, count, copied] = ["example", "result", "outcomes", "count", "copied"].map(byId);

let examples = {};
let given = null; // the example in the fields, until somebody changes it
let own = {}; // what was last typed, or came from a link
let isBroken = false; // whether the link in the address cannot be read
let answers = []; // what becomes of each record
let opened = 0; // the one that is shown
let version = 0; // of what is in the fields: answers about another are dropped
let waiting;

function texts() {
  return { ...Object.fromEntries(NAMES.map((name) => [name, editors[name].field.value])), robots: robots.checked };
}

function fill(texts) {
  for (const name of NAMES) editors[name].fill(texts[name] ?? "");
  robots.checked = Boolean(texts.robots);
  selectTab("record");
  copied.textContent = "";
  show(0);
}

function edited({ target }) {
  // Another record has nothing to do with the message and the contact of the example.
  if (given && target === editors.record.field)
    for (const name of ["message", "contact"]) if (editors[name].field.value === given[name]) editors[name].fill("");
  Object.values(editors).find(({ field }) => field === target)?.refresh();
  example.value = "own";
  given = null;
  isBroken = false;
  own = texts();
  copied.textContent = "";
  result.ariaBusy = "true";
  version++;
  clearTimeout(waiting);
  waiting = setTimeout(() => show(), PAUSE);
}

/** Show what becomes of what is in the fields, or why nothing does. */
function show(index) {
  clearTimeout(waiting);
  const error = (headline, message) => list([], { kind: "error", headline, message });
  if (isBroken) return error("This link is broken", "It was cut short or changed. Ask for it again.");
  try {
    readFields();
  } catch (error) {
    if (!(error instanceof NotJson)) throw error;
    return tellNotJson(error, true);
  }
  opened = Math.max(0, Math.min(index ?? itemAtCaret(), items.length - 1, MOST - 1));
  const { record, ...others } = texts();
  const asked = ++version;
  const use = (found) => asked === version && list(found);
  if (!items.length) list([], { headline: "No record yet", message: "Paste one, or pick an example." });
  else if (state === "ready") ask({ items: items.slice(0, MOST).map(textOf), ...others }, use);
  else if (given) list(given.answers);
  else if (state === "failed") error("Python could not be loaded", failure);
  else list([], { headline: "Waiting for Python", message: "Your record is translated as soon as Python is there." });
}

const textOf = ({ start, end, error }) => (error ? null : editors.record.field.value.slice(start, end));

function itemAtCaret() {
  const { field } = editors.record;
  const at = document.activeElement === field ? field.selectionStart : -1;
  const index = items.findIndex(({ start, end }) => start <= at && at <= end);
  return index < 0 ? opened : index;
}

/** List the answers where there are several, and show the opened one; or show **instead**, without any. */
function list(found, instead) {
  answers = found;
  const kinds = answers.map((answer) => answer?.kind ?? "error");
  const options = answers.map((answer, index) => {
    const text = `${index + 1}  ${answer?.headline ?? "Not JSON"}`;
    return element("div", text, { role: "option", className: kinds[index], tabIndex: index === opened ? 0 : -1 });
  });
  outcomes.hidden = count.hidden = options.length < 2;
  outcomes.replaceChildren(...(options.length < 2 ? [] : options));
  const counts = Object.keys(WORDS).map((kind) => [kinds.filter((each) => each === kind).length, WORDS[kind]]);
  const first = items.length > MOST ? `The first ${MOST} of ` : "";
  const told = counts.filter(([number]) => number).map((each) => each.join(" "));
  count.textContent = `${first}${items.length} records: ${told.join(", ")}`;
  if (instead) tell(instead);
  else tellOpened();
}

function open(index) {
  if (index === opened || result.matches("[aria-busy=true], .kept")) return;
  opened = index;
  byId("payload").scrollTop = 0;
  tellOpened();
}

function tellOpened() {
  const [item, answer] = [items[opened], answers[opened]];
  const [start, end] = answer?.span ?? [];
  for (const [index, option] of [...outcomes.children].entries()) option.ariaSelected = String(index === opened);
  outcomes.scrollTop = (outcomes.children[opened]?.offsetTop ?? 0) - outcomes.clientHeight / 2;
  if (item.error) tellNotJson(Object.assign(item.error, { name: "record" }));
  else tell({ ...answer, places: end ? [{ name: "policy", start, end }] : [] }, item);
  if (answers.length > 1) mark("open", [{ ...item, name: "record" }]);
}

function tellNotJson({ name, message, start, end }, isKept) {
  const { line, column } = lineAndColumn(editors[name].field.value, start);
  const headline = `Not JSON in line ${line}${name === "record" ? "" : ` of the ${name}`}`;
  const places = [{ name, start, end }];
  tell({ kind: "error", headline, message: `Column ${column}: ${message}.`, places }, {}, isKept);
}

function useExample() {
  const [option] = example.selectedOptions;
  given = examples[option.parentElement.label]?.[option.text] ?? null;
  isBroken = false;
  result.ariaBusy = "true";
  byId("payload").scrollTop = 0;
  fill(given ?? own);
}

function toLink() {
  const filled = Object.entries(texts()).filter(([name, value]) => name === "record" || value);
  const bytes = new TextEncoder().encode(JSON.stringify(Object.fromEntries(filled)));
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return LINK + btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromLink(fragment) {
  const binary = atob(fragment.slice(LINK.length).replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const { robots, ...texts } = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  if (typeof texts.record !== "string" || !Object.values(texts).every((text) => typeof text === "string"))
    throw new TypeError("not what a link holds");
  return { ...texts, robots };
}

/** Fill the fields from the link in the address, if there is one. */
function readLink() {
  if (!location.hash.startsWith(LINK)) return;
  example.value = "own";
  given = null;
  try {
    own = fromLink(location.hash);
    isBroken = false;
  } catch {
    own = {};
    isBroken = true;
  }
  fill(own);
}

const COPIES = {
  link: () => location.href,
  payload: () => shown.lines.filter(({ kind }) => kind !== "dropped").map(({ text }) => text).join("\n"),
  call: () => shown.call,
};

async function copy({ target: { dataset } }) {
  if (!dataset.copy) return;
  const isLink = dataset.copy === "link";
  copied.textContent = "";
  if (isLink) history.replaceState(null, "", toLink());
  try {
    await navigator.clipboard.writeText(COPIES[dataset.copy]());
    copied.textContent = isLink ? "Copied. Whoever has the link can read the record." : "Copied.";
  } catch {
    copied.textContent = isLink ? "The link is in the address bar." : "The browser does not allow it: select the text.";
  }
}

/** Indent the text of the field in view. */
function format() {
  const editor = Object.values(editors).find(({ field }) => field.checkVisibility());
  try {
    read(editor.field.value);
    editor.fill(indented(editor.field.value));
    show();
  } catch (error) {
    copied.textContent = error instanceof NotJson ? "Only one JSON document can be formatted." : error.message;
  }
}

rove(outcomes, "[role=option]", (option) => open([...outcomes.children].indexOf(option)));
document.querySelector(".try-input").addEventListener("input", edited);
byId("page").addEventListener("click", copy);
byId("format").addEventListener("click", format);
example.addEventListener("change", useExample);
document.addEventListener("selectionchange", () => open(itemAtCaret()));
window.addEventListener("hashchange", readLink);
start(() => given || show());
readLink();
examples = await (await fetch(new URL("examples.json", import.meta.url))).json();
for (const [group, titles] of Object.entries(examples)) {
  const options = Object.keys(titles).map((title) => element("option", title, { value: `${group}: ${title}` }));
  example.append(element("optgroup", options, { label: group }));
}
if (!Object.keys(own).length && !isBroken) {
  example.selectedIndex = 1;
  useExample();
}
