// The files of the npm package "pyodide" that the page runs: their sizes in bytes, and the hash that each must have.

export const VERSION = "314.0.7";

export const FILES = {
  "pyodide.mjs": [17931, "Lp79fMwxa4n2BLtugpUAoQMlbxIdg8iCUiP1r3h7nJLkQjwlXT1JzZTeHVL+f4Dg"],
  "pyodide.asm.mjs": [1250344, "/2281iaC0Iimw0B3Kagy1DBfZcJG3W4KYW+EmOqhsdY3fR9BJ88FE2Zt6y0KQKpa"],
  "pyodide.asm.wasm": [9598218, "y++qrQ72KPA1fTjLIuGMP+jppgGxjbLCgfdb0zMrnNnQVhxRUXTOTF6rTxNzllSu"],
  "pyodide-lock.json": [119077, "o8SQQvpVlZnOl04+3dFTJipKxul9GbViVusA379wlOrfHSgxbzt0yPiqCTxOiYES"],
  "python_stdlib.zip": [2545637, "xW3A5jmenkrPXbsgrIaB1FCJh9OuLT7FRMagsJMgtlhVc19k/mSy3+7nMaF/d767"],
};

export const CDN = `https://cdn.jsdelivr.net/npm/pyodide@${VERSION}/`;
