// Text fields that colour JSON, number their lines and light up places. A plain text area takes what is typed. Its
// letters are those of a copy behind it: highlights paint them without a change to any element.

const COLOURED = 200_000; // characters; longer text stays plain, so that typing stays quick
const TOKEN = /("(?:[^"\\\n]|\\.)*"?)(\s*:)?|(?<![\w.])-?\d[\w.+-]*|\b(?:true|false|null)\b/g;
const MARKS = ["place", "lit", "open", "added", "lifted", "dropped"];

const layers = {}; // of each highlight in the style sheet, the ranges by owner

/** Show an owner's ranges in a layer, `[node, start, end]` each, and no others of that owner. */
export function paint(layer, owner, ranges) {
  const owners = (layers[layer] ??= new Map());
  if (!CSS.highlights || (!ranges.length && !owners.delete(owner))) return;
  const made = ranges.map(
    ([node, start, end]) =>
      new StaticRange({ startContainer: node, startOffset: start, endContainer: node, endOffset: end }),
  );
  if (made.length) owners.set(owner, made);
  CSS.highlights.set(layer, new Highlight(...[...owners.values()].flat()));
}

/** Colour the JSON in an owner's text nodes. */
export function colour(owner, nodes) {
  const found = { key: [], string: [], number: [], word: [] };
  for (const node of nodes)
    for (const { 0: token, 1: string, 2: colon, index } of node.data.matchAll(TOKEN)) {
      const kind = string ? (colon ? "key" : "string") : /^[-\d]/.test(token) ? "number" : "word";
      found[kind].push([node, index, index + (string ?? token).length]);
    }
  for (const [layer, ranges] of Object.entries(found)) paint(layer, owner, ranges);
}

export class Editor {
  constructor(field) {
    this.field = field;
    this.text = document.createTextNode("");
    [this.numbers, this.copy] = ["numbers", "copy"].map((part) => {
      const pre = Object.assign(document.createElement("pre"), { className: `try-${part}`, ariaHidden: "true" });
      field.before(pre);
      return pre;
    });
    this.copy.append(this.text);
    Object.assign(field, { wrap: "off", spellcheck: false, autocapitalize: "off", autocomplete: "off" });
    field.addEventListener("scroll", () => this.follow());
  }

  fill(text) {
    this.field.value = text;
    this.field.scrollTo(0, 0);
    this.refresh();
  }

  /** Do for the copy and the numbers what has been done to the field. */
  refresh() {
    const { value } = this.field;
    this.text.data = `${value}\n`;
    colour(this, value.length < COLOURED ? [this.text] : []);
    for (const layer of MARKS) this.mark(layer, []);
    const count = value.split("\n").length;
    if (this.count !== count) this.numbers.textContent = Array.from({ length: count }, (_, n) => n + 1).join("\n");
    this.count = count;
    this.follow();
  }

  mark(layer, places) {
    paint(layer, this, places.map(({ start, end }) => [this.text, start, end]));
  }

  follow() {
    const { scrollTop, scrollLeft } = this.field;
    this.copy.scrollTo(scrollLeft, scrollTop);
    this.numbers.scrollTop = scrollTop;
  }

  /** Scroll the field, not the page, so that a position is in view. */
  show(start) {
    const range = document.createRange();
    range.setStart(this.text, start);
    range.setEnd(this.text, start + 1);
    const [place, box] = [range.getBoundingClientRect(), this.field.getBoundingClientRect()];
    if (place.top < box.top || place.bottom > box.top + this.field.clientHeight)
      this.field.scrollTop += place.top - box.top - box.height / 3;
    if (place.left < box.left || place.right > box.left + this.field.clientWidth)
      this.field.scrollLeft += place.left - box.left - box.width / 3;
  }

  goTo({ start, end }) {
    this.field.focus({ preventScroll: true });
    this.field.setSelectionRange(start, end);
    this.show(start);
    this.field.scrollIntoView({ block: "nearest" });
  }
}
