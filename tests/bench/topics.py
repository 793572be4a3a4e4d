"""Topics that live only as long as something is measured with them."""

import secrets
import sys
import time
from contextlib import contextmanager

import processes
import wire
from ending import Ended
from negotiated import Refused

TIMEOUT_S = 300
AT_THE_END_S = 15
REQUEST_TIMED_OUT = 7
UNKNOWN_TOPIC = 3


class LeftBehind(Exception):
    """Topics that could not be deleted."""


class Topics:
    """Makes topics, each with one replica and a name that nobody else uses, and deletes them."""

    def __init__(self, negotiated, prefix="bench-"):
        self._negotiated = negotiated
        self._prefix = f"{prefix}{secrets.token_hex(4)}-"
        self._count = 0
        self.existing = []  # also those of which it is not certain

    @contextmanager
    def new(self, label, partitions=1):
        """The name of a topic whose partitions all have a leader. It is deleted at the end, but not after an error:
        the broker may not answer any more, and whoever handles the error calls `delete_all`."""
        self._count += 1
        name = f"{self._prefix}{label}-{self._count}"
        self.existing.append(name)
        self._create(name, partitions)
        yield name
        self.delete(name)

    def leaders(self, name):
        """The leader of each partition in the broker's metadata; -1 where there is none."""
        return [partition.leader_id for partition in self._metadata(name).partitions]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Whatever happened no topic stays, unless the broker does not answer or another signal ends the waiting."""
        if not self.existing:
            return
        try:
            print(f"deleting {', '.join(self.existing)}, for {AT_THE_END_S} s at most (Ctrl-C ends it)",
                  file=sys.stderr)
            self.delete_all(AT_THE_END_S)
        except (OSError, AssertionError, Refused, Ended) as error:
            why = f"{error} has ended their deletion" if isinstance(error, Ended) else error
            raise LeftBehind(f"left behind are the topics {', '.join(self.existing)}: {why}") from error

    def delete_all(self, timeout):
        deadline = time.monotonic() + timeout
        for name in list(self.existing):
            self.delete(name, max(0.1, deadline - time.monotonic()))

    def delete(self, name, timeout=TIMEOUT_S):
        """Returns when the topic has gone from the broker's metadata."""
        deadline = time.monotonic() + timeout
        negotiated = self._negotiated
        names = {"topics": [{"name": name}]} if negotiated.version(wire.DELETE_TOPICS) >= 6 else {"topic_names": [name]}
        [answer] = negotiated.ask(wire.DELETE_TOPICS, timeout, timeout_ms=60_000, **names).responses
        if answer.error_code not in (0, REQUEST_TIMED_OUT, UNKNOWN_TOPIC):
            raise Refused(f"topic {name} is not deleted: {_error(answer)}")

        def left():
            return max(0.1, deadline - time.monotonic())
        processes.wait_until(lambda: self._is_unknown(name, left()), f"topic {name} is gone", timeout=left())
        self.existing.remove(name)

    def _create(self, name, partitions):
        answer = self._negotiated.ask(
            wire.CREATE_TOPICS, TIMEOUT_S, timeout_ms=TIMEOUT_S * 1000,
            topics=[{"name": name, "num_partitions": partitions, "replication_factor": 1}]).topics[0]
        if answer.error_code not in (0, REQUEST_TIMED_OUT):
            self.existing.remove(name)
            raise Refused(f"a topic with {partitions} partition(s) is not created: {_error(answer)}")
        self.wait_until_led(name, partitions)

    def wait_until_led(self, name, partitions):
        processes.wait_until(lambda: sum(leader >= 0 for leader in self.leaders(name)) == partitions,
                             f"all partitions of {name} have a leader", timeout=TIMEOUT_S)

    def _is_unknown(self, name, timeout):
        return self._metadata(name, timeout).error_code == UNKNOWN_TOPIC

    def _metadata(self, name, timeout=TIMEOUT_S):
        return self._negotiated.ask(wire.METADATA, timeout, topics=[{"name": name}]).topics[0]


def _error(answer):
    message = getattr(answer, "error_message", None)
    return f"error {answer.error_code}" + (f", {message}" if message else "")
