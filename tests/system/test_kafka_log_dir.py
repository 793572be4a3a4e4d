"""A log directory that Java Kafka left, byte by byte (kafka_log_dir.py), is taken over as it is: after a clean stop and
after a kill -9. What is left of it in turn is what Kafka's own checks let pass."""

import json
import struct

import confluent_kafka
import kafka
import pytest

import batches
import kafka_log_dir as java
import log_files
import processes
import wire
from batches import Record

T = 1_700_000_000_000
UNKNOWN = -1
PRODUCER = (7001, 3)


def value(number, size=60):
    return b"%06d-" % number + b"v" * size


def plain_segments():
    """Every codec, two epochs, append times; four closed segments' worth of index entries in small."""
    first = [java.batch(i * 10, [(i * 10 + n, T + i * 100 + n, b"k%d" % n, value(i * 10 + n)) for n in range(10)],
                        codec=list(java.CODECS)[i % 5], epoch=2) for i in range(10)]
    second = [java.batch(100 + i * 5, [(100 + i * 5 + n, T + 2000 - i * 10, None, value(100 + i * 5 + n, 700))
                                       for n in range(5)], epoch=2 if i < 4 else 5) for i in range(8)]
    third = [java.batch(140 + i, [(140 + i, T + 3000 + i, b"", None if i == 3 else value(140 + i))], epoch=5,
                        attributes=java.LOG_APPEND_TIME, max_timestamp=T + 5000 + i) for i in range(7)]
    return {0: first, 100: second, 140: third}


def upgraded_segments():
    """Messages as Kafka 0.9 and 0.10 wrote them, and batches after the upgrade."""
    old = [java.message(0, i, 0, b"old", value(i)) for i in range(5)]
    old += [java.wrapper(0, 5, [(0, b"old", value(5 + n)) for n in range(4)], "gzip")]
    middle = [java.wrapper(1, 9, [(T - 5000 + n, b"mid", value(9 + n)) for n in range(3)], "snappy")]
    middle += [java.message(1, 12 + i, T - 4000 + i, b"mid", value(12 + i)) for i in range(3)]
    new = [java.batch(15 + i * 2, [(15 + i * 2 + n, T + i, b"new", value(15 + i * 2 + n)) for n in range(2)], epoch=0)
           for i in range(3)]
    return {0: old, 9: middle, 15: new}


def transactional_segments():
    """Producer 7001: an aborted transaction over two segments, then a committed one; one more is open at the end.
    Producer 7002 is idempotent only."""
    def sent(offset, count, sequence, producer=PRODUCER, attributes=java.TRANSACTIONAL):
        records = [(offset + n, T + offset + n, b"k", value(offset + n)) for n in range(count)]
        return java.batch(offset, records, epoch=1, attributes=attributes, producer=(*producer, sequence))
    first = [sent(0, 3, 0), sent(3, 2, 0, (7002, 0), 0), sent(5, 3, 3)]
    second = [sent(8, 2, 6), java.marker(10, T + 10, False, 1, PRODUCER, 4), sent(11, 2, 8),
              java.marker(13, T + 13, True, 1, PRODUCER, 4), sent(14, 1, 2, (7002, 0), 0), sent(15, 2, 10)]
    return {0: first, 8: second}


def compacted_segments():
    """What a cleaner left: offsets are missing within and between batches and segments, and of one batch, whose
    producer must be remembered, only the header is there."""
    first = [java.batch(0, [(2, T + 2, b"a", value(2)), (7, T + 7, b"b", value(7))], last_offset=9, epoch=0),
             java.batch(20, [], last_offset=24, max_timestamp=T + 24, epoch=0, producer=(7003, 0, 4)),
             java.batch(30, [(33, T + 33, b"c", value(33))], last_offset=39, epoch=0)]
    second = [java.batch(60, [(61, T + 61, b"d", value(61))], last_offset=64, epoch=3)]
    third = [java.batch(80 + i, [(80 + i, T + 80 + i, b"e%d" % i, value(80 + i))], epoch=3) for i in range(4)]
    return {0: first, 50: second, 80: third}


class JavaKafka:
    """The log directory of a broker that has ended, and its topics in ZooKeeper."""

    def __init__(self, log_dir, client, is_clean):
        self.log_dir, self.is_clean = log_dir, is_clean
        self.cluster_id, self.directory_id = java.topic_id(), java.topic_id()
        self.ids = {name: java.topic_id() for name in ("plain", "upgraded", "transactional", "compacted", "leftover")}
        self._lay_out_topics()
        self._lay_out_leftovers()
        self._lay_out_top()
        self._register(client)
        self.before = {path: path.read_bytes() for path in log_dir.rglob("*") if path.is_file()}

    def _partition(self, name, segments, epochs, interval=4096):
        partition = java.Partition(self.log_dir, name, self.ids[name.rsplit("-", 1)[0]])
        partition.write(segments, self.is_clean, epochs, interval)
        return partition

    def _lay_out_topics(self):
        self.partitions = {
            "plain-0": self._partition("plain-0", plain_segments(), [(2, 0), (5, 120)], interval=1000),
            "plain-1": self._partition("plain-1", {0: []}, []),
            "upgraded-0": self._partition("upgraded-0", upgraded_segments(), [(0, 15)], interval=100),
            "transactional-0": self._partition("transactional-0", transactional_segments(), [(1, 0)]),
            "compacted-0": self._partition("compacted-0", compacted_segments(), [(0, 0), (3, 60)]),
        }
        transactional = self.partitions["transactional-0"]
        transactional.write_aborted(8, [(PRODUCER[0], 0, 10, 11)])
        transactional.write_snapshot(8, [(*PRODUCER, 5, 7, 2, T + 7, -1, 0), (7002, 0, 1, 4, 1, T + 4, -1, -1)])
        compacted = self.partitions["compacted-0"]
        for offset in (50, 80):
            compacted.write_snapshot(offset, [(7003, 0, 8, 24, 4, T + 24, -1, -1)])
        for name, base in (("plain-0", 100), ("plain-0", 140), ("upgraded-0", 9), ("upgraded-0", 15)):
            self.partitions[name].write_snapshot(base, [])
        if self.is_clean:
            transactional.write_snapshot(17, [(*PRODUCER, 11, 16, 1, T + 16, 4, 15),
                                              (7002, 0, 2, 14, 0, T + 14, -1, -1)])
            compacted.write_snapshot(84, [(7003, 0, 8, 24, 4, T + 24, -1, -1)])
            for name in ("plain-0", "upgraded-0"):
                self.partitions[name].write_snapshot(self.partitions[name].end_offset, [])

    def _lay_out_leftovers(self):
        """What is to go: a deletion under way, segments removed and not deleted yet, a cleaner that was interrupted.
        And what is nobody's, and stays."""
        garbage = b"what was in it"
        plain, compacted = self.partitions["plain-0"], self.partitions["compacted-0"]
        self.to_go = [plain.path(60, f"{kind}.deleted") for kind in ("log", "index", "timeindex")]
        self.to_go += [compacted.path(50, f"{kind}.cleaned") for kind in ("log", "index", "timeindex", "txnindex")]
        for path in self.to_go:
            path.write_bytes(garbage)
        if not self.is_clean:
            self._leave_finished_compaction(compacted)
        deleted = self.log_dir / "gone-0.0123456789abcdef0123456789abcdef-delete"
        deleted.mkdir()
        (deleted / "00000000000000000000.log").write_bytes(garbage)
        self.to_go.append(deleted)
        self.stray = self.log_dir / "lost-3.fedcba9876543210fedcba9876543210-stray"
        self.stray.mkdir()
        (self.stray / "00000000000000000000.log").write_bytes(garbage)

    @staticmethod
    def _leave_finished_compaction(compacted):
        """The output for the first segment lies there under .swap, complete, and takes its place."""
        for path in compacted.folder.glob("*.cleaned"):
            path.unlink()
        for kind in ("log", "index", "timeindex"):
            final = compacted.path(0, kind)
            final.rename(compacted.path(0, f"{kind}.swap"))
            final.write_bytes(b"")
        original = [java.batch(i, [(i, T + i, b"a", value(i))], epoch=0) for i in range(40)]
        compacted.path(0, "log").write_bytes(b"".join(entry.data for entry in original))

    def _lay_out_top(self):
        java.write_meta_properties(self.log_dir, 1, self.cluster_id, self.directory_id)
        ends = {name: partition.end_offset for name, partition in self.partitions.items()}
        points = ends if self.is_clean else {"plain-0": 140, "plain-1": 0, "upgraded-0": 15, "transactional-0": 8,
                                             "compacted-0": 80}
        def entries(offsets):
            return [(*name.rsplit("-", 1), offset) for name, offset in offsets.items()]
        java.write_checkpoint(self.log_dir / "recovery-point-offset-checkpoint", entries(points))
        java.write_checkpoint(self.log_dir / "replication-offset-checkpoint", entries(ends))
        java.write_checkpoint(self.log_dir / "log-start-offset-checkpoint", [("plain", 0, 33)])
        java.write_checkpoint(self.log_dir / "cleaner-offset-checkpoint",
                              [("compacted", 0, 80), ("__consumer_offsets", 9, 4)])
        if self.is_clean:
            # 3.5 and later write JSON; before it was an empty file.
            (self.log_dir / ".kafka_cleanshutdown").write_text('{"version":0,"brokerEpoch":12}')
        (self.log_dir / ".lock").write_bytes(b"")

    def _register(self, client):
        client.create("/cluster/id", json.dumps({"version": "1", "id": self.cluster_id}).encode(), makepath=True)
        java.register_topic(client, "plain", self.ids["plain"], 2, 5)
        java.register_topic(client, "upgraded", self.ids["upgraded"], 1, 0)
        java.register_topic(client, "transactional", self.ids["transactional"], 1, 1)
        java.register_topic(client, "compacted", self.ids["compacted"], 1, 3, cleanup_policy="compact")


@pytest.fixture(scope="module", params=["stopped cleanly", "stopped cleanly by an old version", "killed"])
def taken_over(request, new_shared_broker, zookeeper):
    broker = new_shared_broker(log_retention_ms=-1)
    root = zookeeper.client()
    root.ensure_path(broker.chroot)
    root.stop()
    client = zookeeper.client(broker.chroot)
    broker.log_dir.mkdir()
    broker.java = JavaKafka(broker.log_dir, client, request.param != "killed")
    client.stop()
    if "old" in request.param:
        (broker.log_dir / ".kafka_cleanshutdown").write_bytes(b"")
    broker.start()
    processes.wait_until(lambda: leads(broker, "compacted"), "the broker leads its partitions")
    return broker


def leads(broker, topic):
    [metadata] = wire.ask(broker, wire.METADATA, topics=[{"name": topic}]).topics
    return metadata.error_code == 0 and metadata.partitions[0].leader_id == 1


def fetch(broker, topic, offset, partition=0, isolation_level=0):
    with wire.Connection(broker) as connection:
        answer = connection.ask(wire.FETCH, 11, max_wait_ms=0, isolation_level=isolation_level, topics=[
            {"topic": topic, "partitions": [{"partition": partition, "fetch_offset": offset}]}])
    return answer.responses[0].partitions[0]


def fetch_all(broker, topic, start):
    """The bytes from `start` to the end, segment by segment."""
    data, offset = b"", start
    while True:
        answer = fetch(broker, topic, offset)
        assert answer.error_code == 0
        if not answer.records:
            return data
        data += answer.records
        offset = next_offset_of(answer.records)


def next_offset_of(data):
    position = 0
    while position < len(data):
        first, size = struct.unpack_from(">qi", data, position)
        magic = data[position + 16]
        delta = struct.unpack_from(">i", data, position + 23)[0] if magic == 2 else 0
        position += 12 + size
    return first + delta + 1


def list_offset(broker, topic, timestamp):
    answer = wire.ask(broker, wire.LIST_OFFSETS, 7, topics=[{"name": topic, "partitions": [
        {"partition_index": 0, "timestamp": timestamp}]}])
    found = answer.topics[0].partitions[0]
    assert found.error_code == 0
    return found.offset, found.timestamp


def end_of_epoch(broker, topic, epoch):
    answer = wire.ask(broker, wire.OFFSET_FOR_LEADER_EPOCH, 3, topics=[{"topic": topic, "partitions": [
        {"partition": 0, "leader_epoch": epoch}]}])
    found = answer.topics[0].partitions[0]
    return found.error_code, found.leader_epoch, found.end_offset


STARTS = {"plain": 33, "upgraded": 0, "transactional": 0, "compacted": 0}


@pytest.mark.parametrize("topic", STARTS)
def test_every_byte_is_given_out_as_it_lies_there(taken_over, topic):
    stored = [entry for entries in taken_over.java.partitions[f"{topic}-0"].segments.values() for entry in entries]
    expected = [entry for entry in stored if entry.last_offset >= STARTS[topic]]
    assert fetch_all(taken_over, topic, STARTS[topic]) == b"".join(entry.data for entry in expected)
    for entry in expected:
        for offset in (max(entry.first_offset, STARTS[topic]), entry.last_offset):
            assert fetch(taken_over, topic, offset).records.startswith(entry.data), f"a fetch from {offset}"


def test_offsets_between_batches_lead_to_the_next(taken_over):
    stored = compacted_segments()
    assert fetch(taken_over, "compacted", 12).records.startswith(stored[0][1].data)
    assert fetch(taken_over, "compacted", 45).records.startswith(stored[50][0].data)
    assert fetch(taken_over, "compacted", 70).records.startswith(stored[80][0].data)


@pytest.mark.parametrize("topic", STARTS)
def test_bounds_are_those_of_the_checkpoints(taken_over, topic):
    partition = taken_over.java.partitions[f"{topic}-0"]
    assert list_offset(taken_over, topic, -2)[0] == STARTS[topic]
    assert list_offset(taken_over, topic, -1)[0] == partition.end_offset
    assert fetch(taken_over, topic, partition.end_offset).high_watermark == partition.end_offset


def test_records_below_the_log_start_are_out_of_range(taken_over):
    assert fetch(taken_over, "plain", 32).error_code == 1


@pytest.mark.parametrize("topic", STARTS)
def test_kafka_python_reads_every_record(taken_over, topic):
    consumer = kafka.KafkaConsumer(bootstrap_servers=taken_over.address, consumer_timeout_ms=3000, check_crcs=True)
    place = kafka.TopicPartition(topic, 0)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    found = [(r.offset, r.key, r.value) for r in consumer]
    consumer.close()
    # Markers are no records; of kafka-python some versions hand them out.
    markers = (10, 13) if topic == "transactional" else ()
    expected = [(offset, key, content) for offset, _, key, content in taken_over.java.partitions[f"{topic}-0"].records
                if offset >= STARTS[topic] and offset not in markers]
    assert [record for record in found if record[0] not in markers] == expected


def test_a_reader_of_what_is_committed_sees_no_more(taken_over):
    answer = fetch(taken_over, "transactional", 0, isolation_level=1)
    assert [(a.producer_id, a.first_offset) for a in answer.aborted_transactions] == [(PRODUCER[0], 0)]
    assert answer.last_stable_offset == 15
    consumer = confluent_kafka.Consumer({"bootstrap.servers": taken_over.address, "group.id": "none",
                                         "isolation.level": "read_committed", "enable.auto.commit": False,
                                         "check.crcs": True, "auto.offset.reset": "earliest"})
    consumer.assign([confluent_kafka.TopicPartition("transactional", 0, 0)])
    found = []
    while len(found) < 5:
        read = consumer.poll(10)
        assert read is not None and not read.error()
        found.append(read.offset())
    consumer.close()
    assert found == [3, 4, 11, 12, 14]


@pytest.mark.parametrize("topic, asked, offset, timestamp", [
    ("plain", T, 33, T + 303), ("plain", T + 501, 51, T + 501), ("plain", T + 910, 100, T + 2000),
    ("plain", T + 2000, 100, T + 2000), ("plain", T + 5003, 143, T + 5003), ("plain", T + 5007, UNKNOWN, UNKNOWN),
    ("plain", -3, 146, T + 5006),
    ("upgraded", 0, 9, T - 5000), ("upgraded", T - 4999, 10, T - 4999), ("upgraded", T - 4000, 12, T - 4000),
    ("upgraded", T, 15, T), ("upgraded", -3, 19, T + 2),
    ("compacted", T + 8, 33, T + 33), ("compacted", T + 34, 61, T + 61), ("compacted", T + 62, 80, T + 80)])
def test_times_lead_to_records(taken_over, topic, asked, offset, timestamp):
    assert list_offset(taken_over, topic, asked) == (offset, timestamp)


@pytest.mark.parametrize("topic, epoch, found, end", [
    ("plain", 2, 2, 120), ("plain", 3, 2, 120), ("plain", 5, 5, 147), ("transactional", 1, 1, 17),
    ("compacted", 0, 0, 60), ("compacted", 3, 3, 84), ("upgraded", 0, 0, 21)])
def test_epochs_end_where_they_did(taken_over, topic, epoch, found, end):
    assert end_of_epoch(taken_over, topic, epoch) == (0, found, end)


def test_producers_are_known(taken_over):
    answer = wire.ask(taken_over, wire.DESCRIBE_PRODUCERS, topics=[{"name": "transactional", "partition_indexes": [0]}])
    found = {p.producer_id: (p.producer_epoch, p.last_sequence, p.coordinator_epoch, p.current_txn_start_offset)
             for p in answer.topics[0].partitions[0].active_producers}
    # Of the ones that expired long ago only the one with an open transaction is kept; what was read again after a
    # kill is known all the same.
    assert found[PRODUCER[0]] == (3, 11, 4, 15)


def test_what_was_to_go_is_gone_and_the_rest_is_kept(taken_over):
    assert [path for path in taken_over.java.to_go if path.exists()] == []
    before = taken_over.java.before
    for path in before:
        is_stray = taken_over.java.stray in path.parents
        if is_stray or path.name in ("cleaner-offset-checkpoint", "partition.metadata", "meta.properties"):
            assert path.read_bytes() == before[path], path


class TestAfterwards:
    """Goes on with each directory: what was taken over is used, stopped, and looked at in its files."""

    @pytest.fixture(scope="class")
    def used(self, taken_over):
        broker = taken_over
        with wire.Connection(broker) as connection:
            for topic in ("plain", "upgraded", "compacted"):
                batch = batches.encode([Record(b"appended", key=b"new", timestamp=T + 9000)] * 2)
                assert wire.produce(connection, topic, batch).base_offset == \
                    broker.java.partitions[f"{topic}-0"].end_offset
            assert wire.produce(connection, "plain", batches.encode([Record(b"first")]), partition=1).base_offset == 0
            answer = connection.ask(wire.DELETE_RECORDS, topics=[{"name": "plain", "partitions": [
                {"partition_index": 0, "offset": 121}]}])
            assert answer.topics[0].partitions[0].low_watermark == 121
        assert broker.stop() == 0
        return broker

    @pytest.mark.parametrize("name", ["plain-0", "plain-1", "upgraded-0", "transactional-0", "compacted-0"])
    def test_kafkas_sanity_checks_pass(self, used, name):
        log_files.check_sanity(used.log_dir / name)

    def test_segments_hold_what_they_held_and_what_came(self, used):
        for name in ("plain-0", "upgraded-0", "transactional-0", "compacted-0"):
            partition = used.java.partitions[name]
            for base, entries in partition.segments.items():
                path = partition.path(base, "log")
                if name == "plain-0" and base == 0:
                    assert not path.exists(), "its records were deleted"
                    continue
                assert path.read_bytes().startswith(b"".join(entry.data for entry in entries)), path

    def test_the_new_records_are_written_as_kafka_writes_them(self, used):
        partition = used.java.partitions["plain-0"]
        [(_, last)] = log_files.read_batches(partition.folder, 140)[-1:]
        assert (last.base_offset, last.last_offset, last.max_timestamp) == (147, 148, T + 9000)
        assert last.crc == last.computed_crc and last.leader_epoch == 5

    def test_the_checkpoints_say_where_the_logs_end(self, used):
        ends = {"plain 0": 149, "plain 1": 1, "upgraded 0": 23, "transactional 0": 17, "compacted 0": 86}
        for name in ("recovery-point-offset-checkpoint", "replication-offset-checkpoint"):
            found = {" ".join(words[:2]): int(words[2]) for words in log_files.read_checkpoint(used.log_dir / name)}
            assert found == ends, name
        assert ["plain", "0", "121"] in log_files.read_checkpoint(used.log_dir / "log-start-offset-checkpoint")
        assert json.loads((used.log_dir / ".kafka_cleanshutdown").read_text())["version"] == 0

    def test_the_epochs_are_kept(self, used):
        entries = log_files.read_checkpoint(used.java.partitions["compacted-0"].folder / "leader-epoch-checkpoint")
        assert entries == [["0", "0"], ["3", "60"]], "the leader is the same, and so is its epoch"

    def test_the_producers_lie_in_the_snapshot_at_the_end(self, used):
        found = log_files.read_snapshot(used.java.partitions["transactional-0"].folder, 17)
        open_one = found[PRODUCER[0]]
        assert (open_one.epoch, open_one.last_sequence, open_one.last_offset, open_one.offset_delta,
                open_one.coordinator_epoch, open_one.transaction_start) == (3, 11, 16, 1, 4, 15)

    def test_the_aborted_transaction_is_listed_still(self, used):
        path = used.java.partitions["transactional-0"].path(8, "txnindex")
        assert log_files.read_transaction_index(path) == [(PRODUCER[0], 0, 10, 11)]

    def test_what_is_not_ours_is_as_it_was(self, used):
        assert log_files.read_properties(used.log_dir / "meta.properties") == {
            "version": "0", "broker.id": "1", "cluster.id": used.java.cluster_id,
            "directory.id": used.java.directory_id}
        for path, content in used.java.before.items():
            if used.java.stray in path.parents or path.name in ("cleaner-offset-checkpoint", "partition.metadata"):
                assert path.read_bytes() == content, path

    def test_a_deleted_topic_leaves_the_cleaners_checkpoint(self, used):
        used.start()
        processes.wait_until(lambda: leads(used, "compacted"), "the broker leads again")
        answer = wire.ask(used, wire.DELETE_TOPICS, topics=[{"name": "compacted"}])
        assert answer.responses[0].error_code == 0
        processes.wait_until(lambda: log_files.read_checkpoint(used.log_dir / "cleaner-offset-checkpoint") ==
                             [["__consumer_offsets", "9", "4"]], "the entry of the deleted partition is gone")
        assert used.stop() == 0
