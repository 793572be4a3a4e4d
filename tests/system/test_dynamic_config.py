"""Options that change while brokers run: what takes effect, where it is written, and what is refused."""

import json
import socket

import confluent_kafka.admin
import kafka.admin
import pytest

import processes
import wire
from configs import APPEND, BROKER, CLIENT_METRICS, DELETE, LOGGER, SET, SUBTRACT, TOPIC
from configs import Heard, described, incremental, replace
from effects import produced

UNKNOWN_TOPIC, MESSAGE_TOO_LARGE, NOT_ENOUGH_REPLICAS, INVALID_CONFIG, INVALID_REQUEST = 3, 10, 19, 40, 42


@pytest.fixture(scope="module")
def broker(new_shared_broker):
    return new_shared_broker().start()


def test_a_brokers_own_option_counts_before_the_clusters_and_is_written_as_kafka_does(zookeeper, new_broker, topic):
    broker = new_broker(message_max_bytes=5000).start()
    client = zookeeper.client(broker.chroot)
    wire.create_topic(broker, topic)
    with Heard(broker, "level=broker"):
        assert replace(broker, BROKER, "1", {"message.max.bytes": "1000"}).error_code == 0
    with Heard(broker, "level=cluster"):
        assert replace(broker, BROKER, "", {"message.max.bytes": "3000"}).error_code == 0
    assert produced(broker, topic, size=2000) == MESSAGE_TOO_LARGE
    shown = described(broker, BROKER, "1").configs["message.max.bytes"]
    assert [(s.name, s.value, s.source) for s in shown.synonyms] == [
        ("message.max.bytes", value, source)
        for value, source in (("1000", 2), ("3000", 3), ("5000", 4), ("1048588", 5))]
    of_topic = described(broker, TOPIC, topic).configs["max.message.bytes"]
    assert (of_topic.value, of_topic.config_source, [s.source for s in of_topic.synonyms]) == ("1000", 2, [2, 3, 4, 5])
    assert client.get("/config/brokers/1")[0] == b'{"version":1,"config":{"message.max.bytes":"1000"}}'
    assert client.get("/config/brokers/<default>")[0] == b'{"version":1,"config":{"message.max.bytes":"3000"}}'
    notes = sorted(client.get_children("/config/changes"))
    assert [client.get(f"/config/changes/{note}")[0] for note in notes] == [
        b'{"version":2,"entity_path":"brokers/1"}', b'{"version":2,"entity_path":"brokers/<default>"}']
    assert notes == ["config_change_0000000000", "config_change_0000000001"]
    broker.stop()
    broker.start()
    assert produced(broker, topic, size=2000) == MESSAGE_TOO_LARGE, "a restart keeps them"
    assert described(broker, BROKER, "1").configs["message.max.bytes"].config_source == 2
    client.stop()


def _write_like_a_tool(client, entity, options, version=2):
    path = f"/config/{entity}"
    data = options if isinstance(options, bytes) else json.dumps({"version": 1, "config": options}).encode()
    if client.exists(path):
        client.set(path, data)
    else:
        client.create(path, data)
    kind, name = entity.split("/", 1)
    note = {"version": 2, "entity_path": entity} if version == 2 else {
        "version": 1, "entity_type": kind, "entity_name": name}
    client.create("/config/changes/config_change_", json.dumps(note).encode(), sequence=True)


def test_what_tools_write_takes_effect_and_what_cannot_be_read_disturbs_nothing(zookeeper, new_broker, topic):
    broker = new_broker().start()
    client = zookeeper.client(broker.chroot)
    wire.create_topic(broker, topic)
    with Heard(broker):
        _write_like_a_tool(client, f"topics/{topic}", {"max.message.bytes": "1000"})
    assert produced(broker, topic, size=2000) == MESSAGE_TOO_LARGE
    with Heard(broker):
        _write_like_a_tool(client, f"topics/{topic}", {}, version=1)
    assert produced(broker, topic, size=2000) == 0
    with Heard(broker):
        _write_like_a_tool(client, "brokers/<default>", {"message.max.bytes": "1000"})
    assert produced(broker, topic, size=2000) == MESSAGE_TOO_LARGE

    for note in (b"", b"no json", b'{"version":9,"entity_path":"topics/a"}', b'{"version":2,"entity_path":"nowhere"}'):
        client.create("/config/changes/config_change_", note, sequence=True)
    with Heard(broker, "error dynamic options can't be applied"):
        _write_like_a_tool(client, "brokers/<default>", b"{no json")
    with Heard(broker, "error a topic's configuration can't be applied"):
        _write_like_a_tool(client, f"topics/{topic}", {"max.message.bytes": "many"})
    with Heard(broker, "error a dynamic option in the coordination service is ignored option=broker.rack"):
        _write_like_a_tool(client, "brokers/1", {"broker.rack": "there", "min.insync.replicas": "1"})
    assert broker.log().count("could not understand a change notification") == 3
    assert produced(broker, topic, size=2000) == MESSAGE_TOO_LARGE, "what was in force still is"
    with Heard(broker):
        _write_like_a_tool(client, "brokers/<default>", {})
    _write_like_a_tool(client, f"topics/{topic}", {})
    assert produced(broker, topic, size=2000) == 0
    client.stop()


def test_a_topics_change_reaches_the_broker_that_leads_it(new_broker, topic):
    first = new_broker(broker_id=1).start()
    second = new_broker(broker_id=2, chroot=first.chroot).start()
    answer = wire.ask(first, wire.CREATE_TOPICS, topics=[
        {"name": topic, "num_partitions": -1, "replication_factor": -1,
         "assignments": [{"partition_index": 0, "broker_ids": [2]}]}])
    assert answer.topics[0].error_code == 0
    processes.wait_until(lambda: produced(second, topic, size=2000) == 0, "the second broker leads the topic")
    with Heard(second):
        assert incremental(first, TOPIC, topic, ("max.message.bytes", SET, "1000")).error_code == 0
    assert produced(second, topic, size=2000) == MESSAGE_TOO_LARGE
    with Heard(second, "level=cluster"):
        assert incremental(first, BROKER, "", ("min.insync.replicas", SET, "2")).error_code == 0
    assert produced(second, topic) == NOT_ENOUGH_REPLICAS
    answer = incremental(first, BROKER, "2", ("min.insync.replicas", SET, "2"))
    assert (answer.error_code, answer.error_message) == (
        INVALID_REQUEST, "Unexpected broker id, expected 1, but received 2")


def test_advertised_listeners_and_a_new_listener(new_broker, zookeeper):
    broker = new_broker().start()
    port = processes.free_port()

    def addresses():
        return {(b.host, b.port) for b in wire.ask(broker, wire.METADATA, 12, topics=[]).brokers}
    assert addresses() == {("127.0.0.1", broker.port)}
    assert incremental(broker, BROKER, "1", (
        "advertised.listeners", SET, f"PLAINTEXT://localhost:{broker.port}")).error_code == 0
    processes.wait_until(lambda: addresses() == {("localhost", broker.port)}, "clients are told the new address")
    client = zookeeper.client(broker.chroot)
    registration = json.loads(client.get("/brokers/ids/1")[0])
    assert registration["endpoints"] == [f"PLAINTEXT://localhost:{broker.port}"]
    client.stop()
    ours, more = f"PLAINTEXT://127.0.0.1:{broker.port}", f"MORE://127.0.0.1:{port}"
    assert incremental(broker, BROKER, "1", ("listeners", SET, f"{ours},{more}"),
                       ("listener.security.protocol.map", SET, "PLAINTEXT:PLAINTEXT,MORE:PLAINTEXT"),
                       ("advertised.listeners", SET, f"{ours},{more}")).error_code == 0

    def is_open():
        with socket.socket() as client_socket:
            return client_socket.connect_ex(("127.0.0.1", port)) == 0
    processes.wait_until(is_open, "the new listener is open")
    assert incremental(broker, BROKER, "1", ("listeners", DELETE, None),
                       ("advertised.listeners", DELETE, None)).error_code == 0
    processes.wait_until(lambda: not is_open(), "the listener is closed again")
    assert incremental(broker, BROKER, "", ("listeners", SET, more)).error_code == INVALID_REQUEST


# --- the requests ---

REFUSED = {
    "an unknown option of a topic": (TOPIC, None, ("no.such", SET, "1"), INVALID_CONFIG,
                                     "Unknown topic config name: no.such"),
    "a bad value of a topic": (TOPIC, None, ("retention.ms", SET, "soon"), INVALID_CONFIG, "retention.ms"),
    "more of what is no list": (TOPIC, None, ("retention.ms", APPEND, "1"), INVALID_CONFIG,
                                "Config value append is not allowed for config key: retention.ms"),
    "less of what is no list": (BROKER, "1", ("message.max.bytes", SUBTRACT, "1"), INVALID_CONFIG,
                                "Config value subtract is not allowed for config key: message.max.bytes"),
    "null": (TOPIC, None, ("retention.ms", SET, None), INVALID_REQUEST, "Null value not supported for : retention.ms"),
    "an unknown operation": (BROKER, "1", ("message.max.bytes", 7, "1"), INVALID_REQUEST, "Unknown operations type 7"),
    "an unknown topic": (TOPIC, "nowhere", ("retention.ms", SET, "1"), UNKNOWN_TOPIC,
                         "The topic 'nowhere' does not exist."),
    "the default topic": (TOPIC, "", ("retention.ms", SET, "1"), INVALID_REQUEST,
                          "Default topic resources are not allowed."),
    "what needs a restart": (BROKER, "1", ("broker.rack", SET, "a"), INVALID_REQUEST,
                             "Cannot update these configs dynamically: Set(broker.rack)"),
    "what is one broker's": (BROKER, "", ("advertised.listeners", SET, "PLAINTEXT://a:1"), INVALID_REQUEST,
                             "Cannot update these configs at default cluster level, broker id must be specified: "
                             "Set(advertised.listeners)"),
    "too many threads": (BROKER, "1", ("num.io.threads", SET, "17"), INVALID_REQUEST,
                         "value should not be greater than double the current value 8"),
    "another broker": (BROKER, "5", ("message.max.bytes", SET, "1"), INVALID_REQUEST,
                       "Unexpected broker id, expected 1, but received 5"),
    "no number": (BROKER, "x", ("message.max.bytes", SET, "1"), INVALID_REQUEST,
                  "Node id must be an integer, but it is: x"),
    "an unknown type": (77, "x", ("a", SET, "1"), INVALID_REQUEST, "Unknown resource type 77"),
    "client metrics": (CLIENT_METRICS, "x", ("a", SET, "1"), INVALID_REQUEST, "only supported for topics and brokers"),
    "an unknown logger": (LOGGER, "1", ("kafka.nowhere", SET, "INFO"), INVALID_CONFIG,
                          "Logger kafka.nowhere does not exist!"),
    "an unknown level": (LOGGER, "1", ("root", SET, "LOUD"), INVALID_CONFIG,
                         "Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"),
    "no root logger": (LOGGER, "1", ("root", DELETE, None), INVALID_REQUEST,
                       "Removing the log level of the root logger is not allowed"),
    "more of a logger": (LOGGER, "1", ("root", APPEND, "INFO"), INVALID_REQUEST,
                         "APPEND operation is not allowed for the BROKER_LOGGER resource"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_change_is_refused(broker, topic, why):
    kind, name, operation, code, words = REFUSED[why]
    wire.create_topic(broker, topic)
    for validate_only in (True, False):
        answer = incremental(broker, kind, topic if name is None else name, operation, validate_only=validate_only)
        assert (answer.error_code, words in (answer.error_message or "")) == (code, True), answer


def test_a_password_needs_a_secret_only_to_be_kept(broker):
    operation = ("listener.name.a.ssl.key.password", SET, "x")
    assert incremental(broker, BROKER, "1", operation, validate_only=True).error_code == 0
    answer = incremental(broker, BROKER, "1", operation)
    assert answer.error_code == INVALID_CONFIG and "Password encoder secret not configured" in answer.error_message


def test_what_is_named_twice_is_refused_and_the_rest_done(broker, topic):
    wire.create_topic(broker, topic)
    twice = incremental(broker, TOPIC, topic, ("retention.ms", SET, "1"), ("retention.ms", SET, "2"))
    assert (twice.error_code, twice.error_message) == (INVALID_REQUEST, "Error due to duplicate config keys")
    resource = {"resource_type": TOPIC, "resource_name": "x", "configs": []}
    good = {"resource_type": TOPIC, "resource_name": topic, "configs": [{"name": "segment.ms", "value": "1000"}]}
    for api in (wire.ALTER_CONFIGS, wire.INCREMENTAL_ALTER_CONFIGS):
        answer = wire.ask(broker, api, resources=[resource, good, resource])
        assert [r.error_code for r in answer.responses] == [INVALID_REQUEST, 0, INVALID_REQUEST]
        assert answer.responses[0].error_message == "Each resource must appear at most once."
    assert described(broker, TOPIC, topic).configs["segment.ms"].value == "1000"


@pytest.mark.parametrize("version", wire.INCREMENTAL_ALTER_CONFIGS.versions)
def test_every_version_of_incremental_alter_configs(broker, topic, version):
    wire.create_topic(broker, topic)

    def policy(*operations, **options):
        answer = incremental(broker, TOPIC, topic, *operations, version=version, **options)
        assert answer.error_code == 0, answer
        return described(broker, TOPIC, topic).configs["cleanup.policy"].value
    assert policy(("cleanup.policy", APPEND, "compact"), validate_only=True) == "delete"
    assert policy(("cleanup.policy", APPEND, "compact")) == "delete,compact"
    assert policy(("cleanup.policy", SUBTRACT, "delete")) == "compact"
    assert policy(("cleanup.policy", SET, "delete")) == "delete"
    assert policy(("cleanup.policy", DELETE, None)) == "delete"
    assert described(broker, TOPIC, topic).configs["cleanup.policy"].config_source == 5


@pytest.mark.parametrize("version", wire.ALTER_CONFIGS.versions)
def test_every_version_of_alter_configs(broker, topic, version):
    wire.create_topic(broker, topic, retention_ms=5000)
    assert replace(broker, TOPIC, topic, {"segment.ms": "1000"}, version, validate_only=True).error_code == 0
    assert described(broker, TOPIC, topic).configs["retention.ms"].value == "5000"
    assert replace(broker, TOPIC, topic, {"segment.ms": "1000"}, version).error_code == 0
    configs = described(broker, TOPIC, topic).configs
    assert (configs["segment.ms"].value, configs["retention.ms"].config_source) == ("1000", 5)
    refused = replace(broker, LOGGER, "1", {"root": "INFO"}, version)
    assert (refused.error_code, refused.error_message) == (INVALID_REQUEST, "Unknown resource type 8")


@pytest.mark.parametrize("version", wire.DESCRIBE_CONFIGS.versions)
def test_every_version_of_describe_configs(broker, topic, version):
    wire.create_topic(broker, topic, retention_ms=5000)
    retention = described(broker, TOPIC, topic, version).configs["retention.ms"]
    assert (retention.value, retention.read_only, retention.is_sensitive) == ("5000", False, False)
    if version == 0:
        assert retention.is_default is False
    else:
        assert (retention.config_source, retention.synonyms[0].source) == (1, 1)
    if version >= 3:
        assert retention.config_type == 5 and retention.documentation
    assert set(described(broker, TOPIC, topic, version, keys=["segment.ms", "no.such"]).configs) == {"segment.ms"}
    rack = described(broker, BROKER, "1", version).configs["broker.rack"]
    assert (rack.value, rack.read_only) == (None, True)
    metrics = described(broker, CLIENT_METRICS, "x", version)
    assert (metrics.error_code, metrics.error_message) == (
        INVALID_REQUEST, "Config type client-metrics is only supported on KRaft clusters")
    assert described(broker, TOPIC, "nowhere", version).error_code == UNKNOWN_TOPIC
    assert described(broker, 77, "x", version).error_code == INVALID_REQUEST


def test_loggers(broker):
    levels = {name: config.value for name, config in described(broker, LOGGER, "1").configs.items()}
    assert levels["root"] == levels["gregor.api"] == levels["gregor.controller"] == "INFO"
    assert described(broker, LOGGER, "1").configs["root"].config_source == 6

    def requests_are_logged():
        before = broker.log().count("debug request")
        wire.ask(broker, wire.METADATA)
        return broker.log().count("debug request") > before
    assert not requests_are_logged()
    assert incremental(broker, LOGGER, "1", ("gregor.api", SET, "DEBUG"), validate_only=True).error_code == 0
    assert not requests_are_logged()
    assert incremental(broker, LOGGER, "1", ("gregor.api", SET, "DEBUG")).error_code == 0
    assert requests_are_logged()
    levels = {name: config.value for name, config in described(broker, LOGGER, "1").configs.items()}
    assert (levels["gregor.api"], levels["gregor.log"]) == ("DEBUG", "INFO")
    assert incremental(broker, LOGGER, "1", ("gregor.api", DELETE, None)).error_code == 0
    assert not requests_are_logged()
    assert described(broker, LOGGER, "").error_code == INVALID_REQUEST
    assert incremental(broker, LOGGER, "2", ("root", SET, "DEBUG")).error_code == INVALID_REQUEST


def test_passwords_are_kept_encrypted(zookeeper, new_broker):
    broker = new_broker(password_encoder_secret="first").start()
    client = zookeeper.client(broker.chroot)
    key = "listener.name.plaintext.ssl.keystore.password"
    with Heard(broker):
        assert incremental(broker, BROKER, "1", (key, SET, "hidden-words")).error_code == 0
    first = client.get("/config/brokers/1")[0]
    assert b"hidden-words" not in first and b"encryptedPassword:" in first
    shown = described(broker, BROKER, "1").configs[key]
    assert (shown.value, shown.is_sensitive, shown.config_source) == (None, True, 2)
    broker.stop()
    broker.options.update({"password.encoder.secret": "second", "password.encoder.old.secret": "first"})
    broker.start()
    second = client.get("/config/brokers/1")[0]
    assert second != first and key in described(broker, BROKER, "1").configs
    broker.stop()
    del broker.options["password.encoder.old.secret"]
    broker.start()
    assert key in described(broker, BROKER, "1").configs
    assert "could not be decoded" not in broker.log()
    assert "hidden-words" not in broker.log_file.read_text()
    client.stop()


# --- real clients ---

def test_confluent_kafka_changes_and_describes(broker, topic):
    client = confluent_kafka.admin.AdminClient({"bootstrap.servers": broker.address})
    resource_class = confluent_kafka.admin.ConfigResource
    wire.create_topic(broker, topic)
    change = resource_class(resource_class.Type.TOPIC, topic, set_config={"max.message.bytes": "1000"})
    with Heard(broker):
        for future in client.alter_configs([change]).values():
            future.result(20)
    assert produced(broker, topic, size=2000) == MESSAGE_TOO_LARGE
    [future] = client.describe_configs([resource_class(resource_class.Type.TOPIC, topic)]).values()
    assert future.result(20)["max.message.bytes"].value == "1000"
    [future] = client.describe_configs([resource_class(resource_class.Type.BROKER, "1")]).values()
    assert future.result(20)["num.io.threads"].value == "8"
    [future] = client.alter_configs([
        resource_class(resource_class.Type.TOPIC, topic, set_config={"no.such": "1"})]).values()
    with pytest.raises(confluent_kafka.KafkaException, match="Unknown topic config name: no.such"):
        future.result(20)


def test_kafka_python_changes_and_describes(broker, topic):
    client = kafka.admin.KafkaAdminClient(bootstrap_servers=broker.address)
    kinds = kafka.admin.ConfigResourceType
    wire.create_topic(broker, topic)
    with Heard(broker):
        client.alter_configs([kafka.admin.ConfigResource(kinds.TOPIC, topic, {"max.message.bytes": "1000"})])
    assert produced(broker, topic, size=2000) == MESSAGE_TOO_LARGE
    [answer] = client.describe_configs([kafka.admin.ConfigResource(kinds.TOPIC, topic)])
    [resource] = answer.resources
    values = {config[0]: config[1] for config in resource[4]}
    assert values["max.message.bytes"] == "1000"
    client.close()
