"""How the programs end: by signals, which are exceptions here, so that everything is cleaned up."""

import signal
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_received = []
_held = None  # signals that came while they are not raised


class Ended(KeyboardInterrupt):
    """A signal has asked for the end; its text is the signal's name."""


def raise_on_signals():
    for number in SIGNALS:
        signal.signal(number, _raise)


def _raise(number, _):
    _received.append(number)
    if _held is not None:
        _held.append(number)
        return
    raise Ended(signal.Signals(number).name)


@contextmanager
def held_back():
    """A signal is raised at the end of this: for the moment in which something comes to be that must be known."""
    global _held
    _held = came = []
    try:
        yield
    finally:
        _held = None
    if came:
        raise Ended(signal.Signals(came[0]).name)


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
