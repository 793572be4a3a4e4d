"""What the measurements share."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import processes
import wire
from broker import Broker
from zookeeper import ZooKeeper

BIN = Path(os.environ.get("GREGOR_BUILD", Path(__file__).resolve().parents[2] / "build")) / "bin"
PROGRAMS = ("bench_client", "load_client", "unzstd", "bare", "bare_server")
TICKS = os.sysconf("SC_CLK_TCK")
GB = 1e9


class Bench:
    """A folder that is removed at the end, ZooKeeper, and the results so far."""

    def __init__(self, quick):
        self._folder = tempfile.TemporaryDirectory(prefix="gregor-bench-")
        self.folder = Path(self._folder.name)
        self.quick = quick
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

    def start_broker(self, **options):
        return self.new_broker(**options).start()

    def end_broker(self, broker):
        broker.stop(timeout=120)
        self._brokers.remove(broker)
        shutil.rmtree(broker.folder)


def run(program, *arguments):
    """What a program of ours prints."""
    done = subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{program} {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def cpu_seconds(broker):
    fields = Path(f"/proc/{broker.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measured(broker, total_bytes, count, work):
    """Runs `work`, which returns its seconds, and says what the broker spent on it."""
    before = cpu_seconds(broker)
    seconds = work()["seconds"]
    return {"mb_per_s": total_bytes / 1e6 / seconds, "messages_per_s": count / seconds,
            "cpu_s_per_gb": (cpu_seconds(broker) - before) / (total_bytes / GB)}


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
