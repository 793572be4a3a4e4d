"""gregor-broker as a process: started with options, waited for, stopped, killed, paused, and its log read."""

import http.client
import os
import re
import signal
from pathlib import Path

import processes

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("GREGOR_BROKER", ROOT / "build/bin/gregor-broker"))


class Broker:
    """One broker and its folder, which survives restarts of the program."""

    def __init__(self, folder, zookeeper_connect, broker_id=1, port=None, **options):
        """`options` are Kafka's keys with _ for the dots."""
        self.folder = folder
        self.port = port or processes.free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.broker_id = broker_id
        self.log_dir = folder / "kafka-logs"
        self.log_file = folder / f"broker-{broker_id}.log"
        self.options = {
            "broker.id": broker_id,
            "zookeeper.connect": zookeeper_connect,
            "zookeeper.session.timeout.ms": 6000,
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "log.dirs": self.log_dir,
            "gregor.http.listener": "127.0.0.1:0",
            **{key.replace("_", "."): value for key, value in options.items()},
        }
        self.environment = {}  # besides our own
        self._process = None
        self._log_start = 0

    def launch(self):
        """Starts the program without waiting for anything."""
        assert not self.is_running()
        properties = self.folder / f"server-{self.broker_id}.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in self.options.items()))
        self._log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        self._process = processes.start([PROGRAM, properties], self.log_file,
                                        env={**os.environ, **self.environment})
        return self

    def start(self, timeout=30):
        self.launch()
        processes.wait_until(self._is_ready, f"broker {self.broker_id} is ready", timeout)
        return self

    def _is_ready(self):
        assert self.is_running(), f"broker {self.broker_id} ended with {self._process.returncode}:\n{self.log()}"
        return " ready " in self.log()

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def stop(self, timeout=30):
        """Asks the program to end, as an operator does, and returns its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait_for_exit(timeout)

    def wait_for_exit(self, timeout=30):
        processes.wait_until(lambda: self._process.poll() is not None, f"broker {self.broker_id} ends", timeout)
        return self._process.returncode

    def kill(self):
        """kill -9: whatever the program had not written is lost."""
        self._process.kill()
        self._process.wait(timeout=20)

    def pause(self):
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    @property
    def pid(self):
        return self._process.pid

    def log(self):
        """What the program has printed since its last start."""
        with open(self.log_file, "rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def wait_for_log(self, pattern, timeout=20):
        return processes.wait_until(lambda: re.search(pattern, self.log()), f"the broker logs {pattern!r}", timeout)

    def http(self, path, method="GET", timeout=15):
        """Asks the broker's HTTP server; returns status and text."""
        address = self.wait_for_log(r"serves metrics and health address=http://(\S+)").group(1)
        connection = http.client.HTTPConnection(address, timeout=timeout)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def resident_bytes(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    def partition_dir(self, topic, partition=0):
        return self.log_dir / f"{topic}-{partition}"
