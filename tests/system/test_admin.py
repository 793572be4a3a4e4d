"""Topics are created, changed, described and deleted, and what is refused is refused with Kafka's precise error."""

import confluent_kafka
import kafka
import kafka.admin
import pytest
from confluent_kafka import admin

import batches
import processes
import wire
from batches import Record

INVALID_TOPIC, TOPIC_EXISTS, INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR = 17, 36, 37, 38
INVALID_ASSIGNMENT, INVALID_CONFIG, INVALID_REQUEST, UNKNOWN_TOPIC, UNKNOWN_TOPIC_ID = 39, 40, 42, 3, 100


def create(broker, **topic):
    validate_only = topic.pop("validate_only", False)
    answer = wire.ask(broker, wire.CREATE_TOPICS, topics=[topic], validate_only=validate_only)
    return answer.topics[0]


def metadata_of(broker, topic, version=12):
    [found] = wire.ask(broker, wire.METADATA, version, topics=[{"name": topic}]).topics
    return found


def exists(broker, topic):
    return metadata_of(broker, topic).error_code == 0


def test_a_created_topic_has_leaders_when_the_answer_comes(broker, topic):
    answer = create(broker, name=topic, num_partitions=7)
    found = metadata_of(broker, topic)
    assert (answer.error_code, answer.num_partitions, answer.replication_factor) == (0, 7, 1)
    assert found.topic_id == answer.topic_id
    assert [(p.partition_index, p.leader_id, p.error_code) for p in found.partitions] == [(i, 1, 0) for i in range(7)]
    assert all(p.replica_nodes == p.isr_nodes == [1] and p.leader_epoch == 0 for p in found.partitions)


def test_defaults_fill_in_what_is_minus_one(broker, topic):
    answer = create(broker, name=topic, num_partitions=-1, replication_factor=-1)
    assert (answer.error_code, answer.num_partitions, answer.replication_factor) == (0, 1, 1)


def test_an_assignment_is_taken_as_given(broker, topic):
    answer = create(broker, name=topic, num_partitions=-1, replication_factor=-1,
                    assignments=[{"partition_index": 0, "broker_ids": [1]}, {"partition_index": 1, "broker_ids": [1]}])
    assert answer.error_code == 0
    assert len(metadata_of(broker, topic).partitions) == 2


def test_configs_are_answered_with_their_source(broker, topic):
    answer = create(broker, name=topic, configs=[{"name": "retention.ms", "value": "12345"}])
    configs = {c.name: c for c in answer.configs}
    assert (configs["retention.ms"].value, configs["retention.ms"].config_source) == ("12345", 1)
    assert (configs["max.message.bytes"].value, configs["max.message.bytes"].config_source) == ("12000000", 4)
    assert (configs["segment.bytes"].value, configs["segment.bytes"].config_source) == ("1073741824", 5)


def test_validate_only_creates_nothing(broker, topic):
    answer = create(broker, name=topic, num_partitions=3, validate_only=True)
    assert (answer.error_code, answer.num_partitions) == (0, 3)
    assert not exists(broker, topic)


REFUSED = {
    "a slash": (dict(name="a/b"), INVALID_TOPIC),
    "two dots": (dict(name=".."), INVALID_TOPIC),
    "one dot": (dict(name="."), INVALID_TOPIC),
    "a way out": (dict(name="../../etc/passwd"), INVALID_TOPIC),
    "no name": (dict(name=""), INVALID_TOPIC),
    "a long name": (dict(name="n" * 250), INVALID_TOPIC),
    "a space": (dict(name="a b"), INVALID_TOPIC),
    "a null byte": (dict(name="a\0b"), INVALID_TOPIC),
    "no partitions": (dict(name="refused", num_partitions=0), INVALID_PARTITIONS),
    "fewer than none": (dict(name="refused", num_partitions=-2), INVALID_PARTITIONS),
    "more than a znode could hold": (dict(name="refused", num_partitions=2**31 - 1), INVALID_PARTITIONS),
    "no replicas": (dict(name="refused", replication_factor=0), INVALID_REPLICATION_FACTOR),
    "more replicas than brokers": (dict(name="refused", replication_factor=3), INVALID_REPLICATION_FACTOR),
    "an unknown config": (dict(name="refused", configs=[{"name": "no.such.config", "value": "1"}]), INVALID_CONFIG),
    "a bad number": (dict(name="refused", configs=[{"name": "retention.ms", "value": "soon"}]), INVALID_CONFIG),
    "a number out of bounds": (dict(name="refused", configs=[{"name": "segment.bytes", "value": "1"}]), INVALID_CONFIG),
    "a bad word": (dict(name="refused", configs=[{"name": "cleanup.policy", "value": "burn"}]), INVALID_CONFIG),
    "a null config": (dict(name="refused", configs=[{"name": "retention.ms", "value": None}]), INVALID_CONFIG),
    "a broker that is not there": (
        dict(name="refused", num_partitions=-1, replication_factor=-1,
             assignments=[{"partition_index": 0, "broker_ids": [77]}]), INVALID_ASSIGNMENT),
    "a broker named twice": (
        dict(name="refused", num_partitions=-1, replication_factor=-1,
             assignments=[{"partition_index": 0, "broker_ids": [1, 1]}]), INVALID_ASSIGNMENT),
    "a partition named twice": (
        dict(name="refused", num_partitions=-1, replication_factor=-1,
             assignments=[{"partition_index": 0, "broker_ids": [1]}, {"partition_index": 0, "broker_ids": []}]),
        INVALID_ASSIGNMENT),
    "a gap in an assignment": (
        dict(name="refused", num_partitions=-1, replication_factor=-1,
             assignments=[{"partition_index": 1, "broker_ids": [1]}]), INVALID_ASSIGNMENT),
    "assignment and partitions": (
        dict(name="refused", num_partitions=1, assignments=[{"partition_index": 0, "broker_ids": [1]}]), INVALID_REQUEST),
}


@pytest.mark.parametrize("why", REFUSED)
def test_create_topics_refuses(broker, why):
    topic, error = REFUSED[why]
    for validate_only in (True, False):
        answer = create(broker, **topic, validate_only=validate_only)
        assert answer.error_code == error, answer
        assert answer.error_message, "the answer says why"
    assert not exists(broker, "refused")


def test_a_topic_that_exists_is_refused(broker, topic):
    wire.create_topic(broker, topic)
    answer = create(broker, name=topic)
    assert answer.error_code == TOPIC_EXISTS
    assert topic in answer.error_message


def test_a_name_that_collides_in_metrics_is_refused(broker):
    wire.create_topic(broker, "with.dot")
    answer = create(broker, name="with_dot")
    assert answer.error_code == INVALID_TOPIC
    assert "with.dot" in answer.error_message


def test_a_topic_named_twice_in_one_request_is_refused_and_the_others_are_made(broker, topic):
    answer = wire.ask(broker, wire.CREATE_TOPICS, topics=[{"name": "twice"}, {"name": "twice"}, {"name": topic}])
    errors = {found.name: found.error_code for found in answer.topics}
    assert errors == {"twice": INVALID_REQUEST, topic: 0}
    assert not exists(broker, "twice")


@pytest.mark.parametrize("version", wire.CREATE_TOPICS.versions)
def test_every_version_of_create_topics(broker, topic, version):
    answer = wire.ask(broker, wire.CREATE_TOPICS, version, topics=[{"name": topic, "num_partitions": 2}])
    assert answer.topics[0].error_code == 0
    answer = wire.ask(broker, wire.CREATE_TOPICS, version, topics=[{"name": topic}])
    assert answer.topics[0].error_code == TOPIC_EXISTS


@pytest.mark.parametrize("version", wire.METADATA.versions)
def test_every_version_of_metadata(broker, topic, version):
    wire.create_topic(broker, topic, 3)
    everything = wire.ask(broker, wire.METADATA, version, topics=None if version else [])
    assert topic in [found.name for found in everything.topics]
    assert [(b.node_id, b.host, b.port) for b in everything.brokers] == [(1, "127.0.0.1", broker.port)]
    found = metadata_of(broker, topic, version)
    assert (found.error_code, found.name, len(found.partitions)) == (0, topic, 3)


@pytest.mark.parametrize("version", [10, 11, 12])
def test_metadata_answers_unknown_names_without_making_them(broker, topic, version):
    assert metadata_of(broker, topic, version).error_code == UNKNOWN_TOPIC
    assert not exists(broker, topic)


def test_metadata_by_topic_id(broker, topic):
    topic_id = wire.create_topic(broker, topic)
    [found] = wire.ask(broker, wire.METADATA, topics=[{"topic_id": topic_id, "name": None}]).topics
    assert (found.error_code, found.name) == (0, topic)
    wrong = type(topic_id)(int=topic_id.int ^ 1)
    [found] = wire.ask(broker, wire.METADATA, topics=[{"topic_id": wrong, "name": None}]).topics
    assert (found.error_code, found.topic_id) == (UNKNOWN_TOPIC_ID, wrong)


def test_metadata_makes_a_topic_when_allowed_to(broker, topic):
    def ask():
        return wire.ask(broker, wire.METADATA, topics=[{"name": topic}], allow_auto_topic_creation=True).topics[0]
    assert ask().error_code in (0, 3, 5)
    processes.wait_until(lambda: ask().error_code == 0, "the topic is made")
    assert len(ask().partitions) == 1


def test_metadata_refuses_to_make_a_topic_of_an_invalid_name(broker):
    for name in ("a/b", "..", "../x"):
        [found] = wire.ask(broker, wire.METADATA, topics=[{"name": name}], allow_auto_topic_creation=True).topics
        assert found.error_code == INVALID_TOPIC


@pytest.mark.parametrize("version", wire.DELETE_TOPICS.versions)
def test_every_version_of_delete_topics(broker, topic, version):
    wire.create_topic(broker, topic)
    body = {"topics": [{"name": topic}]} if version >= 6 else {"topic_names": [topic]}
    assert wire.ask(broker, wire.DELETE_TOPICS, version, **body).responses[0].error_code == 0
    processes.wait_until(lambda: not exists(broker, topic), "the topic is gone")
    assert wire.ask(broker, wire.DELETE_TOPICS, version, **body).responses[0].error_code == UNKNOWN_TOPIC


def test_delete_topics_by_id(broker, topic):
    topic_id = wire.create_topic(broker, topic)
    wrong = type(topic_id)(int=topic_id.int ^ 1)
    answer = wire.ask(broker, wire.DELETE_TOPICS, topics=[{"name": None, "topic_id": t} for t in (topic_id, wrong)])
    assert {a.topic_id: a.error_code for a in answer.responses} == {topic_id: 0, wrong: UNKNOWN_TOPIC_ID}
    processes.wait_until(lambda: not exists(broker, topic), "the topic is gone")


@pytest.mark.parametrize("version", wire.CREATE_PARTITIONS.versions)
def test_partitions_are_added(broker, topic, version):
    wire.create_topic(broker, topic, 2)
    answer = wire.ask(broker, wire.CREATE_PARTITIONS, version,
                      topics=[{"name": topic, "count": 5, "assignments": None}])
    assert answer.results[0].error_code == 0, answer
    processes.wait_until(lambda: [p.leader_id for p in metadata_of(broker, topic).partitions] == [1] * 5,
                         "five partitions have leaders")
    with wire.Connection(broker) as connection:
        assert wire.produce(connection, topic, batches.encode([Record(b"x")]), partition=4).error_code == 0


@pytest.mark.parametrize("count, name, error", [
    (2, None, INVALID_PARTITIONS), (1, None, INVALID_PARTITIONS), (0, None, INVALID_PARTITIONS),
    (2**31 - 1, None, INVALID_PARTITIONS),
    (5, "no-such-topic", UNKNOWN_TOPIC)])
def test_create_partitions_refuses(broker, topic, count, name, error):
    wire.create_topic(broker, topic, 2)
    answer = wire.ask(broker, wire.CREATE_PARTITIONS, topics=[{"name": name or topic, "count": count,
                                                               "assignments": None}])
    assert answer.results[0].error_code == error
    assert answer.results[0].error_message
    assert len(metadata_of(broker, topic).partitions) == 2


def test_create_partitions_validates_only(broker, topic):
    wire.create_topic(broker, topic, 2)
    answer = wire.ask(broker, wire.CREATE_PARTITIONS, validate_only=True,
                      topics=[{"name": topic, "count": 4, "assignments": None}])
    assert answer.results[0].error_code == 0
    assert len(metadata_of(broker, topic).partitions) == 2


@pytest.mark.parametrize("version", wire.DESCRIBE_CLUSTER.versions)
def test_describe_cluster(broker, version):
    answer = wire.ask(broker, wire.DESCRIBE_CLUSTER, version)
    assert (answer.error_code, answer.controller_id) == (0, 1)
    assert [(b.broker_id, b.host, b.port, b.rack) for b in answer.brokers] == [(1, "127.0.0.1", broker.port, None)]
    assert answer.cluster_id == wire.ask(broker, wire.METADATA, topics=[]).cluster_id


@pytest.mark.parametrize("version", wire.API_VERSIONS.versions)
def test_every_version_of_api_versions(broker, version):
    answer = wire.ask(broker, wire.API_VERSIONS, version)
    ranges = {api.api_key: (api.min_version, api.max_version) for api in answer.api_keys}
    assert answer.error_code == 0
    for api in (wire.PRODUCE, wire.FETCH, wire.LIST_OFFSETS, wire.METADATA, wire.API_VERSIONS, wire.CREATE_TOPICS,
                wire.DELETE_TOPICS, wire.OFFSET_FOR_LEADER_EPOCH, wire.CREATE_PARTITIONS, wire.DESCRIBE_CLUSTER):
        assert ranges[api.key] == (api.versions[0], api.versions[-1]), f"api key {api.key}"
    assert ranges[32] == (0, 4)


@pytest.mark.parametrize("name, error", [("no spaces", 42), ("-dash", 42), ("", 42), ("good.name-1", 0)])
def test_api_versions_checks_the_name_of_the_client_software(broker, name, error):
    assert wire.ask(broker, wire.API_VERSIONS, client_software_name=name).error_code == error


@pytest.fixture
def timed(broker, topic):
    """Batches with timestamps 1000, 3000, 2000, at offsets 0-1, 2, 3."""
    wire.create_topic(broker, topic)
    with wire.Connection(broker) as connection:
        for timestamps in ([1000, 1500], [3000], [2000]):
            wire.produce(connection, topic, batches.encode([Record(b"v", timestamp=t) for t in timestamps]))
    return topic


@pytest.mark.parametrize("version", wire.LIST_OFFSETS.versions[1:])
@pytest.mark.parametrize("timestamp, expected", [
    (-2, (-1, 0)), (-1, (-1, 4)), (0, (1000, 0)), (1001, (1500, 1)), (1500, (1500, 1)), (1501, (3000, 2)),
    (3000, (3000, 2)), (3001, (-1, -1)), (-3, (3000, 2))])
def test_list_offsets(broker, timed, version, timestamp, expected):
    if timestamp == -3 and version < 7:
        pytest.skip("asking for the largest timestamp came with version 7")
    answer = wire.ask(broker, wire.LIST_OFFSETS, version,
                      topics=[{"name": timed, "partitions": [{"partition_index": 0, "timestamp": timestamp}]}])
    found = answer.topics[0].partitions[0]
    assert (found.error_code, found.timestamp, found.offset) == (0, *expected)


@pytest.mark.parametrize("timestamp, offsets", [(-1, [4, 0]), (-2, [0])])
def test_list_offsets_in_the_oldest_version(broker, timed, timestamp, offsets):
    answer = wire.ask(broker, wire.LIST_OFFSETS, 0, topics=[{"name": timed, "partitions": [
        {"partition_index": 0, "timestamp": timestamp, "max_num_offsets": 5}]}])
    found = answer.topics[0].partitions[0]
    assert (found.error_code, found.old_style_offsets) == (0, offsets)


def test_list_offsets_in_the_oldest_version_begins_where_records_were_not_deleted(broker, topic):
    """As Kafka's legacyFetchOffsetsBefore: a segment begins at the log's start at the earliest."""
    wire.create_topic(broker, topic)
    with wire.Connection(broker) as connection:
        for _ in range(5):
            wire.produce(connection, topic, batches.encode([Record(b"v")] * 10))
    wire.ask(broker, wire.DELETE_RECORDS, topics=[
        {"name": topic, "partitions": [{"partition_index": 0, "offset": 20}]}], timeout_ms=5000)
    for timestamp, offsets in [(-1, [50, 20]), (-2, [20]), (1, [])]:
        answer = wire.ask(broker, wire.LIST_OFFSETS, 0, topics=[{"name": topic, "partitions": [
            {"partition_index": 0, "timestamp": timestamp, "max_num_offsets": 5}]}])
        found = answer.topics[0].partitions[0]
        assert (found.error_code, found.old_style_offsets) == (0, offsets)


def test_list_offsets_of_what_is_not_there(broker, timed):
    answer = wire.ask(broker, wire.LIST_OFFSETS, topics=[
        {"name": name, "partitions": [{"partition_index": partition, "timestamp": -1}]}
        for name, partition in [("no-such-topic", 0), (timed, 9)]])
    assert [topic.partitions[0].error_code for topic in answer.topics] == [UNKNOWN_TOPIC, UNKNOWN_TOPIC]


@pytest.mark.parametrize("version", wire.OFFSET_FOR_LEADER_EPOCH.versions)
@pytest.mark.parametrize("epoch, expected", [(0, (0, 0, 4)), (5, (0, -1, -1)), (-1, (0, -1, -1))])
def test_offset_for_leader_epoch(broker, timed, version, epoch, expected):
    answer = wire.ask(broker, wire.OFFSET_FOR_LEADER_EPOCH, version,
                      topics=[{"topic": timed, "partitions": [{"partition": 0, "leader_epoch": epoch}]}])
    found = answer.topics[0].partitions[0]
    assert (found.error_code, getattr(found, "leader_epoch", expected[1]), found.end_offset) == expected


@pytest.mark.parametrize("name, partition, current, error", [
    (None, 0, 7, 75), (None, 9, -1, UNKNOWN_TOPIC), ("no-such-topic", 0, -1, UNKNOWN_TOPIC)])
def test_offset_for_leader_epoch_refuses(broker, timed, name, partition, current, error):
    answer = wire.ask(broker, wire.OFFSET_FOR_LEADER_EPOCH, topics=[{"topic": name or timed, "partitions": [
        {"partition": partition, "current_leader_epoch": current, "leader_epoch": 0}]}])
    assert answer.topics[0].partitions[0].error_code == error


def test_confluents_admin_client_creates_describes_and_deletes(broker, topic):
    client = admin.AdminClient({"bootstrap.servers": broker.address})
    done(client.create_topics([admin.NewTopic(topic, 2, 1, config={"retention.ms": "777000"})]))
    done(client.create_partitions([admin.NewPartitions(topic, 4)]))
    processes.wait_until(lambda: len(client.list_topics(topic, 10).topics[topic].partitions) == 4, "four partitions")

    resource = admin.ConfigResource(admin.RESOURCE_TOPIC, topic)
    [configs] = done(client.describe_configs([resource]))
    assert configs["retention.ms"].value == "777000" and not configs["retention.ms"].is_default
    assert configs["segment.bytes"].value == "1073741824" and configs["segment.bytes"].is_default

    done(client.delete_topics([topic]))
    processes.wait_until(lambda: not exists(broker, topic), "the topic is gone")
    with pytest.raises(confluent_kafka.KafkaException, match="Unknown topic or partition|UNKNOWN_TOPIC"):
        done(client.describe_configs([resource]))


def test_confluents_admin_client_describes_the_broker(broker):
    client = admin.AdminClient({"bootstrap.servers": broker.address})
    [configs] = done(client.describe_configs([admin.ConfigResource(admin.RESOURCE_BROKER, "1")]))
    assert configs["message.max.bytes"].value == "12000000"
    assert configs["message.max.bytes"].source == admin.ConfigSource.STATIC_BROKER_CONFIG.value
    assert configs["broker.id"].is_read_only
    assert configs["num.partitions"].value == "1"


def done(futures):
    return [future.result(20) for future in futures.values()]


def test_kafka_pythons_admin_client_creates_describes_and_deletes(broker, topic):
    client = kafka.KafkaAdminClient(bootstrap_servers=broker.address)
    client.create_topics([kafka.admin.NewTopic(topic, 2, 1, topic_configs={"retention.ms": "777000"})])
    with pytest.raises(kafka.errors.TopicAlreadyExistsError):
        client.create_topics([kafka.admin.NewTopic(topic, 2, 1)])
    client.create_partitions({topic: kafka.admin.NewPartitions(3)})
    processes.wait_until(lambda: len(client.describe_topics([topic])[0]["partitions"]) == 3, "three partitions")
    [answer] = client.describe_configs([kafka.admin.ConfigResource("TOPIC", topic)])
    configs = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    assert configs["retention.ms"] == "777000"
    client.delete_topics([topic])
    processes.wait_until(lambda: not exists(broker, topic), "the topic is gone")
    client.close()


def test_auto_creation_can_be_switched_off(new_broker, topic):
    broker = new_broker(auto_create_topics_enable="false").start()
    [found] = wire.ask(broker, wire.METADATA, topics=[{"name": topic}], allow_auto_topic_creation=True).topics
    assert found.error_code == UNKNOWN_TOPIC
    assert not exists(broker, topic)


def test_deletion_can_be_switched_off(new_broker, topic):
    broker = new_broker(delete_topic_enable="false").start()
    wire.create_topic(broker, topic)
    answer = wire.ask(broker, wire.DELETE_TOPICS, topics=[{"name": topic}])
    assert answer.responses[0].error_code == 73
    assert exists(broker, topic)
