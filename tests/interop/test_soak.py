"""The soak test in a short form; ``python tests/soak/soak.py`` runs the long one."""

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx")

from soak import PARTS, soak


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_lost_or_invented_whatever_fails(part, tmp_path):
    """It compares everything that went in with what came out."""
    found = soak(part, 300, tmp_path, 2)
    assert found["of which failed"]
