"""tools/quickstart starts everything, stops everything, and the README's commands do what the README says."""

import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

import processes
from broker import PROGRAM, ROOT
from clients import run

QUICKSTART = ROOT / "tools/quickstart"


class Quickstart:
    def __init__(self, folder, *arguments):
        self.folder, self._output = folder, folder / "quickstart.out"
        self._output_start = self._output.stat().st_size if self._output.exists() else 0
        self.port, self.zookeeper_port = processes.free_port(), processes.free_port()
        self.address = f"localhost:{self.port}"
        self.process = processes.start(
            [QUICKSTART, "--no-build", "--data", folder / "data", "--port", self.port, "--zookeeper-port",
             self.zookeeper_port, *arguments], self._output, env={**os.environ, "GREGOR_BROKER": str(PROGRAM)})

    def output(self):
        return self._output.read_text()[self._output_start:]

    def wait_until_ready(self):
        processes.wait_until(lambda: "Gregor is ready" in self.output() or self.process.poll() is not None,
                             "quickstart is ready", timeout=60)
        assert "Gregor is ready" in self.output(), self.output()
        return self

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(timeout=60)

    def child(self, name):
        """The pid of the child with `name` in its command line. The script has others too, for moments."""
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        [pid] = [int(pid) for pid in pids if name in command_line(pid)]
        return pid


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.fixture
def start(tmp_path):
    started = []

    def start_quickstart(*arguments):
        started.append(Quickstart(tmp_path, *arguments))
        return started[-1]
    yield start_quickstart
    for quickstart in started:
        if quickstart.process.poll() is None:
            quickstart.stop()
        assert is_free(quickstart.port) and is_free(quickstart.zookeeper_port), "nothing is left running"


def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_with_0_and_the_next_start_goes_on_with_the_same_data(start, how):
    first = start().wait_until_ready()
    run(["kcat", "-b", first.address, "-P", "-t", "kept"], input="before\n")
    assert first.stop(how) == 0
    second = start().wait_until_ready()
    assert run(["kcat", "-b", second.address, "-C", "-t", "kept", "-o", "beginning", "-e", "-q"]) == "before\n"
    assert second.stop(how) == 0


def test_it_says_where_the_data_is_and_what_to_type_next(start):
    quickstart = start().wait_until_ready()
    assert str(quickstart.folder / "data") in quickstart.output()
    assert f"kcat -b {quickstart.address}" in quickstart.output()


def test_zookeeper_ends_with_a_broker_that_dies(start):
    quickstart = start().wait_until_ready()
    os.kill(quickstart.child("gregor-broker"), signal.SIGKILL)
    assert quickstart.process.wait(timeout=30) != 0
    assert "the broker has ended" in quickstart.output()


def test_the_broker_ends_with_a_zookeeper_that_dies(start):
    quickstart = start().wait_until_ready()
    os.kill(quickstart.child("QuorumPeerMain"), signal.SIGKILL)
    assert quickstart.process.wait(timeout=60) != 0
    assert "ZooKeeper has ended" in quickstart.output()


def test_nothing_outlives_a_quickstart_that_is_killed(start):
    quickstart = start().wait_until_ready()
    pids = [quickstart.child("gregor-broker"), quickstart.child("QuorumPeerMain")]
    quickstart.stop(signal.SIGKILL)
    processes.wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "its children have ended")


def test_a_broker_that_does_not_start_is_told_with_the_end_of_its_log(start):
    quickstart = start().wait_until_ready()
    assert quickstart.stop() == 0
    with open(quickstart.folder / "data/server.properties", "a") as file:
        file.write("num.partitions=none\n")
    second = start()
    assert second.process.wait(timeout=60) == 1
    assert "num.partitions" in second.output() and "the broker did not start" in second.output()


def test_a_taken_port_is_refused(start):
    quickstart = start().wait_until_ready()
    done = subprocess.run([QUICKSTART, "--no-build", "--data", quickstart.folder / "other", "--port",
                           str(quickstart.port)], capture_output=True, text=True)
    assert done.returncode == 1 and str(quickstart.port) in done.stderr


class TestReadme:
    """The blocks of the README behind a `<!-- test: name -->` line, typed as they stand there."""

    @pytest.fixture(scope="class")
    def blocks(self):
        readme = (ROOT / "README.md").read_text()
        return dict(re.findall(r"<!-- test: ([\w-]+) -->\n+```sh\n(.*?)```", readme, re.DOTALL))

    @pytest.fixture(scope="class")
    def typed(self, blocks, tmp_path_factory):
        """Types the first command, and gives a function that types others beside it."""
        if PROGRAM != ROOT / "build/bin/gregor-broker":
            pytest.skip("quickstart builds and starts build/bin/gregor-broker, another program is tested here")
        if not (is_free(9092) and is_free(2181)):
            pytest.skip("another program has port 9092 or 2181")
        folder = tmp_path_factory.mktemp("readme")
        output = folder / "out"
        process = processes.start(["bash", "-c", f"exec {blocks['quickstart']}"], output, cwd=ROOT,
                                  env={**os.environ, "GREGOR_QUICKSTART_DATA": str(folder / "data")})
        processes.wait_until(lambda: "Gregor is ready" in output.read_text() or process.poll() is not None,
                             "quickstart is ready", timeout=600)
        assert process.poll() is None, output.read_text()
        yield lambda name: run(["bash", "-e", "-o", "pipefail", "-c", blocks[name]])
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0, output.read_text()

    def test_the_blocks_are_there(self, blocks):
        assert set(blocks) == {"quickstart", "first-records", "browse"}

    def test_first_records(self, typed):
        assert typed("first-records").split() == ["1", "2", "3"]

    def test_browsing(self, typed):
        run(["kcat", "-b", "localhost:9092", "-L", "-t", "first"])
        printed = typed("browse").splitlines()
        assert "[admin, brokers, cluster, config, consumers, controller, controller_epoch, feature, " \
               "isr_change_notification, latest_producer_id_block, log_dir_event_notification, zookeeper]" in printed
        [state] = [json.loads(line) for line in printed if line.startswith("{")]
        assert (state["leader"], state["isr"]) == (1, [1])
