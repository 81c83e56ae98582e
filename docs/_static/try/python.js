// Starts the worker that runs the library, shows how far it is, and asks it one question at a time.

import { byId } from "./fields.js";
import { FILES } from "./pyodide.js";

const SLOW = 10_000; // milliseconds without a byte until the download is said to be stuck
const TOTAL = Object.values(FILES).reduce((sum, [size]) => sum + size, 0);

const [progress, loaded, note, again] = ["progress", "loaded", "python", "again"].map(byId);

export let state = "starting"; // then "ready" or "failed"
export let failure = "";

let worker;
let current = null; // the question that is being answered
let next = null; // the last one since: those between are not asked

/** Ask the library a request; **use** takes its answers. */
export function ask(request, use) {
  next = { request, use };
  if (!current) askNext();
}

function askNext() {
  current = next;
  next = null;
  if (current) worker.postMessage(current.request);
}

/** Start Python, and tell when it is ready or cannot be. */
export function start(onChange) {
  let bytes = 0;
  let waiting;
  const change = (to, text, reason = "") => {
    clearTimeout(waiting);
    state = to;
    failure = reason;
    current = next = null;
    note.textContent = text;
    progress.hidden = loaded.hidden = to !== "starting";
    again.hidden = to !== "failed";
    if (to !== "starting") onChange();
  };
  const fail = (reason) => change("failed", `${reason} The examples work without Python.`, reason);
  const show = ({ loaded: count, host }) => {
    bytes += count;
    progress.value = bytes / TOTAL;
    loaded.textContent = `${(bytes / 1e6).toFixed(1)} of ${(TOTAL / 1e6).toFixed(1)} MB from ${host}`;
    clearTimeout(waiting);
    const stuck = `Nothing comes from ${host}. A firewall or a content blocker may stop it.`;
    if (bytes < TOTAL) waiting = setTimeout(() => (note.textContent = stuck), SLOW);
  };
  change("starting", "Python is loading. The examples work already.");
  worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  worker.onerror = ({ message }) => fail(message || "The browser does not run its program.");
  worker.onmessage = ({ data }) => {
    if (data.answers) {
      const { use } = current;
      askNext();
      use(data.answers);
    } else if (data.python) change("ready", `Python ${data.python} runs in this page. What you type never leaves it.`);
    else if (data.failure) fail(data.failure);
    else show(data);
  };
  again.onclick = () => {
    worker.terminate();
    start(onChange);
    onChange();
  };
}
