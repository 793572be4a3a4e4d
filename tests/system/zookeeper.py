"""Debian's ZooKeeper, run for the tests."""

import os
import re
import socket
import subprocess
from pathlib import Path

from kazoo.client import KazooClient

import processes

ROOT = Path(__file__).resolve().parents[2]
ZKCLI = "/usr/share/zookeeper/bin/zkCli.sh"


class ZooKeeper:
    """A ZooKeeper of its own, whose data is gone with its folder."""

    def __init__(self, folder):
        self.log_file = folder / "zookeeper.log"
        self.port = processes.free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._folder = folder
        self.start()

    def start(self):
        """Goes on where `stop` left it."""
        self._process = processes.start([ROOT / "tools/run-zookeeper", self._folder, self.port, "forceSync=no"],
                                        self.log_file)
        try:
            processes.wait_until(self._answers, f"ZooKeeper answers; its log is {self.log_file}", timeout=60)
        except BaseException:
            self.stop()
            raise

    def _answers(self):
        assert self._process.poll() is None, f"ZooKeeper has ended:\n{self.log_file.read_text()}"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"srvr")
                return b"Mode: standalone" in connection.recv(4096)
        except OSError:
            return False

    def client(self, chroot=""):
        """A connected kazoo client; the caller stops it."""
        client = KazooClient(hosts=self.address + chroot, timeout=10)
        client.start(timeout=20)
        return client

    def zkcli(self, *command):
        """What zkCli prints as the answer to one command: the lines after its own chatter."""
        printed = subprocess.run([ZKCLI, "-server", self.address, *command], capture_output=True, text=True, timeout=60,
                                 env={**os.environ, "CLIENT_JVMFLAGS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"})
        chatter = re.compile(r"^(Connecting to|WATCHER::|WatchedEvent|SLF4J|log4j|.* \[myid|$)")
        return [line for line in printed.stdout.splitlines() if not chatter.match(line)]

    def stop(self):
        self._process.terminate()
        self._process.wait(timeout=20)
