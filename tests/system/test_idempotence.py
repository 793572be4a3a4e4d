"""Producers with an id: repetitions are taken once, gaps are refused, and that outlives the program."""

import json
import struct
import threading
import time

import confluent_kafka
import pytest

import batches
import clients
import log_files
import processes
import wire
from batches import Record
from log_files import Producer

NONE, INVALID_REQUEST, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH = 0, 42, 45, 47
INVALID_TXN_STATE, INVALID_TRANSACTION_TIMEOUT, UNSUPPORTED_VERSION = 48, 50, 35
TRANSACTIONAL_ID_AUTHORIZATION_FAILED, INVALID_PRODUCER_ID_MAPPING, INVALID_RECORD = 53, 49, 87
MAX_SEQUENCE = 2**31 - 1
TRANSACTIONAL, CONTROL = 0x10, 0x20
SESSION_TIMEOUT_MS = 1500
NOW = int(time.time() * 1000)
LONG_AGO = 1_600_000_000_000  # a start forgets producers that were idle for a day


def batch(producer_id, sequence, count=1, epoch=0, attributes=0, timestamp=NOW, **lies):
    records = [Record(b"%d" % (sequence + i), timestamp=timestamp) for i in range(count)]
    return batches.encode(records, producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence,
                          attributes=attributes, **lies)


def marker(producer_id, commit, base_offset, epoch=0, coordinator_epoch=0):
    record = Record(struct.pack(">hi", 0, coordinator_epoch), struct.pack(">hh", 0, int(commit)), timestamp=LONG_AGO)
    return batches.encode([record], producer_id=producer_id, producer_epoch=epoch, attributes=TRANSACTIONAL | CONTROL,
                          base_offset=base_offset, leader_epoch=0)


def new_id(broker):
    answer = wire.ask(broker, wire.INIT_PRODUCER_ID)
    assert (answer.error_code, answer.producer_epoch) == (NONE, 0)
    return answer.producer_id


def fetch(broker, topic, offset=0, isolation_level=0, version=12):
    answer = wire.ask(broker, wire.FETCH, version, max_wait_ms=0, isolation_level=isolation_level, topics=[
        {"topic": topic, "partitions": [{"partition": 0, "fetch_offset": offset}]}])
    return answer.responses[0].partitions[0]


def values(broker, topic):
    records, offset = [], 0
    while found := batches.decode(fetch(broker, topic, offset).records or b""):
        records += [record.value for one in found for record in one.records()]
        offset = found[-1].last_offset + 1
    return records


def active_producers(broker, topic):
    row = wire.ask(broker, wire.DESCRIBE_PRODUCERS,
                   topics=[{"name": topic, "partition_indexes": [0]}]).topics[0].partitions[0]
    assert row.error_code == NONE
    return {producer.producer_id: producer for producer in row.active_producers}


@pytest.fixture
def connection(broker):
    with wire.Connection(broker) as connection:
        yield connection


# --- ids ---

@pytest.mark.parametrize("version", wire.INIT_PRODUCER_ID.versions)
def test_every_version_gets_an_id_of_its_own(broker, version):
    ids = [wire.ask(broker, wire.INIT_PRODUCER_ID, version).producer_id for _ in range(3)]
    assert ids == sorted(set(ids)) and min(ids) >= 0


def test_ids_come_in_blocks_of_a_thousand_from_zookeeper(new_broker, zookeeper):
    broker = new_broker().start()
    client = zookeeper.client(broker.chroot)
    first = new_id(broker)
    assert client.get("/latest_producer_id_block")[0] == \
        b'{"version":1,"broker":1,"block_start":"0","block_end":"999"}'
    assert broker.stop() == 0
    broker.start()
    assert (first, new_id(broker)) == (0, 1000)
    assert json.loads(client.get("/latest_producer_id_block")[0])["block_end"] == "1999"
    client.stop()


def test_two_brokers_never_give_out_the_same_id(new_broker):
    one = new_broker(broker_id=1).start()
    other = new_broker(broker_id=2, chroot=one.chroot).start()
    ids = []
    for broker in (one, other):
        with wire.Connection(broker) as connection:
            ids += [connection.ask(wire.INIT_PRODUCER_ID).producer_id for _ in range(1200)]
    assert len(set(ids)) == 2400


@pytest.mark.parametrize("wrong, error", [
    ({"producer_id": 5}, INVALID_REQUEST),
    ({"producer_epoch": 5}, INVALID_REQUEST),
    ({"transactional_id": ""}, INVALID_REQUEST),
    ({"transactional_id": "t", "transaction_timeout_ms": 0}, INVALID_TRANSACTION_TIMEOUT),
    ({"transactional_id": "t", "transaction_timeout_ms": 900_001}, INVALID_TRANSACTION_TIMEOUT),
    ({"transactional_id": "t"}, UNSUPPORTED_VERSION),
])
def test_what_cannot_have_an_id_is_told_why(broker, wrong, error):
    answer = wire.ask(broker, wire.INIT_PRODUCER_ID, **wrong)
    assert (answer.error_code, answer.producer_id, answer.producer_epoch) == (error, -1, -1)


def test_a_producer_that_brings_its_old_id_gets_a_new_one(broker):
    old = new_id(broker)
    answer = wire.ask(broker, wire.INIT_PRODUCER_ID, producer_id=old, producer_epoch=0)
    assert answer.error_code == NONE and answer.producer_id > old


# --- sequences ---

def test_a_repeated_batch_is_answered_as_the_first_time_and_taken_once(broker, connection, topic):
    wire.create_topic(broker, topic)
    producer = new_id(broker)
    for sequence in range(0, 18, 3):
        assert wire.produce(connection, topic, batch(producer, sequence, 3)).base_offset == sequence
    for sequence in range(3, 18, 3):
        answer = wire.produce(connection, topic, batch(producer, sequence, 3))
        assert (answer.error_code, answer.base_offset) == (NONE, sequence)
    assert values(broker, topic) == [b"%d" % i for i in range(18)]
    # What lies further back than five batches is out of order, as any other sequence.
    assert wire.produce(connection, topic, batch(producer, 0, 3)).error_code == OUT_OF_ORDER_SEQUENCE_NUMBER


def test_a_gap_is_refused_and_explained(broker, connection, topic):
    wire.create_topic(broker, topic)
    producer = new_id(broker)
    wire.produce(connection, topic, batch(producer, 0, 3))
    answer = wire.produce(connection, topic, batch(producer, 4))
    assert answer.error_code == OUT_OF_ORDER_SEQUENCE_NUMBER and answer.base_offset == -1
    for part in (f"producer {producer}", f"{topic}-0", "4 (incoming seq. number)", "2 (current end sequence number)"):
        assert part in answer.error_message
    assert wire.produce(connection, topic, batch(producer, 3)).base_offset == 3


def test_sequences_wrap(broker, connection, topic):
    wire.create_topic(broker, topic)
    producer = new_id(broker)
    first = batches.encode([Record(b"x")] * 4, producer_id=producer, producer_epoch=0, base_sequence=MAX_SEQUENCE - 1)
    assert wire.produce(connection, topic, first).base_offset == 0
    assert wire.produce(connection, topic, batch(producer, 3)).error_code == OUT_OF_ORDER_SEQUENCE_NUMBER
    assert wire.produce(connection, topic, batch(producer, 2)).base_offset == 4
    assert wire.produce(connection, topic, first).base_offset == 0


def test_epochs_fence_and_begin_at_zero(broker, connection, topic):
    wire.create_topic(broker, topic)
    producer = new_id(broker)
    assert wire.produce(connection, topic, batch(producer, 7, epoch=3)).error_code == NONE
    assert wire.produce(connection, topic, batch(producer, 8, epoch=2)).error_code == INVALID_PRODUCER_EPOCH
    assert wire.produce(connection, topic, batch(producer, 8, epoch=4)).error_code == OUT_OF_ORDER_SEQUENCE_NUMBER
    assert wire.produce(connection, topic, batch(producer, 0, epoch=4)).base_offset == 1


def test_an_id_without_a_sequence_is_refused(broker, connection, topic):
    wire.create_topic(broker, topic)
    one = batches.encode([Record(b"x")], producer_id=1, producer_epoch=0, base_sequence=-1)
    assert wire.produce(connection, topic, one).error_code == INVALID_RECORD


def test_describe_producers_tells_the_state(broker, connection, topic):
    wire.create_topic(broker, topic)
    producer = new_id(broker)
    assert active_producers(broker, topic) == {}
    wire.produce(connection, topic, batch(producer, 10, 5, epoch=2))
    state = active_producers(broker, topic)[producer]
    assert (state.producer_epoch, state.last_sequence, state.last_timestamp, state.coordinator_epoch,
            state.current_txn_start_offset) == (2, 14, NOW, -1, -1)


@pytest.mark.parametrize("name, partition, error", [("no-such-topic", 0, 3), ("not/a/name", 0, 17), ("there", 9, 3)])
def test_describe_producers_of_what_is_not_there(broker, name, partition, error):
    if name == "there":
        wire.create_topic(broker, name)
    row = wire.ask(broker, wire.DESCRIBE_PRODUCERS,
                   topics=[{"name": name, "partition_indexes": [partition]}]).topics[0].partitions[0]
    assert (row.partition_index, row.error_code, row.active_producers) == (partition, error, [])


# --- transactional records ---

def test_transactional_records_are_refused_since_nobody_began_a_transaction(broker, connection, topic):
    wire.create_topic(broker, topic)
    one = batch(1, 0, attributes=TRANSACTIONAL)
    assert wire.produce(connection, topic, one).error_code == TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    answer = wire.produce(connection, topic, one, transactional_id="t")
    assert answer.error_code == INVALID_TXN_STATE and "transaction" in answer.error_message
    assert values(broker, topic) == []


def test_one_request_has_one_transactional_producer(broker, topic):
    wire.create_topic(broker, topic, partitions=2)
    answer = wire.ask(broker, wire.PRODUCE, transactional_id="t", topic_data=[{"name": topic, "partition_data": [
        {"index": 0, "records": batch(1, 0, attributes=TRANSACTIONAL)},
        {"index": 1, "records": batch(2, 0, attributes=TRANSACTIONAL)}]}])
    assert {row.error_code for row in answer.responses[0].partition_responses} == {INVALID_PRODUCER_ID_MAPPING}


# --- restarts and files ---

@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_repetition_is_known_after_a_restart(new_broker, topic, end):
    broker = new_broker(zookeeper_session_timeout_ms=SESSION_TIMEOUT_MS).start()
    wire.create_topic(broker, topic, segment_bytes=1000)
    producer = new_id(broker)
    with wire.Connection(broker) as connection:
        for sequence in range(0, 60, 2):
            assert wire.produce(connection, topic, batch(producer, sequence, 2)).error_code == NONE
    broker.stop() if end == "stop" else broker.kill()
    broker.start()
    with wire.Connection(broker) as connection:
        answer = wire.produce(connection, topic, batch(producer, 58, 2))
        assert (answer.error_code, answer.base_offset) == (NONE, 58)
        assert wire.produce(connection, topic, batch(producer, 61)).error_code == OUT_OF_ORDER_SEQUENCE_NUMBER
        assert wire.produce(connection, topic, batch(producer, 60, 2)).base_offset == 60
    assert values(broker, topic) == [b"%d" % i for i in range(62)]


def test_snapshots_are_written_at_rolls_and_at_the_end(new_broker, topic):
    broker = new_broker().start()
    wire.create_topic(broker, topic, segment_bytes=1000)
    wire.create_topic(broker, "empty")
    with wire.Connection(broker) as connection:
        for sequence in range(0, 60, 2):
            wire.produce(connection, topic, batch(77, sequence, 2, epoch=5))
    folder = broker.partition_dir(topic)
    segments = log_files.segments(folder)
    assert len(segments) > 2
    assert broker.stop() == 0
    assert log_files.snapshots(folder) == segments[1:] + [60]
    for offset in log_files.snapshots(folder):
        assert log_files.read_snapshot(folder, offset) == {77: Producer(
            77, 5, offset - 1, offset - 1, 1, NOW, -1, -1)}
    assert not list(broker.partition_dir("empty").glob("0*"))


def test_a_snapshot_that_kafka_wrote_is_what_counts_after_its_clean_stop(new_broker, topic):
    broker = new_broker().start()
    wire.create_topic(broker, topic)
    with wire.Connection(broker) as connection:
        for _ in range(12):
            wire.produce(connection, topic, batches.encode([Record(b"plain")]))
    assert broker.stop() == 0
    log_files.write_snapshot(broker.partition_dir(topic), 12, [
        Producer(900, 4, 33, 9, 2, NOW, -1, -1), Producer(901, 0, -1, -1, 0, NOW, 6, -1),
        Producer(902, 0, 5, 3, 0, LONG_AGO, -1, -1)])
    broker.start()
    found = active_producers(broker, topic)
    assert (found[900].producer_epoch, found[900].last_sequence, found[900].last_timestamp) == (4, 33, NOW)
    assert 902 not in found
    assert (found[901].last_sequence, found[901].coordinator_epoch) == (-1, 6)
    with wire.Connection(broker) as connection:
        repeated = wire.produce(connection, topic, batch(900, 31, 3, epoch=4))
        assert (repeated.error_code, repeated.base_offset) == (NONE, 7)


def test_idle_producers_are_forgotten(new_broker, topic):
    broker = new_broker(producer_id_expiration_ms=1000, producer_id_expiration_check_interval_ms=100).start()
    wire.create_topic(broker, topic)
    now = int(time.time() * 1000)
    fresh = batches.encode([Record(b"x", timestamp=now)], producer_id=7, producer_epoch=0, base_sequence=0)
    wire.ask(broker, wire.PRODUCE, topic_data=[{"name": topic, "partition_data": [{"index": 0, "records": fresh}]}])
    assert list(active_producers(broker, topic)) == [7]
    processes.wait_until(lambda: not active_producers(broker, topic), "the producer is forgotten", 10)


# --- transactions in a log that Kafka wrote ---

@pytest.fixture(scope="module")
def with_transactions(new_shared_broker):
    """A broker that has found, after a crash, a log with a committed, an aborted and an open transaction."""
    broker = new_shared_broker().start()
    wire.create_topic(broker, "payments")
    assert broker.stop() == 0
    old = {"timestamp": LONG_AGO}
    log = [batch(1, 0, 2, attributes=TRANSACTIONAL, base_offset=0, leader_epoch=0, **old),
           batch(2, 0, 2, attributes=TRANSACTIONAL, base_offset=2, leader_epoch=0, **old),
           batches.encode([Record(b"plain")], base_offset=4, leader_epoch=0),
           marker(2, False, 5), marker(1, True, 6),
           batch(2, 2, 1, attributes=TRANSACTIONAL, base_offset=7, leader_epoch=0, **old),
           batch(3, 0, 1, attributes=TRANSACTIONAL, base_offset=8, leader_epoch=0, **old),
           marker(2, True, 9),
           batches.encode([Record(b"behind")], base_offset=10, leader_epoch=0)]
    folder = broker.partition_dir("payments")
    for path in folder.glob("*.snapshot"):
        path.unlink()
    (folder / f"{0:020d}.log").write_bytes(b"".join(log))
    (broker.log_dir / ".kafka_cleanshutdown").unlink()
    broker.start()
    processes.wait_until(lambda: fetch(broker, "payments").high_watermark == 11, "everything is readable", 10)
    return broker


def test_recovery_writes_the_transaction_index(with_transactions):
    path = log_files.segment_file(with_transactions.partition_dir("payments"), 0, "txnindex")
    assert log_files.read_transaction_index(path) == [(2, 2, 5, 0)]


def test_recovery_writes_a_snapshot_with_the_open_transaction(with_transactions):
    found = log_files.read_snapshot(with_transactions.partition_dir("payments"), 11)
    assert found == {1: Producer(1, 0, 1, 1, 1, LONG_AGO, 0, -1), 2: Producer(2, 0, 2, 7, 0, LONG_AGO, 0, -1),
                     3: Producer(3, 0, 0, 8, 0, LONG_AGO, -1, 8)}


def test_who_was_idle_for_long_is_forgotten_but_for_the_open_transaction(with_transactions):
    (state,) = active_producers(with_transactions, "payments").values()
    assert (state.producer_id, state.current_txn_start_offset) == (3, 8)


def test_a_fetch_of_what_is_committed_ends_before_the_open_transaction(with_transactions):
    committed = fetch(with_transactions, "payments", isolation_level=1)
    everything = fetch(with_transactions, "payments")
    assert (committed.last_stable_offset, committed.high_watermark) == (8, 11)
    assert everything.last_stable_offset == 8 and everything.aborted_transactions is None
    assert [one.base_offset for one in batches.decode(committed.records)] == [0, 2, 4, 5, 6, 7]
    assert [one.base_offset for one in batches.decode(everything.records)] == [0, 2, 4, 5, 6, 7, 8, 9, 10]
    assert [(a.producer_id, a.first_offset) for a in committed.aborted_transactions] == [(2, 2)]
    behind = fetch(with_transactions, "payments", offset=6, isolation_level=1)
    assert behind.aborted_transactions == []
    assert not fetch(with_transactions, "payments", offset=8, isolation_level=1).records


@pytest.mark.parametrize("version", range(4, 12))
def test_every_version_of_fetch_knows_what_is_committed(with_transactions, version):
    committed = fetch(with_transactions, "payments", isolation_level=1, version=version)
    assert (committed.last_stable_offset, len(committed.aborted_transactions)) == (8, 1)


@pytest.mark.parametrize("isolation_level, latest", [(0, 11), (1, 8)])
def test_list_offsets_ends_where_the_reader_does(with_transactions, isolation_level, latest):
    for version in range(2, 10):
        answer = wire.ask(with_transactions, wire.LIST_OFFSETS, version, isolation_level=isolation_level, topics=[
            {"name": "payments", "partitions": [{"partition_index": 0, "timestamp": -1}]}])
        assert answer.topics[0].partitions[0].offset == latest


@pytest.mark.parametrize("isolation, expected", [
    ("read_uncommitted", [b"0", b"1", b"0", b"1", b"plain", b"2", b"0", b"behind"]),
    ("read_committed", [b"0", b"1", b"plain", b"2"])])
def test_librdkafka_passes_over_what_was_aborted(with_transactions, isolation, expected):
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": with_transactions.address, "group.id": "unused", "enable.auto.commit": False,
        "isolation.level": isolation})
    consumer.assign([confluent_kafka.TopicPartition("payments", 0, confluent_kafka.OFFSET_BEGINNING)])
    messages = []
    while len(messages) < len(expected):
        more = consumer.consume(len(expected) - len(messages), timeout=10)
        assert more, f"{len(messages)} of {len(expected)} records came"
        messages += more
    assert [message.value() for message in messages] == expected
    assert consumer.consume(1, timeout=0.5) == []
    consumer.close()


# --- clients ---

class IdempotentProducer:
    """librdkafka with enable.idempotence, producing 0, 1, 2, ... until told to stop."""

    def __init__(self, broker, topic):
        self.delivered, self.errors, self.sent = 0, [], 0
        self._topic = topic
        self._stopping = threading.Event()
        self._producer = confluent_kafka.Producer({
            "bootstrap.servers": broker.address, "enable.idempotence": True, "linger.ms": 2,
            "message.timeout.ms": 60_000, "reconnect.backoff.max.ms": 200, "log_level": 0,
            "error_cb": lambda error: error.fatal() and self.errors.append(error)})
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._stopping.is_set():
            if len(self._producer) < 2000:
                self._producer.produce(self._topic, b"%d" % self.sent, partition=0, on_delivery=self._on_delivery)
                self.sent += 1
            self._producer.poll(0.0002)

    def _on_delivery(self, error, _):
        if error:
            self.errors.append(error)
        else:
            self.delivered += 1

    def stop(self):
        self._stopping.set()
        self._thread.join()
        assert self._producer.flush(60) == 0


def test_librdkafka_delivers_each_record_once_and_in_order_over_kill_9(new_broker, topic):
    broker = new_broker(zookeeper_session_timeout_ms=SESSION_TIMEOUT_MS).start()
    wire.create_topic(broker, topic, segment_bytes=100_000)
    producer = IdempotentProducer(broker, topic)
    for _ in range(3):
        before = producer.delivered
        processes.wait_until(lambda: producer.delivered > before + 1500, "records are delivered", 60)
        broker.kill()
        broker.start()
    producer.stop()
    assert not producer.errors and producer.delivered == producer.sent
    assert values(broker, topic) == [b"%d" % i for i in range(producer.sent)]
    assert len(active_producers(broker, topic)) == 1


def test_kafkajs_as_idempotent_producer(broker, topic):
    wire.create_topic(broker, topic)
    clients.KafkaJs().produce(broker, topic, [Record(b"%d" % i) for i in range(50)], idempotent=True)
    assert values(broker, topic) == [b"%d" % i for i in range(50)]
    (state,) = active_producers(broker, topic).values()
    assert state.last_sequence == 49
