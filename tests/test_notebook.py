"""The notebook shows what it gives: run from a clean kernel, its text outputs are the committed ones."""

import copy
from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")
pytest.importorskip("pandas")

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "docs" / "a-day-of-events.ipynb"


def seen(cell: Any) -> list[object]:
    """Return the visible output of a cell: its text, and whether it has an image."""
    outputs: list[object] = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            # Standard error is about the machine: a cache that is built for the first time, a deprecation.
            if output.name == "stdout":
                outputs.append(output.text)
        elif output.output_type == "error":
            outputs.append(output.ename)
        elif "image/png" in output.data:
            outputs.append("an image")
        else:
            outputs.append(output.data["text/plain"])
    return outputs


def test_a_run_from_a_clean_kernel_gives_the_committed_outputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each cell's text is the same, and the chart is there; no cell raises."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    committed = nbformat.read(NOTEBOOK, as_version=4)
    fresh = copy.deepcopy(committed)
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    nbclient.NotebookClient(fresh, timeout=120, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    for before, after in zip(committed.cells, fresh.cells, strict=True):
        assert seen(after) == seen(before), before.source


def test_the_committed_outputs_are_a_run_from_top_to_bottom() -> None:
    """Cells are numbered in order, none failed, and nothing was left on standard error."""
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert "an image" in [each for cell in cells for each in seen(cell)]
