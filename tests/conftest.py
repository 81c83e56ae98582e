"""What the tests share."""

import io
import json
import signal
import sys

import pytest


@pytest.fixture
def run(monkeypatch, capsysbinary):
    """Run the command in this process; return its status, the payloads and the lines on standard error."""
    from cordial_segment.__main__ import main

    def run(*arguments, stdin=b""):
        binary = stdin if isinstance(stdin, io.IOBase) else io.BytesIO(stdin)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(binary))
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as ended:
            status = ended.code
        out, err = capsysbinary.readouterr()
        return status, [json.loads(line) for line in out.splitlines()], err.decode().splitlines()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield run
    for number, handler in zip(numbers, before):  # the command takes the signals over
        signal.signal(number, handler)


def pytest_make_parametrize_id(val):
    """Keep the names of tests short: a text in them is cut."""
    return ascii(val)[1:-1][:30] if isinstance(val, str) else None
