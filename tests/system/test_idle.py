"""A broker that nobody uses leaves the machine to others."""

import os
import time
from pathlib import Path

import wire


def processor_seconds(broker):
    fields = Path(f"/proc/{broker.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_idle_broker_takes_next_to_no_processor_time(new_broker):
    broker = new_broker().start()
    wire.create_topic(broker, "orders")
    time.sleep(1)
    before = processor_seconds(broker)
    time.sleep(3)
    assert processor_seconds(broker) - before < 0.3
