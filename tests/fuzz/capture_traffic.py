#!/usr/bin/python3
"""Real traffic for make_seeds.py: clients of several ages talk to a broker through a proxy, which writes down what they
say and what they are answered; then the broker's log directories and znodes are taken too.

Usage: capture_traffic.py <folder>       after a build; needs the packages of tools/install-dependencies --tests
"""

import itertools
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))

from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic  # noqa: E402
from kafka import KafkaConsumer, KafkaProducer  # noqa: E402
from kafka import TopicPartition as OldTopicPartition  # noqa: E402

from broker import Broker  # noqa: E402
from zookeeper import ZooKeeper  # noqa: E402

TOPICS = {"orders": {"segment.bytes": "2000", "index.interval.bytes": "100"},
          "payments": {"cleanup.policy": "compact"},
          "zipped": {"compression.type": "zstd"}}
# Readers of texts_fuzz.cc by the znodes they read.
ZNODES = {0: "/cluster/id", 1: "/controller", 2: "/brokers/ids/1", 3: "/config/topics/orders",
          13: "/latest_producer_id_block", 14: "/brokers/topics/orders",
          15: "/brokers/topics/orders/partitions/0/state"}


class Proxy:
    """Listens on `port` and forwards to `target`, keeping the requests of each connection and all answers."""

    def __init__(self, port, target, folder):
        self.target = target
        self.folder = folder
        self.numbers = itertools.count()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.answers = open(folder / "all.responses", "w")
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        broker = socket.create_connection(("127.0.0.1", self.target))
        asked = {}
        threading.Thread(target=self.answer, args=(broker, client, asked), daemon=True).start()
        with open(self.folder / f"{next(self.numbers):03}.requests", "wb", buffering=0) as file:
            for frame in frames(client):
                key, version, correlation_id = struct.unpack(">hhi", frame[:8])
                asked[correlation_id] = (key, version)
                file.write(struct.pack(">i", len(frame)) + frame)
                broker.sendall(struct.pack(">i", len(frame)) + frame)
        broker.close()

    def answer(self, broker, client, asked):
        for frame in frames(broker):
            key, version = asked.pop(struct.unpack(">i", frame[:4])[0])
            self.answers.write(f"{key} {version} {frame[4:].hex()}\n")
            self.answers.flush()
            client.sendall(struct.pack(">i", len(frame)) + frame)
        client.close()


def frames(connection):
    try:
        while True:
            yield take(connection, struct.unpack(">i", take(connection, 4))[0])
    except OSError:
        return


def take(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise OSError("closed")
        data += piece
    return data


def produce_and_consume(address):
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        producer = Producer({"bootstrap.servers": address, "compression.type": codec, "linger.ms": 20,
                             "enable.idempotence": codec in ("none", "zstd")})
        for i in range(12):
            producer.produce(["orders", "payments", "zipped"][i % 3], key=f"key-{i}", value=f"value {i} " * 8,
                             headers={"trace": b"42"})
        producer.flush(20)
    consumer = Consumer({"bootstrap.servers": address, "group.id": "nobody", "enable.auto.commit": False,
                         "fetch.wait.max.ms": 100, "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(topic, i, 0) for topic in TOPICS for i in range(2)])
    end = time.time() + 3
    while time.time() < end:
        consumer.poll(0.2)
    consumer.offsets_for_times([TopicPartition("orders", 0, 1600000000000)], timeout=5)
    consumer.get_watermark_offsets(TopicPartition("orders", 1), timeout=5)
    consumer.list_topics(timeout=5)
    consumer.close()


def use_old_clients(address):
    for version in ((0, 8, 2), (0, 9), (0, 10, 1), (0, 11), (1, 0), (2, 1)):
        for codec in (None, "gzip"):
            producer = KafkaProducer(bootstrap_servers=address, api_version=version, compression_type=codec)
            for i in range(3):
                producer.send("orders", b"old value %d" % i, key=b"k", partition=i % 2)
            producer.flush(10)
            producer.close()
        consumer = KafkaConsumer(bootstrap_servers=address, api_version=version, consumer_timeout_ms=500,
                                 auto_offset_reset="earliest", enable_auto_commit=False)
        consumer.assign([OldTopicPartition("orders", 0)])
        for _ in itertools.islice(consumer, 30):
            pass
        consumer.close()


def administrate(address):
    admin = AdminClient({"bootstrap.servers": address})

    def wait(futures):
        for future in futures.values():
            try:
                future.result(10)
            except Exception as error:  # answers with errors are answers too
                print("answered:", error)

    wait(admin.create_topics([NewTopic("made", 2, 1, config={"retention.ms": "1000"})]))
    wait(admin.create_partitions([NewPartitions("made", 3)]))
    wait(admin.describe_configs([ConfigResource("topic", "orders"), ConfigResource("broker", "1")]))
    wait(admin.alter_configs([ConfigResource("topic", "made", set_config={"segment.bytes": "4000"})]))
    wait(admin.delete_topics(["made"]))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        zookeeper = ZooKeeper(scratch)
        broker = Broker(scratch, zookeeper.address, offsets_topic_replication_factor=1)
        proxy_port = socket.create_server(("127.0.0.1", 0))
        port = proxy_port.getsockname()[1]
        proxy_port.close()
        broker.options["advertised.listeners"] = f"PLAINTEXT://127.0.0.1:{port}"
        try:
            # The controller, too, comes by the proxy.
            Proxy(port, broker.port, folder)
            broker.start()
            address = f"127.0.0.1:{port}"
            admin = AdminClient({"bootstrap.servers": address})
            for future in admin.create_topics([NewTopic(name, 2, 1, config=config)
                                               for name, config in TOPICS.items()]).values():
                future.result(20)
            produce_and_consume(address)
            use_old_clients(address)
            administrate(address)
            subprocess.run(["kcat", "-b", address, "-L"], check=True, capture_output=True, timeout=20)
            subprocess.run(["kcat", "-b", address, "-C", "-t", "orders", "-o", "beginning", "-e"], check=True,
                           capture_output=True, timeout=20)
            client = zookeeper.client()
            for number, path in ZNODES.items():
                if client.exists(path):
                    (folder / f"{number}-{path.strip('/').replace('/', '_')}.znode").write_bytes(client.get(path)[0])
            client.stop()
            broker.stop()
            shutil.copytree(broker.log_dir, folder / "log")
        finally:
            if broker.is_running():
                broker.kill()
            zookeeper.stop()


if __name__ == "__main__":
    main()
