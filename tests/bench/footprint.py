"""Start, memory, and many partitions."""

import time
from pathlib import Path

import processes
import wire
from bench import cpu_seconds, run, seconds_of, wait_for_metadata


def measure_start(bench):
    """From exec to the first answer to a Metadata request, five times, each on an empty directory."""
    milliseconds = []
    for _ in range(5):
        broker = bench.new_broker()

        def start():
            broker.launch()
            wait_for_metadata(broker)
        milliseconds.append(seconds_of(start) * 1000)
        if len(milliseconds) == 5:
            time.sleep(1)  # what it does once after its start is over
            bench.results["idle"] = {"rss_mb": broker.resident_bytes() / 1e6}
        bench.end_broker(broker)
    bench.results["start"] = {"median_ms": sorted(milliseconds)[2], "worst_ms": max(milliseconds)}


def measure_memory(bench):
    """The resident memory after much has gone in and out again."""
    total = 10 ** 9 if bench.quick else 10 ** 10
    count = total // 1024
    broker = bench.start_broker()
    wire.create_topic(broker, "much", 12)
    run("bench_client", "produce", broker.address, "much", count, 1024)
    run("bench_client", "consume", broker.address, "much", 12, count)
    bench.results[f"after {total / 1e9:.0f} GB in and out"] = {"rss_mb": broker.resident_bytes() / 1e6}
    bench.end_broker(broker)


def create(broker, partitions):
    """Makes a topic and waits until all its partitions have a leader in this broker's metadata."""
    with wire.Connection(broker, timeout=300) as connection:
        answer = connection.ask(wire.CREATE_TOPICS, topics=[{"name": "many", "num_partitions": partitions}],
                                timeout_ms=300_000)
        assert answer.topics[0].error_code == 0, answer.topics[0]
        processes.wait_until(lambda: are_led(connection, partitions), "all partitions have a leader", timeout=300)


def are_led(connection, partitions):
    [topic] = connection.ask(wire.METADATA, topics=[{"name": "many"}]).topics
    return sum(partition.leader_id >= 0 for partition in topic.partitions) == partitions


def measure_partitions(bench):
    """Many partitions in one request; then the broker is stopped, started, killed and started again."""
    partitions = 500 if bench.quick else 5_000
    broker = bench.start_broker()
    before = broker.resident_bytes()
    seconds = seconds_of(lambda: create(broker, partitions))
    bench.results[f"create {partitions} partitions"] = {
        "seconds": seconds, "rss_mb": broker.resident_bytes() / 1e6,
        "rss_kb_per_partition": (broker.resident_bytes() - before) / 1e3 / partitions}
    # A record in each, so that there is something to be read again.
    run("load_client", "steady", "127.0.0.1", broker.port, "many", partitions, 10, 10, 5_000,
        max(1, partitions // 5_000 + 1))

    def start():
        broker.launch()
        wait_for_metadata(broker)
    stopping = seconds_of(lambda: broker.stop(timeout=120))
    after_stop = seconds_of(start)
    wait_until_led(broker, partitions)
    broker.kill()
    bench.results[f"restart with {partitions} partitions"] = {
        "stop_s": stopping, "metadata_after_stop_s": after_stop, "metadata_after_kill_s": seconds_of(start)}
    wait_until_led(broker, partitions)
    bench.end_broker(broker)


def wait_until_led(broker, partitions):
    with wire.Connection(broker, timeout=300) as connection:
        processes.wait_until(lambda: are_led(connection, partitions), "all partitions have a leader", timeout=300)


def measure_idle(bench):
    """What many partitions cost while nothing happens."""
    partitions, length = (2_000, 5) if bench.quick else (20_000, 30)
    broker = bench.start_broker()
    create(broker, partitions)
    time.sleep(5)
    before = cpu_seconds(broker)
    time.sleep(length)
    descriptors = len(list(Path(f"/proc/{broker.pid}/fd").iterdir()))
    bench.results[f"idle with {partitions} partitions"] = {
        "core_percent": 100 * (cpu_seconds(broker) - before) / length, "rss_mb": broker.resident_bytes() / 1e6,
        "descriptors": descriptors}
    bench.end_broker(broker)
