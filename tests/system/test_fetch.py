"""Fetch: long polling, limits of size, sessions and topic ids."""

import threading
import time
import uuid

import kafka.record
import pytest

import batches
import log_files
import wire
from batches import Record

OFFSET_OUT_OF_RANGE, CORRUPT_MESSAGE, UNKNOWN_TOPIC, UNKNOWN_TOPIC_ID = 1, 2, 3, 100
SESSION_NOT_FOUND, INVALID_SESSION_EPOCH = 70, 71
FENCED_EPOCH, UNKNOWN_EPOCH, SESSION_TOPIC_ID_ERROR = 74, 75, 106


@pytest.fixture
def connection(broker):
    with wire.Connection(broker) as connection:
        yield connection


def produce(broker, topic, *values, partition=0):
    """One batch for each value."""
    with wire.Connection(broker) as connection:
        for value in values:
            assert wire.produce(connection, topic, batches.encode([Record(value)]), partition).error_code == 0


def wanted(topic, *offsets, **limits):
    """The partitions 0, 1, ... of a topic from these offsets on."""
    name = {"topic_id": topic} if isinstance(topic, uuid.UUID) else {"topic": topic}
    return [{**name, "partitions": [{"partition": partition, "fetch_offset": offset, **limits}
                                    for partition, offset in enumerate(offsets)]}]


def values(partition):
    return [record.value for batch in batches.decode(partition.records or b"") for record in batch.records()]


def fetch_one(connection, version, topics, **options):
    answer = connection.ask(wire.FETCH, version, topics=topics, **{"max_wait_ms": 0, **options})
    return answer.responses[0].partitions[0]


@pytest.mark.parametrize("version", range(4, 18))
def test_every_version_reads_the_same_records(broker, topic, connection, version):
    topic_id = wire.create_topic(broker, topic)
    produce(broker, topic, b"a", b"b", b"c")
    found = fetch_one(connection, version, wanted(topic_id if version >= 13 else topic, 1))
    assert (found.error_code, found.high_watermark, found.last_stable_offset) == (0, 3, 3)
    assert values(found) == [b"b", b"c"]


@pytest.mark.parametrize("version", range(0, 4))
def test_versions_before_record_batches_get_old_messages(broker, topic, connection, version):
    """Decoded by kafka-python, which still knows magic 0 and 1."""
    wire.create_topic(broker, topic)
    produce(broker, topic, b"a", b"b", b"c")
    found = fetch_one(connection, version, wanted(topic, 0))
    assert found.error_code == 0
    messages, records = kafka.record.MemoryRecords(found.records), []
    while messages.has_next():
        batch = messages.next_batch()
        assert batch.magic == (1 if version >= 2 else 0) if hasattr(batch, "magic") else True
        records += [(record.offset, record.value) for record in batch]
    assert records == [(0, b"a"), (1, b"b"), (2, b"c")]


@pytest.mark.parametrize("version", range(3, 12))
def test_every_version_of_produce(broker, topic, connection, version):
    wire.create_topic(broker, topic)
    for number in range(2):
        answer = wire.produce(connection, topic, batches.encode([Record(b"v")] * 2), version=version)
        assert (answer.error_code, answer.base_offset, answer.log_append_time_ms) == (0, number * 2, -1)


def test_log_append_time_is_given_to_records_and_producer(broker, topic, connection):
    wire.create_topic(broker, topic, message_timestamp_type="LogAppendTime")
    answer = wire.produce(connection, topic, batches.encode([Record(b"v", timestamp=5)]))
    assert abs(answer.log_append_time_ms / 1000 - time.time()) < 60
    [batch] = batches.decode(fetch_one(connection, 12, wanted(topic, 0)).records)
    assert batch.attributes & 8 and batch.max_timestamp == answer.log_append_time_ms
    assert batch.crc == batch.computed_crc


class TestLongPolling:
    def test_an_empty_answer_comes_after_max_wait(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        began = time.monotonic()
        found = fetch_one(connection, 12, wanted(topic, 0), max_wait_ms=700)
        assert (found.error_code, values(found)) == (0, [])
        assert 0.69 <= time.monotonic() - began < 1.2

    def test_without_waiting_it_comes_at_once(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        began = time.monotonic()
        assert values(fetch_one(connection, 12, wanted(topic, 0), max_wait_ms=0)) == []
        assert time.monotonic() - began < 0.3

    def test_min_bytes_of_zero_waits_for_nothing(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        began = time.monotonic()
        assert values(fetch_one(connection, 12, wanted(topic, 0), max_wait_ms=5000, min_bytes=0)) == []
        assert time.monotonic() - began < 1

    def test_a_record_that_comes_ends_the_waiting(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        later = threading.Timer(0.3, produce, (broker, topic, b"news"))
        later.start()
        began = time.monotonic()
        assert values(fetch_one(connection, 12, wanted(topic, 0), max_wait_ms=10_000)) == [b"news"]
        assert 0.25 < time.monotonic() - began < 2
        later.join()

    def test_min_bytes_are_waited_for(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        values_sent = [b"x" * 900 for _ in range(3)]
        timers = [threading.Timer(0.2 * n, produce, (broker, topic, v)) for n, v in enumerate(values_sent, 1)]
        for timer in timers:
            timer.start()
        began = time.monotonic()
        found = fetch_one(connection, 12, wanted(topic, 0), max_wait_ms=10_000, min_bytes=2500)
        assert values(found) == values_sent
        assert 0.55 < time.monotonic() - began < 3
        for timer in timers:
            timer.join()

    def test_min_bytes_come_together_from_partitions_of_all_shards(self, new_broker, topic):
        broker = new_broker(num_shards=3).start()
        wire.create_topic(broker, topic, partitions=8)
        produce(broker, topic, b"before" + b"." * 900, partition=7)
        timers = [threading.Timer(0.1 * n, produce, (broker, topic, b"%d" % n + b"." * 900), {"partition": n})
                  for n in range(1, 6)]
        for timer in timers:
            timer.start()
        began = time.monotonic()
        with wire.Connection(broker) as connection:
            answer = connection.ask(wire.FETCH, 12, max_wait_ms=10_000, min_bytes=4500, topics=wanted(topic, *[0] * 8))
        assert 0.35 < time.monotonic() - began < 3
        found = {p.partition_index: [value.rstrip(b".") for value in values(p)]
                 for p in answer.responses[0].partitions}
        assert found == {**{n: [b"%d" % n] for n in range(1, 5)}, 0: [], 5: [], 6: [], 7: [b"before"]}
        for timer in timers:
            timer.join()

    def test_what_is_there_comes_when_min_bytes_do_not(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        produce(broker, topic, b"little")
        began = time.monotonic()
        found = fetch_one(connection, 12, wanted(topic, 0), max_wait_ms=500, min_bytes=100_000)
        assert values(found) == [b"little"]
        assert 0.49 <= time.monotonic() - began < 1.2

    def test_records_deleted_meanwhile_are_not_answered(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        produce(broker, topic, b"gone", b"there")
        up_to = {"topics": [{"name": topic, "partitions": [{"partition_index": 0, "offset": 1}]}]}
        later = threading.Timer(0.3, wire.ask, (broker, wire.DELETE_RECORDS), up_to)
        later.start()
        found = fetch_one(connection, 12, wanted(topic, 0), max_wait_ms=3000, min_bytes=100_000)
        assert (found.error_code, values(found), found.log_start_offset) == (OFFSET_OUT_OF_RANGE, [], -1)
        later.join()

    def test_an_error_does_not_wait(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        began = time.monotonic()
        assert fetch_one(connection, 12, wanted(topic, 99), max_wait_ms=5000).error_code == OFFSET_OUT_OF_RANGE
        assert time.monotonic() - began < 1

    def test_a_topic_deleted_meanwhile_ends_the_waiting(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        later = threading.Timer(0.3, wire.ask, (broker, wire.DELETE_TOPICS), {"topics": [{"name": topic}]})
        later.start()
        began = time.monotonic()
        found = fetch_one(connection, 12, wanted(topic, 0), max_wait_ms=15_000)
        assert found.error_code in (UNKNOWN_TOPIC, 6)
        assert time.monotonic() - began < 10
        later.join()


class TestSizes:
    def test_the_first_batch_comes_even_when_it_is_larger_than_every_limit(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        produce(broker, topic, b"x" * 50_000, b"y")
        found = fetch_one(connection, 12, wanted(topic, 0, partition_max_bytes=100), max_bytes=100)
        assert values(found) == [b"x" * 50_000]

    def test_partition_max_bytes_bound_what_comes(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        produce(broker, topic, *[b"x" * 1000] * 20)
        found = fetch_one(connection, 12, wanted(topic, 0, partition_max_bytes=5000))
        assert len(found.records) <= 5000
        assert len(values(found)) == 4

    def test_max_bytes_bound_all_partitions_together(self, broker, topic, connection):
        wire.create_topic(broker, topic, partitions=4)
        for partition in range(4):
            produce(broker, topic, *[b"x" * 1000] * 10, partition=partition)
        answer = connection.ask(wire.FETCH, 12, max_wait_ms=0, max_bytes=15_000, topics=wanted(topic, 0, 0, 0, 0))
        sizes = [len(p.records or b"") for p in answer.responses[0].partitions]
        assert 10_000 < sum(sizes) <= 15_000

    def test_reading_starts_in_the_middle_of_a_batch(self, broker, topic, connection):
        wire.create_topic(broker, topic)
        wire.produce(connection, topic, batches.encode([Record(b"%d" % n) for n in range(10)]))
        found = fetch_one(connection, 12, wanted(topic, 7))
        assert values(found)[7:] == [b"7", b"8", b"9"]

    def test_reading_goes_on_over_segments(self, broker, topic, connection):
        wire.create_topic(broker, topic, segment_bytes=3000)
        produce(broker, topic, *[b"%d" % n + b"." * 500 for n in range(30)])
        read = []
        while len(read) < 30:
            more = values(fetch_one(connection, 12, wanted(topic, len(read))))
            assert more
            read += more
        assert [int(value.rstrip(b".")) for value in read] == list(range(30))


@pytest.mark.parametrize("offset", [-1, 2, 2**62, -2**63])
def test_offsets_out_of_range_are_refused(broker, topic, connection, offset):
    wire.create_topic(broker, topic)
    produce(broker, topic, b"only")
    assert fetch_one(connection, 12, wanted(topic, offset)).error_code == OFFSET_OUT_OF_RANGE


def test_leader_epochs_are_checked(broker, topic, connection):
    wire.create_topic(broker, topic)
    assert fetch_one(connection, 12, wanted(topic, 0, current_leader_epoch=0)).error_code == 0
    assert fetch_one(connection, 12, wanted(topic, 0, current_leader_epoch=9)).error_code == UNKNOWN_EPOCH


def test_what_is_unknown_does_not_hide_what_is_known(broker, topic, connection):
    wire.create_topic(broker, topic)
    produce(broker, topic, b"known")
    answer = connection.ask(wire.FETCH, 12, topics=wanted("no-such-topic", 0) + wanted(topic, 0))
    found = {t.topic: t.partitions[0] for t in answer.responses}
    assert found["no-such-topic"].error_code == UNKNOWN_TOPIC
    assert values(found[topic]) == [b"known"]


def test_unknown_topic_ids_are_refused_one_by_one(broker, topic, connection):
    topic_id, unknown = wire.create_topic(broker, topic), uuid.uuid4()
    produce(broker, topic, b"known")
    answer = connection.ask(wire.FETCH, 13, max_wait_ms=0, topics=wanted(unknown, 0) + wanted(topic_id, 0))
    found = {t.topic_id: t.partitions[0] for t in answer.responses}
    assert found[unknown].error_code == UNKNOWN_TOPIC_ID
    assert values(found[topic_id]) == [b"known"]


class TestSessions:
    """Incremental fetch sessions (KIP-227): after the first answer only what has changed is sent, both ways."""

    @pytest.fixture(params=[11, 12, 13, 17])
    def session(self, request, broker, topic, connection):
        return Session(connection, request.param, topic, wire.create_topic(broker, topic, partitions=3))

    def test_only_partitions_with_news_are_answered(self, broker, topic, session):
        assert session.fetch(offsets={0: 0, 1: 0, 2: 0}) == {0: [], 1: [], 2: []}
        assert session.id != 0
        assert session.fetch() == {}
        produce(broker, topic, b"news", partition=1)
        assert session.fetch() == {1: [b"news"]}
        assert session.fetch(offsets={1: 1}) == {}

    def test_a_waiting_fetch_of_a_session_is_woken(self, broker, topic, session):
        session.fetch(offsets={0: 0, 1: 0, 2: 0})
        later = threading.Timer(0.3, produce, (broker, topic, b"late"), {"partition": 2})
        later.start()
        assert session.fetch(max_wait_ms=10_000) == {2: [b"late"]}
        later.join()

    def test_partitions_are_forgotten_and_added(self, broker, topic, session):
        session.fetch(offsets={0: 0, 1: 0})
        for partition in range(3):
            produce(broker, topic, b"%d" % partition, partition=partition)
        assert session.fetch(forget=[0], offsets={2: 0}) == {1: [b"1"], 2: [b"2"]}

    def test_an_error_is_told(self, session):
        session.fetch(offsets={0: 0})
        assert session.ask(offsets={0: 55}).responses[0].partitions[0].error_code == OFFSET_OUT_OF_RANGE

    def test_a_wrong_epoch_is_refused(self, session):
        session.fetch(offsets={0: 0})
        session.epoch += 5
        assert session.ask().error_code == INVALID_SESSION_EPOCH

    def test_an_unknown_session_is_refused(self, session):
        session.fetch(offsets={0: 0})
        session.id ^= 0x1234567
        assert session.ask().error_code == SESSION_NOT_FOUND

    def test_a_closed_session_is_gone(self, session):
        session.fetch(offsets={0: 0})
        old_id, session.epoch = session.id, -1
        answer = session.ask(offsets={0: 0})
        assert (answer.error_code, answer.session_id) == (0, 0)
        session.id, session.epoch = old_id, 1
        assert session.ask().error_code == SESSION_NOT_FOUND


def test_a_session_of_names_cannot_go_on_with_ids(broker, topic, connection):
    topic_id = wire.create_topic(broker, topic)
    session = Session(connection, 12, topic, topic_id)
    session.fetch(offsets={0: 0})
    session.version = 13
    assert session.ask(offsets={0: 0}).error_code == SESSION_TOPIC_ID_ERROR


class Session:
    """A fetch session over one topic; offsets and forgotten partitions are sent only where given."""

    def __init__(self, connection, version, topic, topic_id):
        self.connection, self.version = connection, version
        self._topic, self._topic_id = topic, topic_id
        self.id, self.epoch = 0, 0

    def ask(self, offsets=None, forget=(), max_wait_ms=0):
        name = {"topic_id": self._topic_id} if self.version >= 13 else {"topic": self._topic}
        answer = self.connection.ask(
            wire.FETCH, self.version, session_id=self.id, session_epoch=self.epoch, max_wait_ms=max_wait_ms,
            topics=[{**name, "partitions": [{"partition": p, "fetch_offset": o} for p, o in offsets.items()]}]
            if offsets else [],
            forgotten_topics_data=[{**name, "partitions": list(forget)}] if forget else [])
        if answer.error_code == 0:
            self.id, self.epoch = answer.session_id, self.epoch + 1
        return answer

    def fetch(self, **what):
        """{partition: values} of what was answered."""
        answer = self.ask(**what)
        assert answer.error_code == 0
        return {p.partition_index: values(p) for topic in answer.responses for p in topic.partitions}


def test_a_hole_in_a_segment_is_an_error_for_who_reads_there_and_for_nobody_else(new_broker, topic):
    broker = new_broker().start()
    wire.create_topic(broker, topic, segment_bytes=1000)
    produce(broker, topic, *[b"v" * 200] * 12)
    folder = broker.partition_dir(topic)
    assert log_files.segments(folder)[:3] == [0, 3, 6]
    path = log_files.segment_file(folder, 3, "log")
    position, hole = log_files.read_batches(folder, 3)[1]
    with path.open("r+b") as file:
        file.seek(position)
        file.write(bytes(hole.size))
    with wire.Connection(broker) as connection:
        for _ in range(3):
            for offset, error in [(2, 0), (3, 0), (4, CORRUPT_MESSAGE), (6, 0), (11, 0)]:
                found = fetch_one(connection, 11, wanted(topic, offset, partition_max_bytes=1))
                assert found.error_code == error, f"offset {offset}"
                assert values(found) == ([] if error else [b"v" * 200])
    lines = [line for line in broker.log().splitlines() if "is no batch" in line]
    assert len(lines) == 1 and str(path) in lines[0] and f"position {position}" in lines[0]
