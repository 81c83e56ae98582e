// Reads JSON strictly, and records the place of each value in the text.

export class NotJson extends Error {
  constructor(message, start, end = start + 1) {
    super(message);
    this.start = start;
    this.end = end;
  }
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const UNCLOSED = new RegExp(STRING.source.slice(0, -1), "y");
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
// Far more than the library accepts, and less than Python's own reader can read in a browser.
const DEEPEST = 500;
const WORD = /[\w.+-]+/y;

/**
 * Return the root of a tree of places for the text from **at**: `{start, end, children}`, with `children` a Map from a
 * key or an index as text, or null. A member of an object starts at its key. Throws NotJson.
 */
export function read(text, at = 0) {
  let depth = 0;

  function match(pattern) {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  }

  function take(character) {
    match(SPACE);
    const found = text[at] === character;
    at += found;
    match(SPACE);
    return found;
  }

  function fail(expected) {
    const start = at;
    if (start >= text.length) throw new NotJson(`the text ends too early: expected ${expected}`, start - 1);
    if (text[at] === "'") throw new NotJson("strings stand in double quotes, not single ones", start);
    const word = match(STRING) ?? match(WORD);
    if (!word && text[at] === '"') throw badString();
    if (/^-?(NaN|Infinity)$/.test(word)) throw new NotJson(`JSON has no ${word}: write a number or null`, start, at);
    const found = word ?? String.fromCodePoint(text.codePointAt(at));
    const told = found.startsWith('"') ? found : `“${found}”`;
    throw new NotJson(`expected ${expected}, not ${told}`, start, start + found.length);
  }

  function badString() {
    const start = at;
    match(UNCLOSED);
    if (at >= text.length) return new NotJson("this string has no closing quote", start, at);
    if (text[at] === "\\")
      return new NotJson("a backslash must start an escape: write \\\\ for the character itself", at, at + 2);
    return new NotJson("a string must not contain a line break or tab: write \\n or \\t", start, at);
  }

  function value() {
    const start = at;
    let children = null;
    if (++depth > DEEPEST) throw new NotJson("nested too deeply to be read", at);
    if (take("{")) children = members();
    else if (take("[")) children = items();
    else if (!match(text[at] === '"' ? STRING : SCALAR)) fail("a value");
    depth--;
    return { start, end: at, children };
  }

  function members() {
    const children = new Map();
    if (close("}")) return children;
    do {
      const start = at;
      const key = text[at] === '"' ? match(STRING) : undefined;
      if (!key) fail(children.size ? "a key in double quotes after the comma" : "a key in double quotes");
      const name = JSON.parse(key);
      if (children.has(name)) throw new NotJson(`the key ${key} occurs twice in this object`, start, at);
      if (!take(":")) fail("a colon after the key");
      children.set(name, { ...value(), start });
    } while (take(","));
    if (!close("}")) fail("a comma or }");
    return children;
  }

  function items() {
    const children = new Map();
    if (close("]")) return children;
    do children.set(String(children.size), value());
    while (take(","));
    if (!close("]")) fail("a comma or ]");
    return children;
  }

  // Unlike take(), it does not consume the space that follows, so a value's end excludes the space.
  function close(bracket) {
    const found = text[at] === bracket;
    at += found;
    return found;
  }

  match(SPACE);
  const root = value();
  match(SPACE);
  if (at < text.length) fail("nothing after the value");
  return root;
}

/** Return the trees of the records in a text: one, an array, or JSON Lines. A line that is no JSON has its `error`. */
export function records(text) {
  const items = (tree) => (text[tree.start] === "[" ? [...tree.children.values()] : [tree]);
  try {
    return items(read(text));
  } catch (error) {
    let end = -1;
    const found = text.split("\n").flatMap((line) => {
      const start = end + 1;
      end = start + line.length;
      if (!line.trim()) return [];
      try {
        return items(read(text.slice(0, end), start));
      } catch (problem) {
        return { start, end, error: problem };
      }
    });
    if (found.length < 2 || found[0].error) throw error;
    return found;
  }
}

/** Return the place at the end of a path of keys and indexes, or undefined. */
export function placeAt(tree, path) {
  return path.reduce((place, key) => place?.children?.get(String(key)), tree);
}

/** Indent JSON; its values stay as they are written. */
export function indented(text) {
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  const tokens = text.matchAll(/("(?:[^"\\]|\\.)*"|[^\s"{}[\],:]+)|([{[])(\s*[}\]])?|([}\]])|([,:])/g);
  return Array.from(tokens, ([, value, open, closed, close, mark]) => {
    if (open && closed) return open + closed.trim();
    if (open) return depth++, open + line();
    if (close) return depth--, line() + close;
    return value ?? (mark === "," ? mark + line() : `${mark} `);
  }).join("");
}

/** Return the line and column of a position, both counted from 1. */
export function lineAndColumn(text, position) {
  const lines = text.slice(0, position).split("\n");
  return { line: lines.length, column: [...lines.at(-1)].length + 1 };
}
