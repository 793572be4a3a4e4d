"""Whatever bytes come, the answer is Kafka's precise error or a closed connection that the log tells of, and nobody else
notices."""

import random
import re
import struct

import pytest

import batches
import log_files
import wire
from batches import Record

CORRUPT_MESSAGE, INVALID_RECORD, UNSUPPORTED_VERSION, UNKNOWN_TOPIC, INVALID_TOPIC = 2, 87, 35, 3, 17
UNSUPPORTED_FOR_MESSAGE_FORMAT = 43
MESSAGE_TOO_LARGE, INVALID_REQUIRED_ACKS, RECORD_LIST_TOO_LARGE, INVALID_TIMESTAMP = 10, 21, 18, 32


@pytest.fixture(scope="module")
def neighbour(broker):
    """A well-behaved client that keeps its connection for all of these tests."""
    wire.create_topic(broker, "neighbour")
    with wire.Connection(broker) as connection:
        yield connection


@pytest.fixture(autouse=True)
def nobody_is_disturbed(broker, neighbour):
    pid = broker.pid
    before = broker.resident_bytes()
    yield
    assert wire.produce(neighbour, "neighbour", batches.encode([Record(b"calm")])).error_code == 0
    assert broker.is_running() and broker.pid == pid
    assert broker.resident_bytes() < before + 50_000_000, "bad input takes no memory"


def header(api_key, version, correlation_id=1, client_id=b"\0\x01x"):
    return struct.pack(">hhi", api_key, version, correlation_id) + client_id


def framed(frame):
    return struct.pack(">i", len(frame)) + frame


CLOSED = {
    "a negative length": struct.pack(">i", -1),
    "the most negative length": struct.pack(">i", -2**31),
    "a length over socket.request.max.bytes": struct.pack(">i", 104857601),
    "the largest length": struct.pack(">i", 2**31 - 1),
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a TLS hello": bytes.fromhex("16030100f8010000f40303") + bytes(200),
    "an empty frame": framed(b""),
    "a frame of one byte": framed(b"\0"),
    "half a header": framed(b"\0\x03\0\x01"),
    "an unknown api": framed(header(999, 0)),
    "a negative api": framed(header(-1, 0)),
    "an api that is not advertised": framed(header(10, 0) + b"\0\x05group"),
    "a version too new": framed(header(3, 99) + bytes(20)),
    "a negative version": framed(header(3, -1) + bytes(20)),
    "a client id longer than the frame": framed(header(3, 1, client_id=b"\x7f\xff") + b"abc"),
    "a body cut short": framed(header(3, 1) + b"\0\0"),
    "a huge count": framed(header(3, 1) + struct.pack(">i", 2**31 - 1)),
    "a string longer than the frame": framed(header(3, 1) + struct.pack(">ih", 1, 30000) + b"abc"),
    "a negative string length": framed(header(3, 1) + struct.pack(">ih", 1, -5) + b"abc"),
    "a null where none may be": framed(header(3, 1) + struct.pack(">ih", 1, -1)),
    "a huge compact count": framed(header(3, 12) + b"\0" + b"\xff\xff\xff\xff\x07" + bytes(10)),
    "a varint without an end": framed(header(3, 12) + b"\0" + b"\xff" * 20),
    "huge tagged fields": framed(header(3, 12) + b"\xff\xff\xff\xff\x0f" + bytes(10)),
    "huge records": framed(header(0, 8) + struct.pack(">hhiih1sii", -1, 1, 1000, 1, 1, b"t", 1, 0) + b"\x7f\xff\xff\xff"),
}


@pytest.mark.parametrize("what", CLOSED)
def test_the_connection_is_closed_and_the_log_names_the_peer(broker, what):
    with wire.Connection(broker) as connection:
        connection.send(CLOSED[what])
        assert connection.is_closed()
        broker.wait_for_log(re.escape(connection.name))
        assert len(re.findall(re.escape(connection.name), broker.log())) == 1, "one line, not more"


def test_random_bytes_harm_nobody(broker):
    generator = random.Random(seed := 20240607)
    print("seed", seed)
    for _ in range(200):
        with wire.Connection(broker) as connection:
            try:
                connection.send(generator.randbytes(generator.randrange(1, 3000)))
            except (BrokenPipeError, ConnectionResetError):
                pass  # closed while still being written to


def test_random_bodies_of_every_advertised_request_harm_nobody(broker):
    """Whatever is answered, the next request over a new connection is."""
    generator = random.Random(seed := 20240608)
    print("seed", seed)
    ranges = {api.api_key: api for api in wire.ask(broker, wire.API_VERSIONS).api_keys}
    for key, api in ranges.items():
        if key in (4, 5, 6):
            continue  # a controller's commands are obeyed, even nonsense
        for _ in range(15):
            with wire.Connection(broker) as connection:
                version = generator.randint(api.min_version, api.max_version)
                connection.send_frame(header(key, version) + generator.randbytes(generator.randrange(0, 200)))
    assert wire.ask(broker, wire.API_VERSIONS).error_code == 0


def test_mutated_requests_harm_nobody(broker, topic):
    generator = random.Random(seed := 20240609)
    print("seed", seed)
    wire.create_topic(broker, topic)
    batch = batches.encode([Record(b"value", key=b"key")] * 3)
    sound = [wire.PRODUCE.encode(9, 1, topic_data=[{"name": topic, "partition_data": [{"index": 0, "records": batch}]}]),
             wire.FETCH.encode(12, 1, max_wait_ms=0, topics=[{"topic": topic, "partitions": [{"partition": 0}]}]),
             wire.METADATA.encode(12, 1, topics=[{"name": topic}]),
             wire.LIST_OFFSETS.encode(9, 1, topics=[{"name": topic, "partitions": [{"timestamp": -1}]}])]
    for _ in range(300):
        frame = bytearray(generator.choice(sound))
        for _ in range(generator.randint(1, 4)):
            frame[generator.randrange(8, len(frame))] = generator.randrange(256)
        with wire.Connection(broker) as connection:
            connection.send_frame(bytes(frame))
    assert wire.ask(broker, wire.API_VERSIONS).error_code == 0


def test_a_truncated_frame_is_waited_for_and_dropped_with_its_connection(broker):
    with wire.Connection(broker) as connection:
        connection.send(framed(wire.METADATA.encode(12, 1, topics=None))[:-3])
    with wire.Connection(broker) as connection:
        frame = framed(wire.METADATA.encode(12, 1, topics=None))
        for byte in frame:
            connection.send(bytes([byte]))
        assert connection.answer(wire.METADATA, 12, 1).brokers


@pytest.mark.parametrize("version", [5, 99, 32767])
def test_an_unknown_version_of_api_versions_is_answered_in_version_0(broker, version):
    with wire.Connection(broker) as connection:
        connection.send_frame(header(18, version, correlation_id=7) + b"\0\x04any\x04any\0")
        answer = connection.answer(wire.API_VERSIONS, 0, 7)
        assert answer.error_code == UNSUPPORTED_VERSION
        assert [(a.api_key, a.min_version, a.max_version) for a in answer.api_keys] == [(18, 0, 4)]
        assert connection.ask(wire.API_VERSIONS).error_code == 0, "the client may try again"


SOUND = [Record(b"one"), Record(b"two"), Record(b"three")]
LIES = {
    "a wrong crc": (dict(crc=12345), {CORRUPT_MESSAGE}),
    "more records than there are": (dict(record_count=5), {INVALID_RECORD}),
    "fewer records than there are": (dict(record_count=2), {INVALID_RECORD}),
    "no records": (dict(record_count=0, last_offset_delta=-1), {INVALID_RECORD}),
    "a negative count": (dict(record_count=-1), {INVALID_RECORD, CORRUPT_MESSAGE}),
    "a huge count": (dict(record_count=2**31 - 1, last_offset_delta=2**31 - 2), {INVALID_RECORD, CORRUPT_MESSAGE}),
    "a last offset that doesn't fit": (dict(last_offset_delta=9), {INVALID_RECORD}),
    "a length beyond the end": (dict(length=10_000), {INVALID_RECORD, CORRUPT_MESSAGE}),
    "a length too small": (dict(length=20), {INVALID_RECORD, CORRUPT_MESSAGE}),
    "a negative length": (dict(length=-5), {INVALID_RECORD, CORRUPT_MESSAGE}),
    "magic 3": (dict(magic=3), {INVALID_RECORD, CORRUPT_MESSAGE}),
    "magic 1": (dict(magic=1), {INVALID_RECORD, CORRUPT_MESSAGE, UNSUPPORTED_FOR_MESSAGE_FORMAT}),
    "an unknown codec": (dict(attributes=7), {INVALID_RECORD, CORRUPT_MESSAGE, 76}),
    "gzip that is none": (dict(attributes=1), {INVALID_RECORD, CORRUPT_MESSAGE}),
    "zstd that is none": (dict(attributes=4), {INVALID_RECORD, CORRUPT_MESSAGE}),
    "a control batch": (dict(attributes=0x20), {INVALID_RECORD}),
    "a base offset": (dict(base_offset=7), {INVALID_RECORD, 0}),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_batch_that_lies_is_refused_and_not_written(broker, topic, lie):
    wire.create_topic(broker, topic)
    fields, errors = LIES[lie]
    with wire.Connection(broker) as connection:
        answer = wire.produce(connection, topic, batches.encode(SOUND, **fields))
        assert answer.error_code in errors
        if answer.error_code:
            assert answer.base_offset == -1
            written = wire.produce(connection, topic, batches.encode(SOUND))
            assert (written.error_code, written.base_offset) == (0, 0), "nothing had been written"


NOT_ONE_BATCH = {
    "nothing": (b"", {INVALID_RECORD}),
    "null": (None, {INVALID_RECORD}),
    "garbage": (bytes(range(256)), {INVALID_RECORD, CORRUPT_MESSAGE}),
    "two batches": (batches.encode(SOUND) * 2, {INVALID_RECORD}),
}


@pytest.mark.parametrize("what", NOT_ONE_BATCH)
def test_records_that_are_not_one_batch_are_refused(broker, topic, what):
    wire.create_topic(broker, topic)
    records, errors = NOT_ONE_BATCH[what]
    with wire.Connection(broker) as connection:
        assert wire.produce(connection, topic, records).error_code in errors
        assert wire.produce(connection, topic, batches.encode(SOUND)).base_offset == 0


def test_a_batch_over_max_message_bytes_is_refused(broker, topic):
    wire.create_topic(broker, topic, max_message_bytes=500)
    with wire.Connection(broker) as connection:
        assert wire.produce(connection, topic, batches.encode([Record(b"x" * 600)])).error_code == MESSAGE_TOO_LARGE


def test_a_batch_over_segment_bytes_is_refused(broker, topic):
    wire.create_topic(broker, topic, segment_bytes=1000)
    with wire.Connection(broker) as connection:
        answer = wire.produce(connection, topic, batches.encode([Record(b"x" * 1200)]))
        assert answer.error_code == RECORD_LIST_TOO_LARGE


def test_unknown_acks_are_refused(broker, topic):
    wire.create_topic(broker, topic)
    with wire.Connection(broker) as connection:
        assert wire.produce(connection, topic, batches.encode(SOUND), acks=2).error_code == INVALID_REQUIRED_ACKS


def test_an_error_without_acks_closes_the_connection(broker, topic):
    """The producer has no other way to learn of it."""
    with wire.Connection(broker) as connection:
        connection.tell(wire.PRODUCE, 9, acks=0, topic_data=[
            {"name": topic, "partition_data": [{"index": 0, "records": batches.encode(SOUND)}]}])
        assert connection.is_closed()


def test_a_timestamp_outside_what_the_topic_allows_is_refused(broker, topic):
    wire.create_topic(broker, topic, message_timestamp_before_max_ms=1000)
    with wire.Connection(broker) as connection:
        answer = wire.produce(connection, topic, batches.encode([Record(b"old", timestamp=1)]))
        assert answer.error_code == INVALID_TIMESTAMP
        assert answer.error_message


def test_a_record_without_key_is_refused_by_a_compacted_topic(broker, topic):
    wire.create_topic(broker, topic, cleanup_policy="compact")
    with wire.Connection(broker) as connection:
        answer = wire.produce(connection, topic, batches.encode([Record(b"v", key=b"k"), Record(b"no key")]))
        assert answer.error_code == INVALID_RECORD
        assert [error.batch_index for error in answer.record_errors] == [1]
        assert answer.error_message


def _files(broker):
    """All that lies in the broker's folder; checkpoints come and go with the time."""
    return sorted(path.name for path in broker.folder.rglob("*") if "checkpoint" not in path.name)


@pytest.mark.parametrize("name", ["a/b", "..", "../kafka-logs", "", "x" * 300, "a\0b"],
                         ids=["slash", "dots", "way-out", "empty", "long", "zero-byte"])
def test_paths_are_no_topic_names(broker, name):
    before = _files(broker)
    with wire.Connection(broker) as connection:
        assert wire.produce(connection, name, batches.encode(SOUND)).error_code in (UNKNOWN_TOPIC, INVALID_TOPIC)
        fetched = connection.ask(wire.FETCH, 12, max_wait_ms=0, topics=[{"topic": name, "partitions": [{"partition": 0}]}])
        assert fetched.responses[0].partitions[0].error_code in (UNKNOWN_TOPIC, INVALID_TOPIC)
        [found] = connection.ask(wire.METADATA, topics=[{"name": name}], allow_auto_topic_creation=True).topics
        assert found.error_code in (UNKNOWN_TOPIC, INVALID_TOPIC)
        deleted = connection.ask(wire.DELETE_TOPICS, topics=[{"name": name}]).responses[0]
        assert deleted.error_code in (UNKNOWN_TOPIC, INVALID_TOPIC)
    assert _files(broker) == before


@pytest.mark.parametrize("partition", [-1, 1, 2**31 - 1, -2**31])
def test_partitions_that_are_not_there(broker, topic, partition):
    wire.create_topic(broker, topic)
    with wire.Connection(broker) as connection:
        answer = wire.produce(connection, topic, batches.encode(SOUND), partition=partition)
        assert answer.error_code == UNKNOWN_TOPIC


class TestMetaProperties:
    """A log directory of another broker or cluster is refused; the message says what to do."""

    @pytest.fixture
    def changed(self, new_broker):
        """Starts a broker once, stops it, changes a line of its meta.properties, and starts it again."""
        def start_with(key, value):
            broker = new_broker().start()
            assert broker.stop() == 0
            file = broker.log_dir / "meta.properties"
            old_value = log_files.read_properties(file)[key]
            file.write_text(file.read_text().replace(f"{key}={old_value}", f"{key}={value}"))
            broker.launch()
            return broker, file, old_value
        return start_with

    def test_of_another_broker(self, changed):
        broker, file, own_id = changed("broker.id", "77")
        assert broker.wait_for_exit() == 1
        assert re.search(rf"\b{own_id}\b", broker.log()) and re.search(r"\b77\b", broker.log()), "names both ids"
        assert str(file) in broker.log() and "broker.id" in broker.log(), "names both places"

    def test_of_another_cluster(self, changed):
        other = "AAAAAAAAAAAAAAAAAAAAAQ"
        broker, file, own_id = changed("cluster.id", other)
        assert broker.wait_for_exit() == 1
        assert own_id in broker.log() and other in broker.log(), "names both ids"
        assert str(file) in broker.log() and broker.options["zookeeper.connect"] in broker.log(), "names both places"

    def test_of_another_version(self, changed):
        broker, file, _ = changed("version", "9")
        assert broker.wait_for_exit() == 1
        assert str(file) in broker.log()


def test_a_refused_batch_is_told_why(neighbour):
    answer = wire.produce(neighbour, "no-such-topic", batches.encode([Record(b"x")]))
    assert answer.error_code == 3
    assert "no-such-topic-0" in answer.error_message


@pytest.mark.parametrize("key, value", [
    ("num.partitions", "0"), ("num.partitions", "many"), ("listeners", "nonsense"), ("log.segment.bytes", "3"),
    ("compression.type", "rar"), ("auto.create.topics.enable", "perhaps"), ("broker.id", "-7")])
def test_a_bad_option_is_refused_at_start(new_broker, key, value):
    broker = new_broker()
    broker.options[key] = value
    broker.launch()
    assert broker.wait_for_exit() == 1
    assert key in broker.log() and value in broker.log()
