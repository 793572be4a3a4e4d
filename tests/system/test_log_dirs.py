"""Partitions move from one log directory to another while they are written and read."""

import threading
import time

import confluent_kafka
import pytest

import batches
import log_files
import processes
import wire
from batches import Record
from configs import BROKER, SET, Heard, incremental

STORAGE_ERROR, LOG_DIR_NOT_FOUND, REPLICA_NOT_AVAILABLE = 56, 57, 9
RATE = "replica.alter.log.dirs.io.max.bytes.per.second"


@pytest.fixture
def two_directories(new_broker, topic):
    broker = new_broker(log_segment_delete_delay_ms=500, log_segment_bytes=3_000_000)
    broker.one, broker.other = broker.folder / "one", broker.folder / "other"
    broker.options["log.dirs"] = f"{broker.one},{broker.other}"
    broker.start()
    wire.create_topic(broker, topic)
    if (broker.other / f"{topic}-0").exists():
        broker.one, broker.other = broker.other, broker.one
    return broker


def move(broker, topic, path, version=None, partition=0):
    answer = wire.ask(broker, wire.ALTER_REPLICA_LOG_DIRS, version, dirs=[
        {"path": str(path), "topics": [{"name": topic, "partitions": [partition]}]}])
    [row] = answer.results
    assert (row.topic_name, row.partitions[0].partition_index) == (topic, partition)
    return row.partitions[0].error_code


def places(broker, topic):
    """[(directory, is it the copy, bytes, records that it lacks)]"""
    answer = wire.ask(broker, wire.DESCRIBE_LOG_DIRS, 4, topics=None)
    return [(row.log_dir, partition.is_future_key, partition.partition_size, partition.offset_lag)
            for row in answer.results for found in row.topics if found.name == topic for partition in found.partitions]


def wait_until_in(broker, topic, path, timeout=30):
    processes.wait_until(lambda: [place[:2] for place in places(broker, topic)] == [(str(path), False)],
                         f"{topic} is in {path}", timeout)


def set_rate(broker, rate):
    with Heard(broker, "level=cluster"):
        assert incremental(broker, BROKER, "", (RATE, SET, str(rate))).error_code == 0


def fill(broker, topic, mebibytes):
    with wire.Connection(broker) as connection:
        for number in range(4 * mebibytes):
            batch = batches.encode([Record(b"%d" % number + b"v" * 250_000, b"key")])
            assert wire.produce(connection, topic, batch).error_code == 0


def fetch(broker, topic, offset):
    answer = wire.ask(broker, wire.FETCH, 11, topics=[
        {"topic": topic, "partitions": [{"partition": 0, "fetch_offset": offset}]}])
    found = batches.decode(answer.responses[0].partitions[0].records)
    return [record for batch in found for record in batch.records() if record.offset >= offset]


def test_nothing_is_lost_of_what_is_written_meanwhile(two_directories, topic):
    broker = two_directories
    fill(broker, topic, 12)
    acknowledged, stopping = [], threading.Event()
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.address, "enable.idempotence": True,
                                         "linger.ms": 1})

    def write():
        number = 0
        while not stopping.is_set():
            producer.produce(topic, b"live-%d" % number, on_delivery=lambda error, message: acknowledged.append(
                (error, message.offset(), message.value())))
            producer.poll(0.002)
            number += 1
        assert producer.flush(30) == 0
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for path in (broker.other, broker.one, broker.other):
            time.sleep(0.3)
            assert move(broker, topic, path) == 0
            wait_until_in(broker, topic, path)
    finally:
        stopping.set()
        writer.join()
    assert acknowledged and {error for error, _, _ in acknowledged} == {None}
    consumed = {}
    while len(consumed) < 48 + len(acknowledged):
        found = fetch(broker, topic, len(consumed))
        assert found and [record.offset for record in found] == list(range(len(consumed), len(consumed) + len(found)))
        consumed |= {record.offset: record.value for record in found}
    assert {offset: value for _, offset, value in acknowledged}.items() <= consumed.items()
    processes.wait_until(lambda: not list(broker.one.glob(f"{topic}-*")), "what was left behind is removed")
    broker.kill()
    broker.start()
    folder = broker.other / f"{topic}-0"
    found = [batch for base in log_files.segments(folder) for _, batch in log_files.read_batches(folder, base)]
    assert sum(len(batch.records()) for batch in found) == len(consumed)


def test_a_move_is_told_and_goes_on_after_a_restart_and_a_kill(two_directories, topic):
    broker = two_directories
    fill(broker, topic, 8)
    set_rate(broker, 2_000_000)
    assert move(broker, topic, broker.other) == 0

    def is_under_way():
        found = dict((place[0], place[1:]) for place in places(broker, topic))
        if str(broker.other) not in found:
            return False
        is_future, size, lag = found[str(broker.other)]
        return is_future and size > 0 and 0 < lag < 32
    processes.wait_until(is_under_way, "some of it is copied")
    broker.stop()
    broker.start()
    assert is_under_way() or len(places(broker, topic)) == 1
    broker.kill()
    broker.start()
    set_rate(broker, 2**63 - 1)
    wait_until_in(broker, topic, broker.other)
    with wire.Connection(broker) as connection:
        answer = wire.produce(connection, topic, batches.encode([Record(b"after")]))
    assert (answer.error_code, answer.base_offset) == (0, 32)


@pytest.mark.parametrize("version", wire.ALTER_REPLICA_LOG_DIRS.versions)
def test_what_cannot_be_moved_is_told_why(two_directories, topic, version):
    broker = two_directories
    assert move(broker, topic, "/not/in/log.dirs", version) == LOG_DIR_NOT_FOUND
    assert move(broker, "nowhere", broker.other, version) == REPLICA_NOT_AVAILABLE
    assert move(broker, topic, broker.one, version) == 0
    assert places(broker, topic) == [(str(broker.one), False, 0, 0)]
    wire.create_topic(broker, "nowhere")
    assert places(broker, "nowhere") == [(str(broker.other), False, 0, 0)], "it was made where it was wanted"
