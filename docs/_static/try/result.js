// Shows what becomes of a record: the verdict, the payload, and where each line of it comes from.

import { colour, paint } from "./editor.js";
import { NAMES, byId, editors, element, goTo, lineOf, mark, placesOf, rove } from "./fields.js";

const LIMIT = 32 * 1024;
const RULES = { sent: "the-channel", blocked: "what-is-blocked" };
const HINT = "Pick a line of the payload to see where it comes from.";

const [page, status, size, origin, result] = ["page", "status", "size", "origin", "result"].map(byId);
const [facts, payload] = ["facts", "payload"].map(byId);

export let shown = {}; // the answer
let lit = []; // what is pointed at

/** Show an answer about an item. With **isKept**, the payload before it stays, greyed out: somebody is typing. */
export function tell(answer, item, isKept = false) {
  const { kind = "", headline, type, message, channel, lines = [], size: bytes } = answer;
  const places = [...placesOf(item, answer.from), ...(answer.places ?? [])];
  const said = JSON.stringify([kind, headline, type, message]);
  if (status.dataset.said !== said) {
    status.dataset.said = said; // a screen reader does not repeat what stays
    page.dataset.kind = kind;
    const title = element("p", headline, { className: "try-headline" });
    if (type) title.append(" ", element("code", type));
    status.replaceChildren(title, ...(message ? [element("p", message)] : []));
  }
  for (const name of NAMES)
    editors[name].field.ariaInvalid = String(kind === "error" && places.some((place) => place.name === name));
  mark("place", places);
  result.ariaBusy = "false";
  result.classList.toggle("kept", isKept);
  origin.hidden = isKept || !lines.length;
  tellSize(isKept ? 0 : bytes);
  if (isKept) return light([]);
  shown = answer;
  facts.replaceChildren(
    ...(channel ? [goButton([element("b", channel.name), ` ${channel.note}`], placesOf(item, channel.from))] : []),
    ...places.map((place) => goButton(`Go to ${lineOf(place)}`, [place])),
    ...(RULES[kind] ? [ruleLink("Why?", RULES[kind])] : []),
  );
  for (const [kind, what] of [["payload", lines.length], ["call", answer.call]])
    result.querySelector(`[data-copy=${kind}]`).hidden = !what;
  tellPayload(lines, item);
  light([]);
  lightCaret();
}

function tellSize(bytes) {
  size.parentElement.hidden = !bytes;
  if (!bytes) return;
  const used = `${(bytes / 1024).toFixed(1)} of 32 KB`;
  Object.assign(size, { ariaValueNow: String(Math.min(bytes, LIMIT)), ariaValueText: used });
  size.style.setProperty("--used", Math.min(bytes / LIMIT, 1));
  size.nextElementSibling.textContent = used;
}

const ruleLink = (text, rule) => element("a", text, { href: `rules.html#${rule}` });

/** Make a button that goes to the first of some places, and lights them up when it is pointed at. */
function goButton(content, places) {
  const button = element("button", content, { type: "button", className: "try-source", disabled: !places.length });
  button.addEventListener("click", () => goTo(places[0]));
  return Object.assign(button, { places });
}

const textNode = (row) => row.firstChild.firstChild;

/** Show the lines of a payload; those that are as before stay. */
function tellPayload(lines, item) {
  while (payload.children.length > lines.length) payload.lastChild.remove();
  for (const [index, { text, kind = "", note, rule, from }] of lines.entries()) {
    const was = payload.children[index];
    const said = JSON.stringify([text, kind, note]);
    const isNew = was?.said !== said;
    const row = isNew ? element("div", element("div", text, { role: "gridcell", tabIndex: -1 })) : was;
    Object.assign(row, { role: "row", className: `try-source ${kind}`, said, note, places: placesOf(item, from) });
    if (!isNew) continue;
    if (kind && kind !== "fixed") row.append(element("div", ruleLink(note, rule), { role: "gridcell" }));
    if (was) was.replaceWith(row);
    else payload.append(row);
  }
  const rows = [...payload.children];
  payload.hidden = !rows.length;
  if (rows.length && !payload.querySelector('[tabindex="0"]')) rows[0].firstChild.tabIndex = 0;
  colour(payload, rows.map(textNode));
  for (const kind of ["added", "lifted", "dropped"])
    mark(kind, rows.flatMap((row) => (row.classList.contains(kind) ? row.places : [])));
  const dropped = rows.filter((row) => row.classList.contains("dropped")).map(textNode);
  paint("dropped", payload, dropped.map((node) => [node, node.data.search(/\S/), node.length]));
}

/** Light up elements of the result, and where the first of them comes from. */
function light(elements, isCaret = false) {
  for (const each of lit) each.classList.remove("lit");
  lit = elements.filter(Boolean);
  for (const each of lit) each.classList.add("lit");
  const [{ note, places = [], firstElementChild: cell } = {}] = lit;
  const [place] = places;
  mark("lit", isCaret ? [] : places);
  if (place && !isCaret) editors[place.name].show(place.start);
  const told = [note ?? (place && `from ${place.path}`), place && lineOf(place)].filter(Boolean).join(", ");
  origin.textContent = told || HINT;
  origin.disabled = !place;
  if (told && cell) cell.ariaDescription = told;
}

/** Light up what comes from the place of the caret. */
function lightCaret() {
  const { field } = editors.record;
  if (document.activeElement !== field || hasMoved()) return;
  const at = field.selectionStart;
  const isThere = ({ name, start, end }) => name === "record" && start <= at && at <= end;
  const found = [...payload.children].filter(({ places }) => places.some(isThere));
  light(found, true);
  if (found.length && payload.scrollHeight > payload.clientHeight)
    payload.scrollTop = found[0].offsetTop - payload.clientHeight / 3;
}

/** Return whether the text has changed since, so that the places in it are others. */
function hasMoved() {
  return result.matches("[aria-busy=true], .kept");
}

function sourceOf(target) {
  return hasMoved() ? null : target.closest(".try-source");
}

// Not "pointerover": that comes too where only what is below the pointer has moved.
result.addEventListener("pointermove", ({ target }) => sourceOf(target) === lit[0] || light([sourceOf(target)]));
result.addEventListener("pointerleave", () => light([sourceOf(document.activeElement)]));
result.addEventListener("focusin", ({ target }) => light([sourceOf(target)]));
rove(payload, ".try-source > :first-child");
payload.addEventListener("click", ({ target }) => sourceOf(target)?.firstElementChild.focus({ preventScroll: true }));
payload.addEventListener("keydown", (event) => {
  const [place] = sourceOf(event.target)?.places ?? [];
  if (event.key !== "Enter" || event.target.href || !place) return;
  event.preventDefault(); // or it would be typed into the field
  goTo(place);
});
origin.addEventListener("click", () => goTo(lit[0].places[0]));
document.addEventListener("selectionchange", lightCaret);
