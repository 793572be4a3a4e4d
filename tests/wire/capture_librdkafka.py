"""What librdkafka and the mock broker that it brings say to each other, both ways.

A proxy stands between a librdkafka client and librdkafka's mock cluster. In the answers it rewrites the mock's port to
its own, so that the client keeps coming to it, and names the broker as the controller that the mock lacks. ApiVersions
it answers itself: with the mock's APIs and those of the admin client, whose requests are recorded and get no answer.
"""

import socket
import struct
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

NAMES = {0: "Produce", 1: "Fetch", 2: "ListOffsets", 3: "Metadata", 8: "OffsetCommit", 9: "OffsetFetch",
         10: "FindCoordinator", 11: "JoinGroup", 12: "Heartbeat", 13: "LeaveGroup", 14: "SyncGroup",
         15: "DescribeGroups", 16: "ListGroups", 18: "ApiVersions", 19: "CreateTopics", 20: "DeleteTopics",
         22: "InitProducerId", 24: "AddPartitionsToTxn", 25: "AddOffsetsToTxn", 26: "EndTxn", 28: "TxnOffsetCommit",
         32: "DescribeConfigs", 33: "AlterConfigs", 37: "CreatePartitions"}
FIRST_FLEXIBLE = {0: 9, 1: 12, 2: 6, 3: 9, 8: 8, 9: 6, 10: 3, 11: 6, 12: 4, 13: 4, 14: 4, 22: 2, 24: 3, 25: 3, 26: 3,
                  28: 3}
METADATA = 3
API_VERSIONS = 18
# What the mock cluster of librdkafka 2.0 serves, and what only the client knows.
MOCK_APIS = [(0, 0, 7), (1, 0, 11), (2, 0, 5), (3, 0, 2), (8, 0, 7), (9, 0, 5), (10, 0, 2), (11, 0, 5), (12, 0, 3),
             (13, 0, 1), (14, 0, 3), (18, 0, 3), (22, 0, 4), (24, 0, 1), (25, 0, 1), (26, 0, 1), (28, 0, 2)]
ADMIN_APIS = [(15, 0, 5), (16, 0, 4), (19, 0, 7), (20, 0, 6), (32, 0, 4), (33, 0, 2), (37, 0, 3)]


class Proxy:
    """Listens on a port of its own, forwards to the mock at `target` and keeps one of each message and version."""

    def __init__(self, target):
        self.target = target
        self.captured = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        broker = socket.create_connection(("127.0.0.1", self.target))
        asked = {}  # correlation id -> key and version
        threading.Thread(target=self.answer, args=(broker, client, asked), daemon=True).start()
        for frame in frames(client):
            key, version, correlation_id = struct.unpack(">hhi", frame[:8])
            self.keep(key, "request frame", version, frame)
            if key == API_VERSIONS:
                send(client, struct.pack(">i", correlation_id) + api_versions_answer(version))
            elif any(key == known for known, _, _ in MOCK_APIS):
                asked[correlation_id] = (key, version)
                send(broker, frame)

    def answer(self, broker, client, asked):
        host = b"127.0.0.1"
        for frame in frames(broker):
            frame = frame.replace(host + struct.pack(">i", self.target), host + struct.pack(">i", self.port))
            key, version = asked.pop(struct.unpack(">i", frame[:4])[0])
            header_size = 5 if version >= FIRST_FLEXIBLE.get(key, 99) else 4
            if key == METADATA:
                frame = with_controller(frame)
            self.keep(key, "answer", version, frame[header_size:])
            try:
                send(client, frame)
            except BrokenPipeError:
                return  # the client has finished

    def keep(self, key, what, version, data):
        """Keeps the longest that is still short enough for a file of examples."""
        slot = (key, what, version)
        if len(data) <= 600 and len(data) > len(self.captured.get(slot, b"")):
            self.captured[slot] = data


def frames(peer):
    """The frames that `peer` sends until it closes."""
    stream = peer.makefile("rb")
    while len(size := stream.read(4)) == 4:
        yield stream.read(struct.unpack(">i", size)[0])


def send(peer, frame):
    peer.sendall(struct.pack(">i", len(frame)) + frame)


def with_controller(metadata):
    """The answer (version 2) with its one broker as the controller."""
    position = 4 + 4 + 4  # correlation id, count of brokers, broker id
    for text in ("host", "rack", "cluster id"):
        position += 2 + max(0, struct.unpack(">h", metadata[position:position + 2])[0])
        position += 4 if text == "host" else 0  # the port
    return metadata[:position] + metadata[8:12] + metadata[position + 4:]


def api_versions_answer(version):
    apis = MOCK_APIS + ADMIN_APIS
    if version < 3:
        rows = b"".join(struct.pack(">hhh", *api) for api in apis)
        return struct.pack(">hi", 0, len(apis)) + rows + (struct.pack(">i", 0) if version else b"")
    rows = b"".join(struct.pack(">hhhb", *api, 0) for api in apis)
    return struct.pack(">hb", 0, len(apis) + 1) + rows + struct.pack(">ib", 0, 0)


def conversation():
    mock = AdminClient({"test.mock.num.brokers": 1, "bootstrap.servers": "replaced"})
    proxy = Proxy(next(iter(mock.list_topics(timeout=5).brokers.values())).port)
    base = {"bootstrap.servers": f"127.0.0.1:{proxy.port}", "client.id": "golden"}
    produce(base)
    produce_in_transaction(base)
    consume(base)
    administrate(base)
    time.sleep(1)
    for (key, what, version), data in sorted(proxy.captured.items()):
        name = NAMES[key] + ("Request" if what == "request frame" else "Response")
        yield f"librdkafka: {what} of {NAMES[key]}", name, version, data


def produce(base):
    producer = Producer(base | {"enable.idempotence": True, "compression.type": "lz4"})
    for i in range(20):
        producer.produce("orders", key=f"key-{i}", value=f"value-{i}" * 3)
    producer.flush(10)
    plain = Producer(base | {"acks": 1})
    plain.produce("orders", value="plain")
    plain.flush(10)


def produce_in_transaction(base):
    producer = Producer(base | {"transactional.id": "payments-tx"})
    producer.init_transactions(10)
    producer.begin_transaction()
    producer.produce("payments", value="in a transaction")
    producer.flush(10)
    consumer = Consumer(base | {"group.id": "tx-group"})
    offsets = [TopicPartition("orders", 0, 5)]
    producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), 10)
    producer.commit_transaction(10)
    consumer.close()


def consume(base):
    consumer = Consumer(base | {"group.id": "readers", "auto.offset.reset": "earliest", "client.rack": "rack-a",
                                "session.timeout.ms": 6000, "heartbeat.interval.ms": 500})
    consumer.subscribe(["orders"])
    deadline = time.time() + 8
    while time.time() < deadline:
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            consumer.commit(message, asynchronous=False)
    consumer.close()


def administrate(base):
    def client():
        return AdminClient(base | {"socket.timeout.ms": 1500})  # one per request: without an answer it disconnects

    orders = ConfigResource(ConfigResource.Type.TOPIC, "orders", {"retention.ms": "1000"})
    for call, argument in ((client().create_topics, [NewTopic("created", 3, 2, config={"cleanup.policy": "compact"})]),
                           (client().create_topics, [NewTopic("assigned", 2, replica_assignment=[[1], [1]])]),
                           (client().delete_topics, ["orders", "old"]),
                           (client().create_partitions, [NewPartitions("orders", 8)]),
                           (client().describe_configs, [orders]), (client().alter_configs, [orders])):
        for future in call(argument, request_timeout=1).values():
            try:
                future.result()
            except KafkaException:
                pass  # nobody answers
    try:
        client().list_groups(timeout=1)
    except KafkaException:
        pass
