"""What the measurements share."""

import os
import socket
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import processes
import wire
from broker import Broker
from ending import without_signals
from negotiated import Negotiated
from target import CpuClock, Target
from zookeeper import ZooKeeper

GB = 1e9


class NotStarted(Exception):
    """Our broker or ZooKeeper, and what it said last."""


class Bench:
    """A folder that is removed at the end, ZooKeeper, and the results so far."""

    def __init__(self, scale):
        self._folder = tempfile.TemporaryDirectory(prefix="gregor-bench-")
        self.folder = Path(self._folder.name)
        self.scale = scale
        self.results = {}
        self.zookeeper = None
        self._brokers = []

    def __enter__(self):
        try:
            self._start_zookeeper()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with without_signals():
            for broker in self._brokers:
                if broker.is_running():
                    broker.kill()
            if self.zookeeper:
                self.zookeeper.stop()
            self._folder.cleanup()

    def _start_zookeeper(self):
        folder = self.folder / "zookeeper"
        folder.mkdir()
        with telling_why_not("ZooKeeper", folder / "zookeeper.log"):
            self.zookeeper = ZooKeeper(folder)

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
        broker = self.new_broker()
        with telling_why_not("the broker", broker.log_file):
            broker.start()
        try:
            yield broker, Target("Gregor", Negotiated("127.0.0.1", broker.port), broker.broker_id, pid=broker.pid)
        except BaseException:
            broker.kill()
            self._remove(broker)
            raise
        self.end_broker(broker)


@contextmanager
def telling_why_not(name, log_file):
    """Turns what a start fails with into one line that has the log's last; the log is gone with its folder."""
    try:
        yield
    except (AssertionError, OSError) as error:
        what = str(error).partition("\n")[0].partition(";")[0].rstrip(":")
        raise NotStarted(f"{name} does not start: {what}; its last words: {last_line(log_file)}") from error


def last_line(log_file):
    """The last that is no part of a Java stack."""
    text = log_file.read_text(errors="replace") if log_file.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line[0].isspace()]
    return lines[-1] if lines else "none"


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
        if not broker.is_running():
            raise NotStarted(f"the broker does not start; its last words: {last_line(broker.log_file)}")
        try:
            with wire.Connection(broker, timeout=60) as connection:
                return connection.ask(wire.METADATA, topics=None).brokers
        except (ConnectionError, socket.timeout, AssertionError):
            return False
    processes.wait_until(answers, "the broker answers a Metadata request", timeout=120, interval=interval)
