"""Start, memory, and many partitions."""

import os
import time
from contextlib import contextmanager
from pathlib import Path

import batches
import wire
from bench import seconds_of, wait_for_metadata
from target import CpuClock


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
    total = bench.scale.memory_bytes
    count = total // 1024
    with bench.fresh_broker() as (_, target), target.topic("much", 12) as topic:
        target.run("bench_client", "produce", target.address, topic, count, 1024)
        target.run("bench_client", "consume", target.address, topic, 12, count)
        bench.results[f"after {total / 1e9:.0f} GB in and out"] = {"rss_mb": target.resident_mb()}


@contextmanager
def many_partitions(target, count):
    """A topic of many partitions, made in one request; gives its name and what it took until all had a leader."""
    before = target.resident_mb()
    began = time.monotonic()
    with target.topic("many", count) as topic:
        seconds = time.monotonic() - began
        after = target.resident_mb()
        yield topic, {f"create {count} partitions": {
            "create_s": seconds, "rss_mb": after,
            "rss_kb_per_partition": None if after is None else (after - before) * 1e3 / count}}


def create_partitions(target, scale):
    """Without the memory for each partition: where that is asked of one process several times, the later topics lie in
    memory that the first one gave back."""
    with many_partitions(target, scale.partitions) as (_, result):
        return {row: {figure: value for figure, value in figures.items() if figure != "rss_kb_per_partition"}
                for row, figures in result.items()}


def measure_files(bench):
    """What the file system takes to make a file: some microseconds, and up to a millisecond the more were removed
    lately. Making partitions, and starting after a kill, is that above all."""
    count = 1000
    folder = bench.folder / "files"
    folder.mkdir()

    def make():
        for number in range(count):
            os.close(os.open(folder / str(number), os.O_CREAT | os.O_WRONLY, 0o600))
    bench.results["making a file"] = {"us_per_file": seconds_of(make) / count * 1e6}


def put_a_record_in_each(broker, topic, partitions):
    """So that there is something to be read again."""
    batch = batches.encode([batches.Record(b"x" * 100)])
    rows = [{"index": index, "records": batch} for index in range(partitions)]
    with wire.Connection(broker, timeout=300) as connection:
        answer = connection.ask(wire.PRODUCE, topic_data=[{"name": topic, "partition_data": rows}], timeout_ms=300_000)
    assert all(row.error_code == 0 for row in answer.responses[0].partition_responses), answer


def measure_partitions(bench):
    """Many partitions; then the broker is stopped, started, killed and started again."""
    count = bench.scale.partitions
    with bench.fresh_broker() as (broker, target), many_partitions(target, count) as (topic, result):
        bench.results |= result
        put_a_record_in_each(broker, topic, count)

        def start():
            broker.launch()
            wait_for_metadata(broker)
        stopping = seconds_of(lambda: broker.stop(timeout=120))
        after_stop = seconds_of(start)
        target.topics.wait_until_led(topic, count)
        broker.kill()
        bench.results[f"restart with {count} partitions"] = {
            "stop_s": stopping, "metadata_after_stop_s": after_stop, "metadata_after_kill_s": seconds_of(start)}
        target.topics.wait_until_led(topic, count)


def measure_idle(bench):
    """What many partitions cost while nothing happens."""
    count, length = bench.scale.idle_partitions, bench.scale.idle_s
    with bench.fresh_broker() as (broker, target), target.topic("many", count):
        time.sleep(5)
        clock = CpuClock(target)
        time.sleep(length)
        descriptors = len(list(Path(f"/proc/{broker.pid}/fd").iterdir()))
        bench.results[f"idle with {count} partitions"] = {
            "core_percent": 100 * clock.per(length), "rss_mb": target.resident_mb(), "descriptors": descriptors}
