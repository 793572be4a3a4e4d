"""How the programs end: by signals, which are exceptions here, so that everything is cleaned up."""

import signal
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_received = []


class Ended(KeyboardInterrupt):
    """A signal has asked for the end; its text is the signal's name."""


def raise_on_signals():
    for number in SIGNALS:
        signal.signal(number, _raise)


def _raise(number, _):
    _received.append(number)
    raise Ended(signal.Signals(number).name)


def is_asked_for():
    return bool(_received)


def exit_code(otherwise=1):
    """A shell's code for the first signal."""
    return 128 + _received[0] if _received else otherwise


@contextmanager
def without_signals():
    """For what must not be left half done and takes moments."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
