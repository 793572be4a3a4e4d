"""What each option of a topic does, seen from outside: on the wire and on the disk."""

import gzip
import random
import time

import lz4.frame
import zstandard

import batches
import log_files
import wire
from batches import Record

MESSAGE_TOO_LARGE, NOT_ENOUGH_REPLICAS, INVALID_TIMESTAMP, UNSUPPORTED_VERSION = 10, 19, 32, 35
INVALID_TXN_STATE, INVALID_RECORD = 48, 87
TRANSACTIONAL = 0x10
# Words by chance: the more a codec tries, the smaller they get.
TEXT = b" ".join(random.Random(7).choices([b"%x" % random.Random(n).getrandbits(40) for n in range(3000)], k=20_000))

def now_ms():
    return int(time.time() * 1000)


def produce(broker, topic, size=100, age_ms=0, key=b"k", acks=-1):
    record = Record(b"v" * size, key, timestamp=now_ms() - age_ms)
    with wire.Connection(broker) as connection:
        return wire.produce(connection, topic, batches.encode([record]), acks=acks)


def produced(broker, topic, **options):
    return produce(broker, topic, **options).error_code


def segment_count(broker, topic, batch_count, **options):
    """How many segments `batch_count` more batches add."""
    before = len(log_files.segments(broker.partition_dir(topic)))
    for _ in range(batch_count):
        assert produced(broker, topic, **options) == 0
    return len(log_files.segments(broker.partition_dir(topic))) - before


def rolls_by_size(broker, topic):
    produced(broker, topic)
    return segment_count(broker, topic, 6) >= 2


def rolls_by_time(broker, topic):
    """Two records an hour apart."""
    assert produced(broker, topic, age_ms=3_600_000) == 0
    return segment_count(broker, topic, 1) == 1


def rolls_when_the_index_is_full(broker, topic):
    return segment_count(broker, topic, 40) >= 8


def has_index_entries(broker, topic):
    """In a full segment, that was begun with what is set now."""
    fresh = f"{topic[:60]}-{time.monotonic_ns()}"
    wire.create_topic(broker, fresh, segment_bytes=500)
    for _ in range(6):
        assert produced(broker, fresh) == 0
    return any(log_files.segment_file(broker.partition_dir(fresh), 0, "index").read_bytes())


def takes_room_at_once(broker, topic):
    while segment_count(broker, topic, 1, size=1000) == 0:
        pass
    base = log_files.segments(broker.partition_dir(topic))[-1]
    return log_files.segment_file(broker.partition_dir(topic), base, "log").stat().st_size > 20_000


def append_time(broker, topic):
    return produce(broker, topic).log_append_time_ms != -1


def fetched_by_an_old_client(broker, topic):
    produced(broker, topic)
    answer = wire.ask(broker, wire.FETCH, 3, topics=[
        {"topic": topic, "partitions": [{"partition": 0, "fetch_offset": 0}]}])
    return answer.responses[0].partitions[0].error_code


def offset(broker, topic, timestamp):
    answer = wire.ask(broker, wire.LIST_OFFSETS, 5, topics=[
        {"name": topic, "partitions": [{"partition_index": 0, "timestamp": timestamp}]}])
    return answer.topics[0].partitions[0].offset


def loses_old_records(broker, topic):
    """Ten records of an hour ago."""
    for _ in range(10):
        assert produced(broker, topic, age_ms=3_600_000) == 0
    return _comes(lambda: offset(broker, topic, -2) > 0)


def syncs_soon(broker, topic):
    assert produced(broker, topic) == 0
    end = offset(broker, topic, -1)

    def is_synced():
        path = broker.log_dir / "recovery-point-offset-checkpoint"
        points = {words[0]: int(words[2]) for words in log_files.read_checkpoint(path)} if path.exists() else {}
        return points.get(topic) == end
    return _comes(is_synced)


def files_go_soon(broker, topic):
    produced(broker, topic)
    before = set(broker.log_dir.glob("*-delete"))
    answer = wire.ask(broker, wire.DELETE_TOPICS, 5, topic_names=[topic])
    assert answer.responses[0].error_code == 0
    gone = _comes(lambda: not set(broker.log_dir.glob("*-delete")) - before)
    wire.create_topic(broker, topic)
    return gone


def rolls_earlier_now_and_then(broker, topic):
    """How much earlier is left to chance, segment by segment."""
    def rolls():
        fresh = f"{topic[:60]}-{time.monotonic_ns()}"
        wire.create_topic(broker, fresh, segment_ms=3_700_000)
        return rolls_by_time(broker, fresh)
    return any(rolls() for _ in range(6))


def last_stored(broker, topic):
    folder = broker.partition_dir(topic)
    return list(log_files.read_batches(folder, log_files.segments(folder)[-1]))[-1][1]


def codec_on_disk(broker, topic):
    assert produced(broker, topic, size=1000) == 0
    return last_stored(broker, topic).attributes & 7


def is_larger_than(broker, topic, compressed):
    """Whether TEXT takes clearly more room than what the usual level makes of it."""
    with wire.Connection(broker) as connection:
        assert wire.produce(connection, topic, batches.encode([Record(TEXT, timestamp=now_ms())])).error_code == 0
    return last_stored(broker, topic).size > 1.04 * len(compressed)


_next_producer = iter(range(100_000, 200_000))


def transactional(broker, topic):
    batch = batches.encode([Record(b"v", timestamp=now_ms())], attributes=TRANSACTIONAL,
                           producer_id=next(_next_producer), producer_epoch=0, base_sequence=0)
    with wire.Connection(broker) as connection:
        return wire.produce(connection, topic, batch, transactional_id="t").error_code


def forgets_producers(broker, topic):
    producer_id = next(_next_producer)
    batch = batches.encode([Record(b"v", timestamp=now_ms())], producer_id=producer_id, producer_epoch=0,
                           base_sequence=0)
    with wire.Connection(broker) as connection:
        assert wire.produce(connection, topic, batch).error_code == 0

    def is_forgotten():
        row = wire.ask(broker, wire.DESCRIBE_PRODUCERS, topics=[{"name": topic, "partition_indexes": [0]}])
        return producer_id not in [p.producer_id for p in row.topics[0].partitions[0].active_producers]
    return _comes(is_forgotten)


def _comes(condition):
    """Whether `condition` comes true soon."""
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


# the broker's option: (value, the topic's own options, what is looked at, seen before, seen while it is set)
EFFECTS = {
    "message.max.bytes": ("1000", {}, lambda b, t: produced(b, t, size=2000), 0, MESSAGE_TOO_LARGE),
    "log.segment.bytes": ("500", {}, rolls_by_size, False, True),
    "log.roll.ms": ("60000", {}, rolls_by_time, False, True),
    "log.index.size.max.bytes": ("16", {"index_interval_bytes": 1, "segment_bytes": 6000},
                                 rolls_when_the_index_is_full, False, True),
    "log.index.interval.bytes": ("1", {}, has_index_entries, False, True),
    "log.preallocate": ("true", {"segment_bytes": 30_000}, takes_room_at_once, False, True),
    "log.segment.delete.delay.ms": ("0", {}, files_go_soon, False, True),
    "min.insync.replicas": ("2", {}, produced, 0, NOT_ENOUGH_REPLICAS),
    "log.cleanup.policy": ("compact", {}, lambda b, t: produced(b, t, key=None), 0, INVALID_RECORD),
    "log.retention.ms": ("60000", {"segment_bytes": 500}, loses_old_records, False, True),
    "log.retention.bytes": ("600", {"segment_bytes": 500}, loses_old_records, False, True),
    "log.flush.interval.messages": ("1", {}, syncs_soon, False, True),
    "log.flush.interval.ms": ("10", {}, syncs_soon, False, True),
    "log.message.timestamp.type": ("LogAppendTime", {}, append_time, False, True),
    "log.message.timestamp.before.max.ms": ("60000", {}, lambda b, t: produced(b, t, age_ms=3_600_000), 0,
                                            INVALID_TIMESTAMP),
    "log.message.timestamp.after.max.ms": ("60000", {}, lambda b, t: produced(b, t, age_ms=-1_800_000), 0,
                                           INVALID_TIMESTAMP),
    "log.message.timestamp.difference.max.ms": ("60000", {}, lambda b, t: produced(b, t, age_ms=3_600_000), 0,
                                                INVALID_TIMESTAMP),
    "log.message.downconversion.enable": ("false", {}, fetched_by_an_old_client, 0, UNSUPPORTED_VERSION),
    "log.roll.jitter.ms": ("3700000", {"segment_ms": 3_700_000}, rolls_earlier_now_and_then, False, True),
    "compression.type": ("gzip", {}, codec_on_disk, 0, batches.CODECS["gzip"]),
    "compression.gzip.level": ("1", {"compression_type": "gzip"},
                               lambda b, t: is_larger_than(b, t, gzip.compress(TEXT, 6)), False, True),
    "compression.lz4.level": ("1", {"compression_type": "lz4"},
                              lambda b, t: is_larger_than(b, t, lz4.frame.compress(
                                  TEXT, compression_level=9, block_size=lz4.frame.BLOCKSIZE_MAX64KB,
                                  block_linked=False)),
                              True, False),  # Java's library is fast at its default, and thorough at every other level
    "compression.zstd.level": ("-50", {"compression_type": "zstd"},
                               lambda b, t: is_larger_than(b, t, zstandard.compress(TEXT, 3)), False, True),
    "transaction.partition.verification.enable": ("false", {}, transactional, INVALID_TXN_STATE, 0),
    "producer.id.expiration.ms": ("500", {}, forgets_producers, False, True),
}
