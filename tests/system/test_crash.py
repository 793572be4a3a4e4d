"""kill -9 loses nothing that was acknowledged, and whatever it leaves on the disk is mended at the next start."""

import threading
from collections import defaultdict

import confluent_kafka
import pytest

import batches
import log_files
import processes
import wire
from batches import Record

SESSION_TIMEOUT_MS = 1500  # after a kill the broker waits for its old session to end


class NumberedProducer:
    """Produces 0, 1, 2, ... to each partition until told to stop, and keeps what was acknowledged, in order."""

    def __init__(self, broker, topic, partitions, first_number):
        self.acknowledged = defaultdict(list)  # partition -> [(offset, number)]
        self._topic, self._partitions, self._next = topic, partitions, first_number
        self._stopping = threading.Event()
        self._producer = confluent_kafka.Producer({
            "bootstrap.servers": broker.address, "acks": "all", "retries": 0, "linger.ms": 1,
            "message.timeout.ms": 60_000, "log_level": 0})
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._stopping.is_set():
            if len(self._producer) < 10_000:
                for partition in range(self._partitions):
                    self._producer.produce(self._topic, b"%d" % self._next, partition=partition,
                                           on_delivery=self._on_delivery)
                self._next += 1
            self._producer.poll(0.0005)

    def _on_delivery(self, error, message):
        if not error:
            self.acknowledged[message.partition()].append((message.offset(), int(message.value())))

    def count(self):
        return sum(map(len, self.acknowledged.values()))

    def stop(self):
        """Returns the first number that was never sent."""
        self._stopping.set()
        self._thread.join()
        self._producer.purge(in_flight=True)
        self._producer.flush(10)
        return self._next


def test_every_acknowledged_record_survives_kill_9_in_the_middle_of_producing(new_broker, topic):
    partitions = 3
    broker = new_broker(zookeeper_session_timeout_ms=SESSION_TIMEOUT_MS).start()
    wire.create_topic(broker, topic, partitions, segment_bytes=200_000)
    acknowledged, next_number = defaultdict(list), 0
    for _ in range(4):
        producer = NumberedProducer(broker, topic, partitions, next_number)
        before = producer.count()
        processes.wait_until(lambda: producer.count() > before + 3000, "some thousand records are acknowledged")
        broker.kill()
        next_number = producer.stop()
        for partition, entries in producer.acknowledged.items():
            acknowledged[partition] += entries
        broker.start()

    for partition in range(partitions):
        stored = {record.offset: int(record.value) for record in read_all(broker, topic, partition)}
        assert list(stored.values()) == sorted(set(stored.values())), "in the order of producing, each at most once"
        lost = [(offset, number) for offset, number in acknowledged[partition] if stored.get(offset) != number]
        assert not lost, f"{len(lost)} of {len(acknowledged[partition])} acknowledged records are not at their offset"


def read_all(broker, topic, partition=0):
    """Every record from the beginning to the high watermark, fetched by hand."""
    records = []
    with wire.Connection(broker) as connection:
        while True:
            answer = connection.ask(wire.FETCH, 12, max_wait_ms=0, topics=[{"topic": topic, "partitions": [
                {"partition": partition, "fetch_offset": len(records)}]}]).responses[0].partitions[0]
            assert answer.error_code == 0
            records += [record for batch in batches.decode(answer.records or b"") for record in batch.records()
                        if record.offset >= len(records)]
            if len(records) >= answer.high_watermark:
                return records


def log_of(partition_dir, suffix="log"):
    return log_files.segment_file(partition_dir, log_files.segments(partition_dir)[-1], suffix)


def append(partition_dir, data):
    with open(log_of(partition_dir), "ab") as file:
        file.write(data)


def next_batch(partition_dir, **lies):
    """A batch that would be right at the end of the log, but for the lies."""
    base = log_files.segments(partition_dir)[-1]
    end = base if not (found := log_files.read_batches(partition_dir, base)) else found[-1][1].last_offset + 1
    return batches.encode([Record(b"torn")], base_offset=end, leader_epoch=0, **lies)


def cut_last_batch(partition_dir):
    file = log_of(partition_dir)
    with open(file, "r+b") as log:
        log.truncate(file.stat().st_size - 5)


def flip_last_byte(partition_dir):
    data = bytearray(log_of(partition_dir).read_bytes())
    data[-1] ^= 0xFF
    log_of(partition_dir).write_bytes(data)


# What is done to a log after kill -9 -> how many of its records are still there.
BATCHES = 300
DAMAGES = {
    "nothing": (lambda d: None, BATCHES),
    "garbage-appended": (lambda d: append(d, bytes(range(256)) * 40), BATCHES),
    "zeros-appended": (lambda d: append(d, bytes(4096)), BATCHES),
    "header-cut": (lambda d: append(d, next_batch(d)[:30]), BATCHES),
    "batch-cut": (lambda d: append(d, next_batch(d)[:-3]), BATCHES),
    "wrong-crc": (lambda d: append(d, next_batch(d, crc=1)), BATCHES),
    "negative-length": (lambda d: append(d, next_batch(d, length=-1)), BATCHES),
    "last-batch-cut": (cut_last_batch, BATCHES - 1),
    "last-byte-flipped": (flip_last_byte, BATCHES - 1),
    "index-deleted": (lambda d: log_of(d, "index").unlink(), BATCHES),
    "time-index-deleted": (lambda d: log_of(d, "timeindex").unlink(), BATCHES),
    "index-garbage": (lambda d: log_of(d, "index").write_bytes(b"\xff" * 801), BATCHES),
    "time-index-garbage": (lambda d: log_of(d, "timeindex").write_bytes(b"\xff" * 1201), BATCHES),
    "indexes-empty": (lambda d: (log_of(d, "index").write_bytes(b""), log_of(d, "timeindex").write_bytes(b"")), BATCHES),
}


@pytest.fixture(scope="module")
def mended(new_shared_broker):
    """A broker that was killed, its logs damaged in all ways at once, started, and stopped again."""
    broker = new_shared_broker(zookeeper_session_timeout_ms=SESSION_TIMEOUT_MS).start()
    for name in DAMAGES:
        wire.create_topic(broker, name, index_interval_bytes=1000, segment_bytes=30_000)
        with wire.Connection(broker) as connection:
            for number in range(BATCHES):
                batch = batches.encode([Record(b"%d" % number + b"." * 100, timestamp=1_600_000_000_000 + number)])
                assert wire.produce(connection, name, batch).base_offset == number
    broker.kill()
    for name, (damage, _) in DAMAGES.items():
        damage(broker.partition_dir(name))
    broker.start()
    broker.read = {name: read_all(broker, name) for name in DAMAGES}
    assert broker.stop() == 0
    return broker


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_tail_is_cut_and_the_indexes_are_right(mended, damage):
    _, survivors = DAMAGES[damage]
    assert [int(r.value.rstrip(b".")) for r in mended.read[damage]] == list(range(survivors))
    end = log_files.check_partition(mended.partition_dir(damage), index_interval_bytes=1000, one_run=False)
    assert end == survivors
    assert len(log_files.segments(mended.partition_dir(damage))) > 1


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_rebuilt_indexes_are_dense_enough(mended, damage):
    """No more than an interval and a batch lie between two entries, so that a lookup never scans far."""
    folder = mended.partition_dir(damage)
    for base in log_files.segments(folder):
        found = log_files.read_batches(folder, base)
        entries = log_files.read_index(log_files.segment_file(folder, base, "index"), base)
        positions = [0] + [position for _, position in entries] + [found[-1][0] if found else 0]
        gaps = [after - before for before, after in zip(positions, positions[1:])]
        assert max(gaps) <= 1000 + 2 * max((batch.size for _, batch in found), default=0)
