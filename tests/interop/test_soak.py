"""The soak test in a short form; ``python tests/soak/soak.py`` runs the long one."""

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx")
pytest.importorskip("segment.analytics")

from soak import PROGRAMS, soak


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_event_is_lost_and_each_has_one_id_whatever_fails(program, tmp_path):
    """It compares every event that went in with what came out."""
    figures = soak(program, 1000, tmp_path)
    assert figures["failed requests"]
    assert (figures["arrived"], figures["rejected"], figures["lost"]) == (998, 2, 0)
