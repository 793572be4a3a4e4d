"""Clients of ours are ended together with their children, whatever ends the wait for them."""

import os
import signal
import time

import pytest

import bench
import ending
import programs
from programs import ProgramFailed, run
from target import Gone


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Makes a program of ours out of lines of shell."""
    monkeypatch.setattr(programs, "BIN", tmp_path)

    def make(lines):
        (tmp_path / "client").write_text(f"#!/bin/sh\n{lines}\n")
        (tmp_path / "client").chmod(0o700)
        return "client"
    return make


def is_there(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_output_is_json_and_a_failure_says_what_the_program_said(script):
    assert run(script("echo '{\"seconds\": 1}'")) == {"seconds": 1}
    with pytest.raises(ProgramFailed, match=r"client a 1 ended with 3: no broker"):
        run(script("echo no broker >&2; exit 3"), "a", 1)


@pytest.mark.parametrize("error", [Gone, ending.Ended])
def test_client_and_its_children_end_with_the_wait(script, tmp_path, error):
    def check():
        raise error("it")
    with pytest.raises(error):
        run(script(f"sleep 60 & echo $! > {tmp_path}/child; echo $$ > {tmp_path}/parent; wait"), check=check)
    pids = [int((tmp_path / name).read_text()) for name in ("child", "parent")]
    deadline = time.monotonic() + 10
    while any(map(is_there, pids)):
        assert time.monotonic() < deadline, pids
        time.sleep(0.01)


@pytest.fixture
def own_signals():
    before = {number: signal.getsignal(number) for number in ending.SIGNALS}
    yield
    ending._received.clear()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_first_signal_gives_the_exit_code(own_signals):
    ending.raise_on_signals()
    assert ending.exit_code() == 1
    for number in (signal.SIGTERM, signal.SIGINT):
        with pytest.raises(ending.Ended, match=signal.Signals(number).name):
            os.kill(os.getpid(), number)
    assert ending.exit_code() == 143


def test_signal_that_is_held_back_is_raised_afterwards(own_signals):
    ending.raise_on_signals()
    steps = []
    with pytest.raises(ending.Ended, match="SIGHUP"), ending.held_back():
        os.kill(os.getpid(), signal.SIGHUP)
        steps.append("done")
    assert steps == ["done"] and ending.exit_code() == 129


def test_failed_start_is_one_line_with_the_last_of_the_log(tmp_path):
    log = tmp_path / "log"
    log.write_text("info: starting\nerror: the port is taken\n\tat some.java.Class\n\n")
    with pytest.raises(bench.NotStarted) as error, bench.telling_why_not("the broker", log):
        raise AssertionError("broker 1 ended with 1:\nall of its log")
    assert str(error.value) == ("the broker does not start: broker 1 ended with 1; its last words: "
                                "error: the port is taken")
