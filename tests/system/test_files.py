"""What lies in the log directory is what Kafka's own tools and brokers expect there."""

import json

import pytest

import batches
import log_files
import wire
from batches import Record

MESSAGES = 500


@pytest.fixture(scope="module")
def stopped(new_shared_broker):
    """A broker that has taken records into several segments, and has stopped cleanly."""
    broker = new_shared_broker().start()
    broker.topic_id = wire.create_topic(broker, "orders", partitions=2, segment_bytes=20_000, index_interval_bytes=1500)
    with wire.Connection(broker) as connection:
        for number in range(MESSAGES):
            batch = batches.encode([Record(b"%d" % number, timestamp=1_600_000_000_000 + number * 10)] * 3)
            wire.produce(connection, "orders", batch, partition=number % 2)
    broker.files_while_running = {path.name for path in broker.log_dir.iterdir()}
    assert broker.stop() == 0
    return broker


@pytest.mark.parametrize("partition", [0, 1])
def test_segments_indexes_and_epochs_agree(stopped, partition):
    folder = stopped.partition_dir("orders", partition)
    assert log_files.check_partition(folder, index_interval_bytes=1500) == MESSAGES // 2 * 3
    assert len(log_files.segments(folder)) > 1


def test_a_segment_is_never_larger_than_configured(stopped):
    folder = stopped.partition_dir("orders")
    assert max(file.stat().st_size for file in folder.glob("*.log")) <= 20_000


def test_leader_epochs_start_with_the_first_record(stopped):
    assert log_files.read_checkpoint(stopped.partition_dir("orders") / "leader-epoch-checkpoint") == [["0", "0"]]


def test_partition_metadata_holds_the_topic_id(stopped, zookeeper):
    text = log_files.read_topic_id(stopped.partition_dir("orders"))
    client = zookeeper.client(stopped.chroot)
    znode = json.loads(client.get("/brokers/topics/orders")[0])
    client.stop()
    assert znode["topic_id"] == text
    assert log_files.uuid_of(text) == stopped.topic_id


def test_meta_properties_name_broker_and_cluster(stopped, zookeeper):
    properties = log_files.read_properties(stopped.log_dir / "meta.properties")
    client = zookeeper.client(stopped.chroot)
    cluster = json.loads(client.get("/cluster/id")[0])
    client.stop()
    assert properties["version"] == "0"
    assert properties["broker.id"] == "1"
    assert properties["cluster.id"] == cluster["id"] and len(cluster["id"]) == 22


def test_a_clean_stop_leaves_its_mark_and_a_running_broker_does_not(stopped):
    assert json.loads((stopped.log_dir / ".kafka_cleanshutdown").read_text()) == {"version": 0, "brokerEpoch": -1}
    assert ".kafka_cleanshutdown" not in stopped.files_while_running
    assert ".lock" in stopped.files_while_running


@pytest.mark.parametrize("name", ["recovery-point-offset-checkpoint", "replication-offset-checkpoint"])
def test_checkpoints_hold_the_end_of_every_log(stopped, name):
    entries = log_files.read_checkpoint(stopped.log_dir / name)
    assert sorted(entries) == [["orders", "0", str(MESSAGES // 2 * 3)], ["orders", "1", str(MESSAGES // 2 * 3)]]


def test_the_log_start_checkpoint_is_readable(stopped):
    log_files.read_checkpoint(stopped.log_dir / "log-start-offset-checkpoint")


def test_nothing_unexpected_lies_in_the_log_directory(stopped):
    names = {path.name for path in stopped.log_dir.iterdir()}
    assert names <= {".lock", ".kafka_cleanshutdown", "meta.properties", "recovery-point-offset-checkpoint",
                     "log-start-offset-checkpoint", "replication-offset-checkpoint", "cleaner-offset-checkpoint",
                     "orders-0", "orders-1"}
    suffixes = {path.suffix for path in stopped.partition_dir("orders").iterdir()}
    assert suffixes <= {".log", ".index", ".timeindex", ".snapshot", ".metadata", ""}


def test_offsets_go_on_after_a_clean_restart(new_broker, topic):
    broker = new_broker().start()
    topic_id = wire.create_topic(broker, topic)
    for run in range(3):
        with wire.Connection(broker) as connection:
            answer = wire.produce(connection, topic, batches.encode([Record(b"%d" % run)] * 2))
        assert (answer.error_code, answer.base_offset) == (0, run * 2)
        assert broker.stop() == 0
        log_files.check_partition(broker.partition_dir(topic), one_run=False)
        broker.start()
    [metadata] = wire.ask(broker, wire.METADATA, topics=[{"name": topic}]).topics
    assert metadata.topic_id == topic_id


def test_a_log_directory_in_use_is_refused(new_broker):
    broker = new_broker().start()
    second = new_broker(broker_id=2, chroot=broker.chroot, log_dirs=broker.log_dir)
    second.launch()
    assert second.wait_for_exit() == 1
    assert str(broker.log_dir) in second.log()


def test_files_that_only_resemble_a_segments_are_left_alone(new_broker, topic):
    broker = new_broker().start()
    wire.create_topic(broker, topic)
    with wire.Connection(broker) as connection:
        assert wire.produce(connection, topic, batches.encode([Record(b"first")])).error_code == 0
    assert broker.stop() == 0
    folder = broker.partition_dir(topic)
    first = log_files.segment_file(folder, 0, "log").read_bytes()
    strays = [folder / name for name in ("00000000000000000000-copy.log", "00000000000000000000",
                                         "00000000000000000000.log.bak", "00000000000000000001.")]
    for stray in strays:
        stray.write_bytes(first)
    broker.start()
    with wire.Connection(broker) as connection:
        assert wire.produce(connection, topic, batches.encode([Record(b"second")])).base_offset == 1
        answer = connection.ask(wire.FETCH, 11, max_wait_ms=0, topics=[
            {"topic": topic, "partitions": [{"partition": 0, "fetch_offset": 0}]}]).responses[0].partitions[0]
    assert [batch.base_offset for batch in batches.decode(answer.records)] == [0, 1]
    for stray in strays:
        assert stray.read_bytes() == first
        lines = [line for line in broker.log().splitlines() if line.endswith(f"file={stray}")]
        assert len(lines) == 1
