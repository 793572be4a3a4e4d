"""compression.type: batches are stored in the topic's codec, whatever the producer sent, and every client reads them."""

import struct

import pytest

import batches
import clients
import log_files
import wire
from batches import CODECS, Record

TIMESTAMP = 1_700_000_000_000
MESSAGE_TOO_LARGE, INVALID_TIMESTAMP, CORRUPT_MESSAGE, UNSUPPORTED_COMPRESSION_TYPE = 10, 32, 2, 76
TARGETS = {"uncompressed": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
EVERY_TARGET = pytest.mark.parametrize("target", TARGETS)
READERS = [client for client in clients.ALL if not clients.too_old(client)]


@pytest.fixture
def connection(broker):
    with wire.Connection(broker) as connection:
        yield connection


def records():
    found = [Record(b"again and again " * 200, key=b"k", headers=[("trace", b"42"), ("empty", b"")]),
             Record(None, key=b"tombstone"), Record(b"no key")]
    found += [Record(b"value %d" % number, key=b"k%d" % (number % 7)) for number in range(500)]
    for number, record in enumerate(found):
        record.timestamp = TIMESTAMP + number * 3 % 100
    return found


def stored(broker, topic):
    return [batch for _, batch in log_files.read_batches(broker.partition_dir(topic), 0)]


def content(found):
    return [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in found]


@EVERY_TARGET
def test_every_codec_becomes_the_topics_and_every_client_reads_it(broker, topic, connection, target):
    wire.create_topic(broker, topic, compression_type=target)
    for codec in CODECS:
        assert wire.produce(connection, topic, batches.encode(records(), codec)).error_code == 0
    found = stored(broker, topic)
    assert [batch.attributes for batch in found] == [TARGETS[target]] * len(CODECS)
    assert all(batch.crc == batch.computed_crc and batch.record_count == len(records()) for batch in found)
    expected = [record for _ in CODECS for record in records()]
    for offset, record in enumerate(expected):
        record.offset = offset
    assert content(r for batch in found for r in batch.records()) == content(expected)
    for reader in READERS:
        if (target == "uncompressed" or target in reader.codecs) and ("kafkajs", target) not in reader.cannot_read:
            assert content(reader.consume(broker, topic, len(expected))) == content(expected), reader.name


@EVERY_TARGET
def test_a_batch_in_the_right_codec_stays_to_the_byte(broker, topic, connection, target):
    wire.create_topic(broker, topic, compression_type=target)
    codec = "none" if target == "uncompressed" else target
    sent = batches.encode(records(), codec)
    wire.produce(connection, topic, sent)
    on_disk = log_files.segment_file(broker.partition_dir(topic), 0, "log").read_bytes()
    assert on_disk[:12] + struct.pack(">i", -1) + on_disk[16:] == sent, "but for the leader's epoch"


@EVERY_TARGET
def test_append_time_is_stamped_on_what_is_compressed_anew(broker, topic, connection, target):
    wire.create_topic(broker, topic, compression_type=target, message_timestamp_type="LogAppendTime")
    answer = wire.produce(connection, topic, batches.encode(records(), "gzip" if target != "gzip" else "lz4"))
    [batch] = stored(broker, topic)
    assert batch.attributes == TARGETS[target] | 8 and batch.crc == batch.computed_crc
    assert batch.max_timestamp == answer.log_append_time_ms > TIMESTAMP
    consumed = clients.ConfluentKafka().consume(broker, topic, len(records()))
    assert {record.timestamp for record in consumed} == {answer.log_append_time_ms}


def test_the_largest_timestamp_is_put_right(broker, topic, connection):
    wire.create_topic(broker, topic, compression_type="zstd")
    wire.produce(connection, topic, batches.encode(records(), "gzip", max_timestamp=1))
    assert stored(broker, topic)[0].max_timestamp == max(record.timestamp for record in records())


@EVERY_TARGET
@pytest.mark.parametrize("magic", [0, 1])
def test_message_sets_go_to_the_topics_codec_too(broker, topic, connection, target, magic):
    from test_message_sets import message_set
    wire.create_topic(broker, topic, compression_type=target)
    for codec in ["none", "gzip", "snappy", "lz4"]:
        data = message_set(magic, b"one" * 100, b"two", codec=codec)
        assert wire.produce(connection, topic, data, version=2).error_code == 0
    found = stored(broker, topic)
    assert {(batch.magic, batch.attributes & 7) for batch in found} == {(2, TARGETS[target])}
    assert [r.value for batch in found for r in batch.records()] == [b"one" * 100, b"two"] * 4


def test_what_is_wrong_is_named_and_not_written(broker, topic, connection):
    wire.create_topic(broker, topic, compression_type="zstd", max_message_bytes=4000,
                      message_timestamp_after_max_ms=1)
    good = batches.encode([Record(b"v" * 1000)], "gzip")
    damaged = good[:-1] + bytes([good[-1] ^ 1])
    assert wire.produce(connection, topic, damaged).error_code == CORRUPT_MESSAGE
    large = batches.encode([Record(b"v" * 5000)])
    assert wire.produce(connection, topic, large).error_code == MESSAGE_TOO_LARGE
    late = batches.encode([Record(b"a"), Record(b"b", timestamp=TIMESTAMP * 2)], "gzip")
    answer = wire.produce(connection, topic, late)
    assert answer.error_code == INVALID_TIMESTAMP
    assert [error.batch_index for error in answer.record_errors] == [1]
    assert wire.produce(connection, topic, good).base_offset == 0
    zstd = batches.encode([Record(b"v")], "zstd")
    assert wire.produce(connection, topic, zstd, version=6).error_code == UNSUPPORTED_COMPRESSION_TYPE
    assert wire.produce(connection, topic, good, version=3).base_offset == 1, "the producer knows no zstd, and need not"
    assert [batch.attributes & 7 for batch in stored(broker, topic)] == [4, 4]


def test_a_batch_that_outgrows_the_limit_when_it_is_decompressed_is_refused(broker, topic, connection):
    wire.create_topic(broker, topic, compression_type="uncompressed", max_message_bytes=4000)
    small = batches.encode([Record(b"v" * 5000)], "gzip")
    assert len(small) < 4000
    assert wire.produce(connection, topic, small).error_code == MESSAGE_TOO_LARGE
    assert wire.produce(connection, topic, batches.encode([Record(b"v" * 3000)], "gzip")).base_offset == 0


def test_partitions_of_one_request_fail_each_for_itself(broker, topic, connection):
    wire.create_topic(broker, topic, partitions=3, compression_type="gzip")
    good = batches.encode(records(), "lz4")
    answer = connection.ask(wire.PRODUCE, 11, topic_data=[{"name": topic, "partition_data": [
        {"index": 0, "records": good}, {"index": 1, "records": good[:-1] + b"x"},
        {"index": 2, "records": batches.encode(records(), "gzip")}, {"index": 3, "records": good}]}])
    outcomes = [(p.error_code, p.base_offset) for p in answer.responses[0].partition_responses]
    assert outcomes == [(0, 0), (CORRUPT_MESSAGE, -1), (0, 0), (3, -1)]


def test_levels_have_an_effect_and_the_brokers_codec_is_the_default(new_broker, topic):
    broker = new_broker(compression_type="gzip", compression_gzip_level=1).start()
    wire.create_topic(broker, topic)
    wire.create_topic(broker, topic + "-hard", compression_gzip_level=9)
    wire.create_topic(broker, topic + "-producer", compression_type="producer")
    sent = batches.encode(records(), "lz4")
    sizes = []
    with wire.Connection(broker) as connection:
        for name, codec in [(topic, 1), (topic + "-hard", 1), (topic + "-producer", 3)]:
            wire.produce(connection, name, sent)
            [batch] = stored(broker, name)
            assert batch.attributes == codec
            sizes.append(batch.size)
    assert sizes[1] < sizes[0] and sizes[2] == len(sent)


def test_lz4_frames_are_those_of_kafka(broker, topic, connection):
    wire.create_topic(broker, topic, compression_type="lz4")
    wire.produce(connection, topic, batches.encode([Record(bytes(range(256)) * 1000)]))
    [batch] = stored(broker, topic)
    magic, flags, block = struct.unpack_from("<IBB", batch.payload)
    assert (magic, flags, block) == (0x184D2204, 0x60, 0x40), "independent blocks of 64 KiB, no content checksum or size"


def test_snappy_is_framed_as_java_does(broker, topic, connection):
    wire.create_topic(broker, topic, compression_type="snappy")
    wire.produce(connection, topic, batches.encode([Record(bytes(range(256)) * 1000)]))
    assert stored(broker, topic)[0].payload.startswith(b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1))
