"""What the measurements share."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import processes
import wire
from broker import PROGRAM, Broker
from negotiated import Negotiated
from target import CpuClock, Target
from zookeeper import ZooKeeper

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("GREGOR_BUILD", ROOT / "build")) / "bin"
PROGRAMS = ("bench_client", "load_client", "unzstd", "bare", "bare_server", "bare_latency")
GB = 1e9


class ProgramFailed(Exception):
    """A program of ours ended with an error."""


class Bench:
    """A folder that is removed at the end, ZooKeeper, and the results so far."""

    def __init__(self, scale):
        self._folder = tempfile.TemporaryDirectory(prefix="gregor-bench-")
        self.folder = Path(self._folder.name)
        self.scale = scale
        self.results = {}
        (self.folder / "zookeeper").mkdir()
        self.zookeeper = ZooKeeper(self.folder / "zookeeper")
        self._brokers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for broker in self._brokers:
            broker.kill()
        self.zookeeper.stop()
        self._folder.cleanup()

    def new_broker(self, **options):
        """A broker on an empty directory, in a part of ZooKeeper of its own; not started yet."""
        number = len(list(self.folder.glob("broker-*"))) + 1
        folder = self.folder / f"broker-{number}"
        folder.mkdir()
        broker = Broker(folder, f"{self.zookeeper.address}/{number}-{time.monotonic_ns()}", **options)
        self._brokers.append(broker)
        return broker

    def end_broker(self, broker):
        broker.stop(timeout=120)
        self._remove(broker)

    def _remove(self, broker):
        """Gives back the space; the files go at the end, all at once. For minutes after files were removed ext4 looks
        at the freed inodes, one by one, before it makes a file: the next measurement would be one of that."""
        self._brokers.remove(broker)
        for path in broker.folder.rglob("*.log"):
            os.truncate(path, 0)

    @contextmanager
    def fresh_broker(self):
        """A running broker on an empty directory, and the target that it is."""
        broker = self.new_broker().start()
        try:
            yield broker, Target("Gregor", Negotiated("127.0.0.1", broker.port), broker.broker_id, pid=broker.pid)
        except BaseException:
            broker.kill()
            self._remove(broker)
            raise
        self.end_broker(broker)


def exit_unless_built():
    for program in (PROGRAM, *(BIN / name for name in PROGRAMS)):
        if not program.exists():
            sys.exit(f"{Path(sys.argv[0]).name}: {program} does not exist; tests/run builds it")


def run(program, *arguments):
    """What a program of ours prints."""
    done = subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        command = " ".join(map(str, (program, *arguments)))
        raise ProgramFailed(f"{command} ended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def measured(target, total_bytes, count, work):
    """Runs `work`, which returns its seconds, and says what the broker spent on it."""
    clock = CpuClock(target)
    seconds = work()["seconds"]
    return {"mb_per_s": total_bytes / 1e6 / seconds, "messages_per_s": count / seconds,
            "cpu_s_per_gb": clock.per(total_bytes / GB)}


def seconds_of(work):
    began = time.monotonic()
    work()
    return time.monotonic() - began


def wait_for_metadata(broker, interval=0.001):
    def answers():
        try:
            with wire.Connection(broker, timeout=60) as connection:
                return connection.ask(wire.METADATA, topics=None).brokers
        except (ConnectionError, socket.timeout, AssertionError):
            return False
    processes.wait_until(answers, "the broker answers a Metadata request", timeout=120, interval=interval)
