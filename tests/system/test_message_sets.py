"""Message sets of magic 0 and 1 in Produce 0 to 2 and Fetch 0 to 3, with all that no sound client would send."""

import struct

import kafka.record
import pytest
from kafka.record.legacy_records import LegacyRecordBatchBuilder

import batches
import log_files
import wire
from batches import CODECS, Record

CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP, UNSUPPORTED_VERSION = 2, 10, 32, 35
UNSUPPORTED_COMPRESSION_TYPE, INVALID_RECORD = 76, 87
TIMESTAMP = 1_700_000_000_000
EVERY_CODEC = pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4"])


@pytest.fixture
def connection(broker):
    with wire.Connection(broker) as connection:
        yield connection


def message_set(magic, *values, codec="none", timestamp=TIMESTAMP, key=b"k"):
    builder = LegacyRecordBatchBuilder(magic=magic, compression_type=CODECS[codec], batch_size=1 << 30)
    for offset, value in enumerate(values):
        builder.append(offset, timestamp, key, value)
    return bytes(builder.build())


def messages(data):
    """(offset, timestamp, value) of what a fetch brought, decoded by kafka-python."""
    source, found = kafka.record.MemoryRecords(data), []
    while source.has_next():
        batch = source.next_batch()
        assert batch.validate_crc()
        found += [(record.offset, record.timestamp, record.value) for record in batch]
    return found


def fetch(connection, version, topic, *offsets, **limits):
    answer = connection.ask(wire.FETCH, version, max_wait_ms=0, topics=[{"topic": topic, "partitions": [
        {"partition": partition, "fetch_offset": offset, **limits} for partition, offset in enumerate(offsets)]}])
    return answer.responses[0].partitions


class TestProduce:
    @pytest.mark.parametrize("version", [0, 1, 2])
    @pytest.mark.parametrize("magic", [0, 1])
    def test_either_magic_is_taken_by_every_old_version(self, broker, topic, connection, version, magic):
        wire.create_topic(broker, topic)
        for number in range(2):
            answer = wire.produce(connection, topic, message_set(magic, b"a", b"b"), version=version)
            assert (answer.error_code, answer.base_offset) == (0, number * 2)
        [found] = fetch(connection, 2, topic, 0)
        assert messages(found.records) == [
            (n, TIMESTAMP if magic == 1 else -1, [b"a", b"b"][n % 2]) for n in range(4)]

    @pytest.mark.parametrize("version", [3, 11])
    def test_later_versions_take_batches_only(self, broker, topic, connection, version):
        wire.create_topic(broker, topic)
        assert wire.produce(connection, topic, message_set(1, b"a"), version=version).error_code == INVALID_RECORD

    def test_an_old_version_may_bring_a_batch(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        assert wire.produce(connection, topic, batches.encode([Record(b"v")]), version=2).error_code == 0

    @pytest.mark.parametrize("what, data, error", [
        ("a wrong checksum", message_set(1, b"a", b"b")[:-1] + b"x", CORRUPT_MESSAGE),
        ("an unknown magic", message_set(1, b"a").replace(b"\x01\0", b"\x07\0", 1), CORRUPT_MESSAGE),
        ("two wrappers", message_set(1, b"a", codec="gzip") * 2, INVALID_RECORD),
        ("mixed magic", message_set(0, b"a") + message_set(1, b"b"), INVALID_RECORD),
        ("a cut message", message_set(0, b"a", b"b")[:-3], INVALID_RECORD),
        ("nothing", b"", INVALID_RECORD),
        ("a negative timestamp", message_set(1, b"a", timestamp=-7), INVALID_TIMESTAMP),
        ("a large message", message_set(0, b"x" * 3000), MESSAGE_TOO_LARGE),
    ], ids=lambda value: value if isinstance(value, str) else "")
    def test_what_is_wrong_is_named_and_not_written(self, broker, topic, connection, what, data, error):
        wire.create_topic(broker, topic, max_message_bytes=2000)
        answer = wire.produce(connection, topic, data, version=2)
        assert (answer.error_code, answer.base_offset) == (error, -1)
        assert wire.produce(connection, topic, message_set(1, b"good"), version=2).base_offset == 0

    def test_a_compacted_topic_wants_keys(self, broker, topic, connection):
        wire.create_topic(broker, topic, cleanup_policy="compact")
        answer = wire.produce(connection, topic, message_set(1, b"v", key=None), version=2)
        assert answer.error_code == INVALID_RECORD

    def test_the_append_time_is_told_and_kept(self, broker, topic, connection):
        wire.create_topic(broker, topic, message_timestamp_type="LogAppendTime")
        answer = wire.produce(connection, topic, message_set(0, b"a", b"b", codec="gzip"), version=2)
        assert answer.log_append_time_ms > TIMESTAMP
        [found] = fetch(connection, 3, topic, 0)
        assert messages(found.records) == [(n, answer.log_append_time_ms, v) for n, v in enumerate([b"a", b"b"])]

    def test_partitions_fail_each_for_itself(self, broker, topic, connection):
        wire.create_topic(broker, topic, partitions=2)
        sets = [message_set(1, b"a")[:-1] + b"x", message_set(1, b"a"), message_set(1, b"a")]
        answer = connection.ask(wire.PRODUCE, 2, topic_data=[{"name": topic, "partition_data": [
            {"index": index, "records": data} for index, data in enumerate(sets)]}])
        assert [p.error_code for p in answer.responses[0].partition_responses] == [CORRUPT_MESSAGE, 0, 3]


class TestFetch:
    @pytest.mark.parametrize("version, magic", [(0, 0), (1, 0), (2, 1), (3, 1)])
    @EVERY_CODEC
    def test_versions_get_their_magic_in_the_batchs_codec(self, broker, topic, connection, version, magic, codec):
        wire.create_topic(broker, topic)
        wire.produce(connection, topic, batches.encode([Record(b"v" * 100, headers=[("a", b"1")])], codec))
        [found] = fetch(connection, version, topic, 0)
        assert found.records[16] == magic and found.records[17] == CODECS[codec]
        assert messages(found.records) == [(0, TIMESTAMP if magic == 1 else None, b"v" * 100)]

    def test_plain_records_begin_with_the_one_asked_for(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        wire.produce(connection, topic, batches.encode([Record(b"%d" % n) for n in range(10)]))
        [found] = fetch(connection, 1, topic, 7)
        assert [offset for offset, _, _ in messages(found.records)] == [7, 8, 9]

    def test_zstd_is_refused_where_it_comes_first_and_left_out_behind_others(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        wire.produce(connection, topic, batches.encode([Record(b"plain")]))
        wire.produce(connection, topic, batches.encode([Record(b"zstd")], "zstd"))
        [found] = fetch(connection, 3, topic, 0)
        assert (found.error_code, [value for _, _, value in messages(found.records)]) == (0, [b"plain"])
        [found] = fetch(connection, 3, topic, 1)
        assert (found.error_code, found.records) == (UNSUPPORTED_COMPRESSION_TYPE, b"")

    def test_a_topic_may_leave_old_consumers_out(self, broker, topic, connection):
        wire.create_topic(broker, topic, message_downconversion_enable="false")
        wire.produce(connection, topic, batches.encode([Record(b"v")]))
        assert fetch(connection, 3, topic, 0)[0].error_code == UNSUPPORTED_VERSION
        assert fetch(connection, 4, topic, 0)[0].error_code == 0

    def test_a_batch_over_the_limit_comes_whole_from_every_partition(self, broker, topic, connection):
        wire.create_topic(broker, topic, partitions=2)
        for partition in range(2):
            wire.produce(connection, topic, batches.encode([Record(b"x" * 5000)], "none"), partition)
        found = fetch(connection, 2, topic, 0, 0, partition_max_bytes=1000)
        assert [len(messages(partition.records)) for partition in found] == [1, 1]

    def test_the_answer_grows_beyond_the_limit_by_the_first_batch_only(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        for _ in range(10):
            wire.produce(connection, topic, batches.encode([Record(b"tiny")] * 50))
        [found] = fetch(connection, 3, topic, 0, partition_max_bytes=4000)
        assert 50 <= len(messages(found.records)) < 200 and len(found.records) <= 4000
        [first] = fetch(connection, 3, topic, 0, partition_max_bytes=1)
        assert len(messages(first.records)) == 50
        read = 0
        while read < 500:
            [found] = fetch(connection, 3, topic, read, partition_max_bytes=4000)
            assert messages(found.records)[0][0] == read
            read += len(messages(found.records))

    def test_a_damaged_batch_is_not_given_a_new_checksum(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        wire.produce(connection, topic, batches.encode([Record(b"value")]))
        with open(log_files.segment_file(broker.partition_dir(topic), 0, "log"), "r+b") as file:
            file.seek(-2, 2)
            file.write(struct.pack(">b", 0x55))
        assert fetch(connection, 3, topic, 0)[0].error_code == CORRUPT_MESSAGE
