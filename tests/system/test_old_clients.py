"""Clients from before Kafka 0.11, which know neither record batches nor headers, share topics with those of today."""

import kafka
import pytest

import clients
import wire
from batches import Record

# The broker version that the client believes in decides its versions of Produce and Fetch, and so the message format.
BELIEFS = {"0.8.2": (0, 8, 2), "0.9": (0, 9), "0.10.0": (0, 10, 0), "0.10.1": (0, 10, 1)}
OLD = pytest.mark.parametrize("believed", BELIEFS)
CODECS = pytest.mark.parametrize("codec", [None, "gzip", "snappy"])


def some_records():
    return [Record(b"value %d" % number + b"." * 200, key=b"key" if number % 2 else None,
                   timestamp=1_600_000_000_000 + number) for number in range(20)]


def keys_and_values(records):
    return [(record.key, record.value) for record in records]


@OLD
@CODECS
def test_what_an_old_producer_writes_is_read_by_a_client_of_today(broker, topic, believed, codec):
    wire.create_topic(broker, topic)
    producer = kafka.KafkaProducer(bootstrap_servers=broker.address, api_version=BELIEFS[believed],
                                   compression_type=codec, acks=1, linger_ms=50)
    timestamps = {"timestamp_ms": 1_600_000_000_000} if BELIEFS[believed] >= (0, 10) else {}
    futures = [producer.send(topic, record.value, record.key, partition=0, **timestamps) for record in some_records()]
    producer.flush(20)
    assert [future.get(20).offset for future in futures] == list(range(20))
    producer.close()
    read = clients.ConfluentKafka().consume(broker, topic, 20)
    assert keys_and_values(read) == keys_and_values(some_records())
    if timestamps:
        assert {record.timestamp for record in read} == {1_600_000_000_000}


@OLD
@CODECS
def test_what_a_producer_of_today_writes_is_read_by_an_old_client(broker, topic, believed, codec):
    wire.create_topic(broker, topic)
    clients.KafkaPython().produce(broker, topic, some_records(), codec or "none")
    consumer = kafka.KafkaConsumer(bootstrap_servers=broker.address, api_version=BELIEFS[believed], group_id=None,
                                   enable_auto_commit=False, consumer_timeout_ms=20_000)
    partition = kafka.TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek(partition, 0)
    read = [next(consumer) for _ in range(20)]
    consumer.close()
    assert keys_and_values(read) == keys_and_values(some_records())
    assert [record.offset for record in read] == list(range(20))
    if BELIEFS[believed] >= (0, 10):
        assert [record.timestamp for record in read] == [record.timestamp for record in some_records()]


def test_kcat_that_does_not_ask_for_versions(broker, topic):
    wire.create_topic(broker, topic)
    old = ["-b", broker.address, "-t", topic, "-X", "api.version.request=false", "-X", "broker.version.fallback=0.9.0.1"]
    clients.run(["kcat", "-P", *old, "-p", "0"], input="one\ntwo\n")
    assert clients.run(["kcat", "-C", *old, "-o", "beginning", "-e", "-q"]) == "one\ntwo\n"
