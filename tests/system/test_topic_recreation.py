"""A topic that is deleted and created again under load is a new topic."""

import threading

import confluent_kafka

import batches
import log_files
import processes
import wire
from batches import Record
from test_crash import read_all


class Load:
    """A producer that goes on whatever happens to its topic, and remembers what was acknowledged in which phase."""

    def __init__(self, broker, topic):
        self.phase = "old"
        self.acknowledged = {"old": [], "between": [], "new": []}
        self._topic = topic
        self._stopping = threading.Event()
        self._producer = confluent_kafka.Producer({
            "bootstrap.servers": broker.address, "acks": "all", "linger.ms": 1, "log_level": 0,
            "topic.metadata.refresh.interval.ms": 500, "topic.metadata.propagation.max.ms": 60_000})
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        number = 0
        while not self._stopping.is_set():
            try:
                self._producer.produce(self._topic, f"{self.phase}-{number}", on_delivery=self._on_delivery)
            except (confluent_kafka.KafkaException, BufferError):
                pass  # the topic is unknown just now, or too much waits for it
            number += 1
            self._producer.poll(0.002)

    def _on_delivery(self, error, message):
        if not error:
            phase = message.value().split(b"-")[0].decode()
            self.acknowledged[phase].append((message.offset(), message.value()))

    def wait_for_more(self, phase):
        before = len(self.acknowledged[phase])
        processes.wait_until(lambda: len(self.acknowledged[phase]) > before + 100, f"records are written ({phase})", 40)

    def stop(self):
        self._stopping.set()
        self._thread.join()
        self._producer.flush(20)


def test_a_topic_deleted_and_created_again_under_load_holds_new_records_only(new_broker, topic):
    broker = new_broker(auto_create_topics_enable="false", log_segment_delete_delay_ms=3000).start()
    old_id = wire.create_topic(broker, topic)
    load = Load(broker, topic)
    load.wait_for_more("old")

    load.phase = "between"
    answer = wire.ask(broker, wire.DELETE_TOPICS, topics=[{"name": topic}])
    assert answer.responses[0].error_code == 0, answer
    processes.wait_until(lambda: is_unknown(broker, topic), "the topic is gone from the metadata")
    [old_folder] = broker.log_dir.glob(f"{topic}-0.*-delete")
    new_id = wire.create_topic(broker, topic)
    load.phase = "new"
    load.wait_for_more("new")
    load.stop()

    stored = {record.offset: record.value for record in read_all(broker, topic)}
    assert not [value for value in stored.values() if value in dict(load.acknowledged["old"]).values()]
    assert all(stored[offset] == value for offset, value in load.acknowledged["new"])
    assert new_id != old_id
    assert log_files.uuid_of(log_files.read_topic_id(broker.partition_dir(topic))) == new_id
    assert len(old_folder.name.removeprefix(f"{topic}-0.")) == 32 + len("-delete")
    processes.wait_until(lambda: not old_folder.exists(), "the old folder is removed")


def is_unknown(broker, topic):
    [metadata] = wire.ask(broker, wire.METADATA, topics=[{"name": topic}]).topics
    return metadata.error_code == 3


def test_a_topic_of_many_partitions_is_deleted_and_created_again_at_once(new_broker, topic):
    broker = new_broker().start()
    ids = set()
    for _ in range(5):
        ids.add(wire.create_topic(broker, topic, partitions=20))
        assert wire.ask(broker, wire.DELETE_TOPICS, topics=[{"name": topic}]).responses[0].error_code == 0
        processes.wait_until(lambda: is_unknown(broker, topic), "the topic is gone")
    assert len(ids) == 5


def test_after_a_kill_a_new_topic_is_not_held_to_the_checkpoints_of_the_old_one(new_broker, topic):
    broker = new_broker(log_flush_offset_checkpoint_interval_ms=200,
                        log_flush_start_offset_checkpoint_interval_ms=200).start()
    wire.create_topic(broker, topic, flush_messages=1)
    produce(broker, topic, 20)
    answer = wire.ask(broker, wire.DELETE_RECORDS, topics=[
        {"name": topic, "partitions": [{"partition_index": 0, "offset": 15}]}])
    assert answer.topics[0].partitions[0].error_code == 0, answer
    processes.wait_until(lambda: checkpointed(broker, topic) == (15, 20), "the checkpoints are written")
    broker.stop()
    for name in CHECKPOINTS:
        broker.options[f"{name}.interval.ms"] = 3_600_000
    broker.start()
    assert checkpointed(broker, topic) == (15, 20)
    wire.ask(broker, wire.DELETE_TOPICS, topics=[{"name": topic}])
    processes.wait_until(lambda: is_unknown(broker, topic), "the topic is gone from the metadata")
    wire.create_topic(broker, topic)
    produce(broker, topic, 18)
    broker.kill()
    broker.start()
    assert [record.offset for record in read_all(broker, topic)] == list(range(18))
    assert checkpointed(broker, topic)[0] in (None, 0)


CHECKPOINTS = {"log.flush.start.offset.checkpoint": "log-start-offset-checkpoint",
               "log.flush.offset.checkpoint": "recovery-point-offset-checkpoint"}


def checkpointed(broker, topic):
    """(log start, recovery point), None where nothing is said of the partition"""
    found = []
    for name in CHECKPOINTS.values():
        path = broker.log_dir / name
        offsets = {entry[0]: int(entry[2]) for entry in log_files.read_checkpoint(path)} if path.exists() else {}
        found.append(offsets.get(topic))
    return tuple(found)


def produce(broker, topic, count):
    with wire.Connection(broker) as connection:
        for number in range(count):
            assert wire.produce(connection, topic, batches.encode([Record(b"%d" % number)])).error_code == 0
