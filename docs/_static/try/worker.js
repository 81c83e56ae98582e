// Runs the library in Pyodide, away from the page, so that the page never freezes.

import { CDN, HASHES } from "./pyodide.js";

const here = (name) => new URL(name, import.meta.url).href;
const plainFetch = self.fetch;

async function get(url, options) {
  const response = await plainFetch(url, options);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response;
}

/** Fetch a file of Pyodide; the browser refuses it unless it has the pinned hash. */
async function getPinned(url, options) {
  const integrity = HASHES[String(url).split("/").at(-1)];
  if (!integrity) throw new Error(`${url} has no pinned hash`);
  return get(url, { ...options, integrity });
}

async function importPinned(url) {
  const code = await (await getPinned(url)).text();
  return import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
}

async function start() {
  // A folder beside the page comes first: for tests, and for sites that use no CDN.
  const folder = here("../pyodide/");
  const { ok } = await plainFetch(`${folder}pyodide.mjs`, { method: "HEAD" });
  const indexURL = ok ? folder : CDN;
  const [{ loadPyodide }, { default: createPyodideModule }, library, program] = await Promise.all([
    importPinned(`${indexURL}pyodide.mjs`),
    importPinned(`${indexURL}pyodide.asm.mjs`),
    get(here("cordial_segment.zip")).then((response) => response.arrayBuffer()),
    get(here("translate.py")).then((response) => response.text()),
  ]);
  // The loader fetches the other files itself, and waits forever if one of them cannot be loaded.
  const pyodide = await new Promise((resolve, reject) => {
    self.fetch = (...request) => {
      const response = getPinned(...request);
      response.catch(reject);
      return response;
    };
    loadPyodide({ indexURL, createPyodideModule }).then(resolve, reject);
  });
  self.fetch = plainFetch;
  pyodide.unpackArchive(library, "zip");
  pyodide.runPython(program);
  return pyodide;
}

let translate;

self.onmessage = ({ data: { number, texts } }) => {
  self.postMessage({ number, answer: JSON.parse(translate(JSON.stringify(texts))) });
};

try {
  const pyodide = await start();
  translate = pyodide.globals.get("translate");
  self.postMessage({ python: pyodide.runPython("import platform; platform.python_version()") });
} catch (error) {
  self.postMessage({ failure: error.message });
}
