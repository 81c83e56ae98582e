"""The types as a user meets them: checkers accept right uses and report mistakes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TYPING = ROOT / "tests" / "typing"

FILES = [TYPING / "correct.py", TYPING / "incorrect.py"]


def run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run(  # noqa: S603 - the checkers of this very environment
        [sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_accepts_right_uses_and_reports_mistakes(tmp_path: Path) -> None:
    """Each mistake carries the error's code, and one that is no error any more fails as an unused ignore."""
    pytest.importorskip("mypy")
    run("mypy", "--strict", "--cache-dir", tmp_path, *FILES, cwd=ROOT)


def test_pyright_accepts_right_uses_and_reports_mistakes() -> None:
    """As mypy does, by the rules of ``tests/typing/pyrightconfig.json``: strict, and an unused ignore is an error."""
    pytest.importorskip("pyright")
    run("pyright", "--pythonpath", sys.executable, *FILES, cwd=TYPING)


def test_the_package_says_that_it_is_typed() -> None:
    """Without ``py.typed`` no checker would read its annotations where it is installed."""
    assert (ROOT / "cordial_segment" / "py.typed").is_file()
