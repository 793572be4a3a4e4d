"""A broker as the loads see it: one of ours, or any other that speaks Kafka's protocol."""

import socket

import proc
import programs
from topics import Topics


class LeftOut(Exception):
    """A load that can't be put on a broker, and why."""


class Gone(Exception):
    """A broker is not there any more, and how that is known."""


class Target:
    """Where a broker is, its topics, and what its process has used, None where that can't be known."""

    def __init__(self, name, negotiated, node_id, topic_prefix="bench-", pid=None):
        """`node_id` is that of the node at this address, None where it is one of several and not known which."""
        self.name = name
        self.node_id = node_id
        self.host, self.port = negotiated.host, negotiated.port
        self.address = f"{self.host}:{self.port}"
        self.pid = pid
        self.topics = Topics(negotiated, topic_prefix)

    def topic(self, label, partitions=1):
        return self.topics.new(label, partitions)

    def run(self, program, *arguments):
        """What a program of ours that talks to it prints; Gone when the broker goes meanwhile, for which clients would
        wait long."""
        return programs.run(program, *arguments, check=self.check)

    def check(self):
        if self.pid:
            if proc.has_ended(self.pid):
                raise Gone(f"its process {self.pid} has ended")
            return
        try:
            socket.create_connection((self.host, self.port), timeout=1).close()
        except ConnectionRefusedError:
            raise Gone(f"nobody listens on {self.address} any more") from None
        except OSError:
            pass  # slow, or a network that has lost something: the client tells

    def cpu_seconds(self):
        return self.pid and proc.cpu_seconds(self.pid)

    def resident_bytes(self):
        return self.pid and proc.resident_bytes(self.pid)

    def resident_mb(self):
        return self.pid and self.resident_bytes() / 1e6

    def require_leaders_here(self, topic):
        """For loads that talk to one node alone."""
        leaders = set(self.topics.leaders(topic))
        if leaders != {self.node_id}:
            nodes = ", ".join(map(str, sorted(leaders)))
            raise LeftOut(f"the partitions are led by the nodes {nodes}, and this load talks to {self.address} alone")


class CpuClock:
    """The CPU seconds that a target's process has spent since this was made."""

    def __init__(self, target):
        self._target = target
        self._start = target.cpu_seconds()

    def seconds(self):
        return None if self._start is None else self._target.cpu_seconds() - self._start

    def per(self, amount):
        """CPU seconds for each of `amount`."""
        spent = self.seconds()
        return None if spent is None else spent / amount

    def for_each(self, amount):
        """How much of `amount` each CPU second brought."""
        spent = self.seconds()
        return None if spent is None else amount / spent
