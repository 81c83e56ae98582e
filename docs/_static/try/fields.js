// The fields of the page: what is in them, and the places in it.

import { Editor } from "./editor.js";
import { lineAndColumn, placeAt, read, records } from "./json.js";

export const byId = (name) => document.getElementById(`try-${name}`);
export const NAMES = ["record", "message", "contact", "policy"];
export const editors = Object.fromEntries(NAMES.map((name) => [name, new Editor(byId(name))]));
export const robots = byId("robots");

export let items = []; // the trees of the records
let trees = {}; // those of the other fields

export function element(tag, content = [], properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...[content].flat());
  return made;
}

/** Let the arrow keys move the focus among what a selector finds in a container, which is one stop of the Tab key. */
export function rove(container, selector, onFocus = () => {}) {
  container.addEventListener("keydown", (event) => {
    const all = [...container.querySelectorAll(selector)];
    const at = all.indexOf(document.activeElement);
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
    if (at < 0 || !(event.key in steps)) return;
    event.preventDefault();
    all[Math.min(Math.max(at + steps[event.key], 0), all.length - 1)].focus();
  });
  container.addEventListener("focusin", ({ target }) => {
    if (!target.matches(selector)) return;
    for (const each of container.querySelectorAll('[tabindex="0"]')) each.tabIndex = -1;
    target.tabIndex = 0;
    onFocus(target);
  });
}

export function selectTab(name) {
  for (const each of NAMES) {
    const isSelected = each === name;
    Object.assign(byId(`tab-${each}`), { ariaSelected: String(isSelected), tabIndex: isSelected ? 0 : -1 });
    byId(`panel-${each}`).hidden = !isSelected;
  }
}

/** Read the texts of the fields. Throws NotJson, with the name of the field. */
export function readFields() {
  [items, trees] = [[], {}];
  for (const name of NAMES) {
    const text = editors[name].field.value;
    byId(`tab-${name}`).classList.toggle("filled", Boolean(text.trim()) || (name === "policy" && robots.checked));
    if (!text.trim() || (name === "policy" && text.trimStart()[0] !== "{")) continue; // or it is TOML
    try {
      if (name === "record") items = records(text);
      else trees[name] = read(text);
    } catch (error) {
      throw Object.assign(error, { name });
    }
  }
}

/** Find the places that an answer about an item is `from`: each the name of a field, and the keys in it. */
export function placesOf(item, from = []) {
  return from.flatMap(([name, ...keys]) => {
    const place = placeAt(name === "record" ? item : trees[name], keys);
    return place ? [{ ...place, name, path: keys.join(".") }] : [];
  });
}

/** Mark places of the fields in a layer, and no others. */
export function mark(layer, places) {
  for (const name of NAMES) editors[name].mark(layer, places.filter((place) => place.name === name));
}

export function lineOf({ name, start }) {
  const { line } = lineAndColumn(editors[name].field.value, start);
  return `line ${line}${name === "record" ? "" : ` of the ${name}`}`;
}

export function goTo(place) {
  selectTab(place.name);
  editors[place.name].goTo(place);
}

rove(byId("tabs"), "[role=tab]", ({ id }) => selectTab(id.slice("try-tab-".length)));
byId("tabs").addEventListener("click", ({ target }) => target.focus()); // which not every browser does
