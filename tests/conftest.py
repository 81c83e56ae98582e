"""What the tests of the command share."""

import signal

import pytest


@pytest.fixture
def signals():
    """The command takes the signals over: put the handlers back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
