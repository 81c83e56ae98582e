// Runs tests on CPython 3.14, which the npm package "pyodide" is, under Node:
//
//   node --stack-size=7000 tests/pyodide/run.mjs PYODIDE PACKAGES [TEST_FILE ...]
//
// Recursion in WebAssembly takes more of the stack than Node gives by default.
// PYODIDE is the folder of that package, PACKAGES a folder with pytest and hypothesis in pure Python. Without test
// files, it runs all in tests/ except those that need what WebAssembly lacks: processes, threads, sockets, and a stack that
// ends at Python's own limit, before the host's (test_stack.py fills it on purpose, test_cost.py has deep data).

import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const LACKING = /subprocess|threading|concurrent\.futures|multiprocessing|socket|tracemalloc|nbclient|benchmarks|setrecursionlimit|__main__|\(run\b/;

function allTests() {
  const files = readdirSync(`${ROOT}/tests`).filter((name) => /^test_.*\.py$/.test(name));
  return files.map((name) => `tests/${name}`).filter((file) => !LACKING.test(readFileSync(`${ROOT}/${file}`, "utf8")));
}

async function run(folder, packages, ...files) {
  const { loadPyodide } = await import(pathToFileURL(resolve(folder, "pyodide.mjs")));
  const pyodide = await loadPyodide({ env: { HOME: "/tmp", PYTHONDONTWRITEBYTECODE: "1" } });
  pyodide.mountNodeFS("/project", ROOT);
  pyodide.mountNodeFS("/packages", resolve(packages));
  pyodide.globals.set("files", pyodide.toPy(files.length ? files : allTests()));
  return pyodide.runPython(`
import os, sys

sys.path[:0] = ["/project", "/packages"]
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = "/tmp/hypothesis"
os.chdir("/project")
import pytest

print("Python", sys.version.partition(" ")[0])
int(pytest.main(["-q", "-p", "no:cacheprovider", *files]))
`);
}

if (process.argv.length < 4) {
  console.error("usage: node --stack-size=7000 tests/pyodide/run.mjs PYODIDE PACKAGES [TEST_FILE ...]");
  process.exit(2);
}
process.exitCode = await run(...process.argv.slice(2));
