"""The clients of the test matrix behind one small interface: produce(...) and consume(...) of `batches.Record`."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import confluent_kafka
import kafka

from batches import Record

FOLDER = Path(__file__).resolve().parent / "clients"


class Client:
    sets_timestamps = True
    cannot_read = ()  # (writer, codec), where the client falls short and not the broker


class Kcat(Client):
    name = "kcat"
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    sets_timestamps = False  # takes the time of day

    def produce(self, broker, topic, records, codec="none", acks=-1):
        for record in records:
            self._produce_one(broker, topic, record, codec, acks)

    def _produce_one(self, broker, topic, record, codec, acks):
        """Record and key come on stdin; an empty one is null with -Z, and without a key delimiter the key is null."""
        key_delimiter, record_delimiter = "\x1f", "\x1e"
        keyed = [] if record.key is None else ["-K", key_delimiter]
        nulls = ["-Z"] if record.value is None else []
        headers = [word for name, value in record.headers for word in ("-H", f"{name}={value.decode()}")]
        key = "" if record.key is None else record.key.decode() + key_delimiter
        run(["kcat", "-P", "-b", broker.address, "-t", topic, "-p", "0", "-z", codec, "-X", f"acks={acks}",
             "-X", "message.max.bytes=12000000", "-D", record_delimiter, *keyed, *nulls, *headers],
            input=key + (record.value or b"").decode() + record_delimiter)

    def consume(self, broker, topic, count):
        printed = run(["kcat", "-C", "-b", broker.address, "-t", topic, "-p", "0", "-o", "beginning", "-c", count,
                       "-e", "-q", "-J", "-X", "fetch.message.max.bytes=20000000", "-X", "check.crcs=true"])
        return [self._record(json.loads(line)) for line in printed.splitlines()]

    @staticmethod
    def _record(message):
        def as_bytes(text):
            return None if text is None else text.encode()
        names_and_values = message.get("headers", [])
        return Record(as_bytes(message["payload"]), as_bytes(message["key"]),
                      [(n, as_bytes(v)) for n, v in zip(names_and_values[::2], names_and_values[1::2])],
                      message["ts"], message["offset"])


class ConfluentKafka(Client):
    name = "confluent-kafka"
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]

    def produce(self, broker, topic, records, codec="none", acks=-1):
        errors = []
        producer = confluent_kafka.Producer({
            "bootstrap.servers": broker.address, "compression.type": codec, "acks": acks,
            "message.max.bytes": 12_000_000, "linger.ms": 20})
        for record in records:
            producer.produce(topic, record.value, record.key, partition=0, timestamp=record.timestamp,
                             headers=record.headers, on_delivery=lambda error, _: error and errors.append(error))
        assert producer.flush(30) == 0 and not errors, errors

    def consume(self, broker, topic, count):
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": broker.address, "group.id": "unused", "enable.auto.commit": False,
            "check.crcs": True, "fetch.message.max.bytes": 20_000_000})
        consumer.assign([confluent_kafka.TopicPartition(topic, 0, confluent_kafka.OFFSET_BEGINNING)])
        messages = []
        while len(messages) < count:
            more = consumer.consume(count - len(messages), timeout=20)
            assert more, f"{len(messages)} of {count} records came"
            messages += more
        consumer.close()
        assert not any(message.error() for message in messages)
        return [Record(m.value(), m.key(), m.headers() or [], m.timestamp()[1], m.offset()) for m in messages]


class KafkaPython(Client):
    name = "kafka-python"
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]

    def produce(self, broker, topic, records, codec="none", acks=-1):
        producer = kafka.KafkaProducer(
            bootstrap_servers=broker.address, compression_type=None if codec == "none" else codec,
            acks="all" if acks == -1 else acks, max_request_size=12_000_000, linger_ms=20)
        futures = [producer.send(topic, record.value, record.key, record.headers, 0, record.timestamp)
                   for record in records]
        producer.flush(30)
        for future in futures:
            future.get(30)
        producer.close()

    def consume(self, broker, topic, count):
        consumer = kafka.KafkaConsumer(
            bootstrap_servers=broker.address, group_id=None, enable_auto_commit=False, consumer_timeout_ms=20_000,
            fetch_max_bytes=50_000_000, max_partition_fetch_bytes=20_000_000)
        partition = kafka.TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        records = []
        while len(records) < count:
            m = next(consumer)
            records.append(Record(m.value, m.key, m.headers, m.timestamp, m.offset))
        consumer.close()
        return records


class JavaScriptClient(Client):
    def produce(self, broker, topic, records, codec="none", acks=-1, **options):
        self._run(broker=broker.address, topic=topic, partition=0, codec=codec, acks=acks, **options,
                  records=[self._to_json(record) for record in records])

    def consume(self, broker, topic, count):
        answer = self._run(consume=True, broker=broker.address, topic=topic, partition=0, count=count)
        return [Record(_bytes(r["value"]), _bytes(r["key"]), [(n, _bytes(v)) for n, v in r["headers"]],
                       r["timestamp"], r["offset"]) for r in answer]

    def _run(self, **job):
        return json.loads(run(["node", FOLDER / self.program], input=json.dumps(job)))

    @staticmethod
    def _to_json(record):
        return {"key": _text(record.key), "value": _text(record.value), "timestamp": record.timestamp,
                "headers": [(name, _text(value)) for name, value in record.headers]}


class KafkaJs(JavaScriptClient):
    name = "kafkajs"
    program = "kafkajs.js"
    codecs = ["none", "gzip", "snappy", "lz4"]


class Platformatic(JavaScriptClient):
    name = "platformatic-kafka"
    program = "platformatic.mjs"
    oldest_node = (20, 19, 4)
    # Its snappy reads one raw block, not the framing that Java's and these clients write.
    cannot_read = {("kafka-python", "snappy"), ("kafkajs", "snappy")}

    @property
    def codecs(self):
        return run(["node", FOLDER / self.program, "codecs"]).split()


def _text(data):
    return None if data is None else base64.b64encode(data).decode()


def _bytes(text):
    return None if text is None else base64.b64decode(text)


def run(command, input=None, timeout=60):
    """What a program prints; it must end with 0."""
    done = subprocess.run([*map(str, command)], input=input, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"{command[:6]} ended with {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout


def node_version():
    """(major, minor, patch) of the node on PATH."""
    assert shutil.which("node"), "node is missing; tools/install-dependencies --tests installs it"
    return tuple(map(int, run(["node", "--version"]).strip().lstrip("v").split(".")))


def too_old(client):
    """The reason why this client can't run here, or None. Whatever else keeps it from running is a failure."""
    oldest = getattr(client, "oldest_node", None)
    if oldest and node_version() < oldest:
        return f"{client.name} needs Node.js {'.'.join(map(str, oldest))}, PATH has {'.'.join(map(str, node_version()))}"
    return None


ALL = [Kcat(), ConfluentKafka(), KafkaPython(), KafkaJs(), Platformatic()]
