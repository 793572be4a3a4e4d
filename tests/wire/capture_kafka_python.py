"""Messages encoded by kafka-python."""

from kafka.protocol import admin, commit, fetch, group, metadata, offset, produce
from kafka.protocol.types import Array, Boolean, Bytes, Int8, Int16, Int32, Int64, Schema, String

# kafka-python's names where they are not Kafka's.
RENAMED = {"OffsetRequest": "ListOffsetsRequest", "OffsetResponse": "ListOffsetsResponse",
           "GroupCoordinatorRequest": "FindCoordinatorRequest", "GroupCoordinatorResponse": "FindCoordinatorResponse",
           "SaslHandShakeRequest": "SaslHandshakeRequest", "SaslHandShakeResponse": "SaslHandshakeResponse",
           "ApiVersionRequest": "ApiVersionsRequest", "ApiVersionResponse": "ApiVersionsResponse"}
# Where kafka-python 2.0 is not Kafka's protocol: an int64 for the int32 current_leader_epoch; a request in the list of
# responses; authorized operations outside of their group; no throttle time; record errors outside of their partition.
WRONG = {("ListOffsetsRequest", 4), ("ListOffsetsRequest", 5), ("AlterConfigsResponse", 1),
         ("DescribeGroupsResponse", 3), ("FindCoordinatorResponse", 1), ("ProduceResponse", 8)}


def message_classes():
    """Pairs of Kafka's message name and kafka-python's class, for every version that it knows."""
    for module in (admin, commit, fetch, group, metadata, offset, produce):
        for name, versions in sorted(vars(module).items()):
            if name.endswith(("Request", "Response")) and isinstance(versions, list):
                for found in dict.fromkeys(versions):
                    yield RENAMED.get(name, name), found


def encoded(found, *values):
    message = found(*values)  # encode() wants somebody to hold the message
    return message.encode()


def filled():
    """Every message and version, each field with a value of its own."""
    for name, found in message_classes():
        if (name, found.API_VERSION) not in WRONG:
            values = filled_values(found.SCHEMA, iter(range(1, 1000)))
            yield f"{found.__name__}, every field filled", name, found.API_VERSION, encoded(found, *values)


def filled_values(kind, numbers):
    """A value for a kafka-python type; `numbers` sets the fields apart."""
    if isinstance(kind, Schema):
        return tuple(filled_values(field, numbers) for field in kind.fields)
    if isinstance(kind, Array):
        # kafka-python can't encode a fetch's forgotten topics: their text type lacks its encoding.
        if isinstance(kind.array_of, Schema) and String in kind.array_of.fields:
            return []
        return [filled_values(kind.array_of, numbers) for _ in range(2)]
    number = next(numbers)
    if isinstance(kind, String):
        return f"text-{number}"
    if kind is Boolean:
        return number % 2 == 1
    if kind is Bytes:
        return bytes([number % 256] * 3)
    return number * {Int8: 1, Int16: 0x0101, Int32: 0x010101, Int64: 0x01010101}[kind] % {Int8: 128, Int16: 32768}.get(
        kind, 2**31)


# Messages whose values the C++ tests know by heart: a description, the class, and its fields in order.
KNOWN = [
    ("produce: acks all, 1500 ms, orders-3 with the bytes of 'batch', no transaction", produce.ProduceRequest[8],
     None, -1, 1500, [("orders", [(3, b"batch")])]),
    ("fetch: orders-3 from 1234567890123, epoch 7, session 55/2, read committed, rack r1", fetch.FetchRequest[11],
     -1, 500, 1, 52428800, 1, 55, 2, [("orders", [(3, 7, 1234567890123, -1, 1048576)])], [], "r1"),
    ("fetch answer: orders-3 with an aborted transaction and records 'abc'; orders-4 fails", fetch.FetchResponse[11],
     10, 0, 55, [("orders", [(3, 0, 99, 98, 5, [(4000, 42)], 2, b"abc"), (4, 6, -1, -1, -1, None, -1, b"")])]),
    ("metadata: all topics (null), no auto creation", metadata.MetadataRequest[5], None, False),
    ("metadata answer: brokers 1 in rack a and 2 without, orders-0 led by 2", metadata.MetadataResponse[5],
     0, [(1, "b1.example", 9092, "a"), (2, "b2.example", 9093, None)], "cluster", 1,
     [(0, "orders", False, [(0, 0, 2, [1, 2], [2], [1])])]),
    ("join group: two protocols, one of them without metadata", group.JoinGroupRequest[2],
     "g", 10000, 60000, "", "consumer", [("range", b"\x00\x01"), ("roundrobin", b"")]),
    ("offset commit: g, generation 5, orders-0 at 77 with metadata 'm'", commit.OffsetCommitRequest[3],
     "g", 5, "member", -1, [("orders", [(0, 77, "m")])]),
    ("create topics: one by counts, one by assignment with a null config", admin.CreateTopicsRequest[3],
     [("counted", 6, 3, [], [("retention.ms", "1000")]),
      ("assigned", -1, -1, [(0, [1, 2])], [("cleanup.policy", None)])], 30000, True),
    ("describe configs: all of topic orders, one of broker 1", admin.DescribeConfigsRequest[2],
     [(2, "orders", None), (4, "1", ["log.dirs"])], True),
]


def with_values():
    for description, found, *values in KNOWN:
        yield description, found.__name__.split("_")[0], found.API_VERSION, encoded(found, *values)
