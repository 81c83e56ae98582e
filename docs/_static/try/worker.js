// Runs the library in Pyodide, away from the page, so that the page never freezes.

import { CDN, FILES } from "./pyodide.js";

const here = (name) => new URL(name, import.meta.url).href;
const plainFetch = self.fetch;

async function get(url, options) {
  const { host } = new URL(url);
  let response;
  try {
    response = await plainFetch(url, options);
  } catch {
    throw new Error(
      `${host} cannot be reached from here. If you are online, a firewall or a content blocker stops it: ` +
        `allow ${host}, or put Pyodide’s files beside this page.`,
    );
  }
  if (!response.ok) throw new Error(`${host} answers ${response.status} for ${url}. Try again later.`);
  return response;
}

/** Fetch a file of Pyodide, tell the page how much has come, and refuse what has not the pinned hash. */
async function getPinned(url) {
  const [, name] = /([^/]*)$/.exec(url);
  const [, hash] = FILES[name] ?? [];
  // Only where the page cannot compute the hash itself is the browser asked to, which then shows no progress.
  const response = await get(url, crypto.subtle ? {} : { integrity: `sha384-${hash}` });
  const reader = response.body.getReader();
  const chunks = [];
  for (let chunk; (chunk = (await reader.read()).value); chunks.push(chunk))
    self.postMessage({ loaded: chunk.length, host: new URL(url).host });
  const bytes = await new Blob(chunks).arrayBuffer();
  const digest = crypto.subtle && String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-384", bytes)));
  if (crypto.subtle && btoa(digest) !== hash)
    throw new Error(`${name} from ${new URL(url).host} is not the pinned file: it is not run. Does a proxy change it?`);
  return new Response(bytes, { headers: { "Content-Type": name.endsWith(".wasm") ? "application/wasm" : "" } });
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
  self.postMessage({ loaded: 0, host: new URL(indexURL).host });
  const [{ loadPyodide }, { default: createPyodideModule }, modules] = await Promise.all([
    importPinned(`${indexURL}pyodide.mjs`),
    importPinned(`${indexURL}pyodide.asm.mjs`),
    get(here("python.zip")).then((response) => response.arrayBuffer()),
  ]);
  // The loader fetches the other files itself, and waits forever if one of them cannot be loaded.
  const pyodide = await new Promise((resolve, reject) => {
    self.fetch = (url) => {
      const response = getPinned(url);
      response.catch(reject);
      return response;
    };
    loadPyodide({ indexURL, createPyodideModule }).then(resolve, reject);
  });
  self.fetch = plainFetch;
  pyodide.unpackArchive(modules, "zip");
  return pyodide;
}

let translate;

self.onmessage = ({ data }) => self.postMessage({ answers: JSON.parse(translate(JSON.stringify(data))) });

try {
  const pyodide = await start();
  translate = pyodide.pyimport("translate").translate;
  self.postMessage({ python: pyodide.runPython("import platform; platform.python_version()") });
} catch (error) {
  self.postMessage({ failure: error.message });
}
