"""Clients that speak as those of Kafka 0.8 to 0.10 did, with message sets of magic 0 and 1, beside clients of today."""

import confluent_kafka
import kafka
import pytest

import clients
import log_files
import wire
from batches import CODECS, Record

TIMESTAMP = 1_700_000_000_000


class OldKafkaPython:
    """kafka-python, told which version of Kafka it talks to."""

    def __init__(self, *version):
        self.name = "kafka-python-" + ".".join(map(str, version))
        self._settings = {"api_version": version}
        self.writes_timestamps = self.reads_timestamps = version >= (0, 10)
        self.sends_plain = []

    def produce(self, broker, topic, records, codec):
        producer = kafka.KafkaProducer(bootstrap_servers=broker.address, linger_ms=20,
                                       compression_type=None if codec == "none" else codec, **self._settings)
        sent = [producer.send(topic, r.value, r.key, partition=0, timestamp_ms=r.timestamp) for r in records]
        producer.flush(30)
        assert [future.get(30).offset for future in sent] == list(range(len(records)))
        producer.close()

    def consume(self, broker, topic, count):
        consumer = kafka.KafkaConsumer(bootstrap_servers=broker.address, group_id=None, enable_auto_commit=False,
                                       consumer_timeout_ms=20_000, **self._settings)
        partition = kafka.TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        found = [next(consumer) for _ in range(count)]
        consumer.close()
        return [Record(m.value, m.key, m.headers, m.timestamp, m.offset) for m in found]


class OldLibrdkafka:
    """librdkafka, told not to ask for versions but to take those of an old Kafka."""

    def __init__(self, version):
        self.name = f"librdkafka-{version}"
        self._settings = {"api.version.request": False, "broker.version.fallback": version}
        self.writes_timestamps = self.reads_timestamps = version.startswith("0.10")
        self.sends_plain = ["lz4"] if version == "0.10.0.0" else []  # it believes that this one has no LZ4

    def produce(self, broker, topic, records, codec):
        outcomes = []
        producer = confluent_kafka.Producer({"bootstrap.servers": broker.address, "compression.type": codec,
                                             "linger.ms": 20, **self._settings})
        for record in records:
            producer.produce(topic, record.value, record.key, partition=0, timestamp=record.timestamp,
                             on_delivery=lambda error, _: outcomes.append(error))
        assert producer.flush(30) == 0 and outcomes == [None] * len(records)

    def consume(self, broker, topic, count):
        consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.address, "group.id": "unused",
                                             "enable.auto.commit": False, "check.crcs": True, **self._settings})
        consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
        found = []
        while len(found) < count:
            more = consumer.consume(count - len(found), timeout=20)
            assert more, f"{len(found)} of {count} records came"
            found += more
        consumer.close()
        assert not [message.error() for message in found if message.error()]
        return [Record(m.value(), m.key(), m.headers() or [], m.timestamp()[1], m.offset()) for m in found]


class Today:
    """A client of the matrix, where old ones are about."""

    writes_timestamps = reads_timestamps = True

    def __init__(self, client):
        self.name, self._client = client.name, client
        self.produce, self.consume = client.produce, client.consume


ALL = [OldKafkaPython(0, 8, 2), OldKafkaPython(0, 9), OldKafkaPython(0, 10), OldKafkaPython(0, 10, 1),
       OldKafkaPython(0, 11), OldLibrdkafka("0.8.2.2"), OldLibrdkafka("0.9.0.1"), OldLibrdkafka("0.10.0.0"),
       Today(clients.ConfluentKafka()), Today(clients.KafkaPython())]
EVERY_CODEC = pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4"])
_topics = {}  # (writer, codec): the topic that it wrote


def records():
    found = [Record(b"plain"), Record(b"with a key", key=b"key"), Record(None, key=b"tombstone"),
             Record(b"again and again " * 500, key=b"long"), Record("smörgås 漢字".encode(), key="ключ".encode())]
    found += [Record(b"number %d" % number, key=b"many") for number in range(200)]
    for number, record in enumerate(found):
        record.timestamp = TIMESTAMP + number * 10
    return found


def written_by(writer, codec, broker):
    """The topic that holds `records()` as this client wrote them."""
    if (writer, codec) not in _topics:
        name = _topics[writer, codec] = f"{writer.name}-{codec}"
        wire.create_topic(broker, name)
        writer.produce(broker, name, records(), codec)
    return _topics[writer, codec]


@pytest.mark.parametrize("reader", ALL, ids=lambda client: client.name)
@EVERY_CODEC
def test_every_client_reads_what_every_other_wrote(broker, reader, codec):
    produced = records()
    for writer in ALL:
        consumed = reader.consume(broker, written_by(writer, codec, broker), len(produced))
        assert [(r.offset, r.key, r.value) for r in consumed] == \
            [(offset, r.key, r.value) for offset, r in enumerate(produced)], f"{reader.name} reads {writer.name}"
        if writer.writes_timestamps and reader.reads_timestamps:
            assert [r.timestamp for r in consumed] == [r.timestamp for r in produced]


@pytest.mark.parametrize("writer", ALL[:8], ids=lambda client: client.name)
@EVERY_CODEC
def test_on_disk_there_are_batches_in_the_codec_of_the_producer(broker, writer, codec):
    folder = broker.partition_dir(written_by(writer, codec, broker))
    found = [batch for _, batch in log_files.read_batches(folder, 0)]
    assert {(batch.magic, batch.crc == batch.computed_crc) for batch in found} == {(2, True)}
    sent_as = "none" if codec in writer.sends_plain else codec
    assert CODECS[sent_as] in {batch.attributes & 7 for batch in found}
    stored = [record for batch in found for record in batch.records()]
    assert [record.value for record in stored] == [record.value for record in records()]
    expected = [record.timestamp if writer.writes_timestamps else -1 for record in records()]
    assert [record.timestamp for record in stored] == expected


def test_kcat_that_does_not_ask_for_versions(broker, topic):
    wire.create_topic(broker, topic)
    old = ["-b", broker.address, "-t", topic, "-X", "api.version.request=false", "-X", "broker.version.fallback=0.9.0.1"]
    clients.run(["kcat", "-P", *old, "-p", "0"], input="one\ntwo\n")
    assert clients.run(["kcat", "-C", *old, "-o", "beginning", "-e", "-q"]) == "one\ntwo\n"
