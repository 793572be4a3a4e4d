"""Messages in flexible versions, encoded by kafka-python 3, whose encoder reads Kafka's own message definitions."""

import importlib
import pkgutil
import uuid
from types import SimpleNamespace

import kafka.protocol
from kafka.protocol.api_message import ApiMessage

# The last versions of Kafka 3.9 where kafka-python knows later ones; -1 for an API that 3.9 has not in ZooKeeper mode.
LAST_VERSIONS = {"Metadata": 12, "ListOffsets": 9, "Fetch": 17, "Produce": 11, "ApiVersions": 4, "FindCoordinator": 6,
                 "OffsetCommit": 9, "OffsetFetch": 9, "JoinGroup": 9, "InitProducerId": 5, "AddPartitionsToTxn": 5,
                 "AddOffsetsToTxn": 4, "EndTxn": 4, "TxnOffsetCommit": 4, "WriteTxnMarkers": 1, "DescribeCluster": 1,
                 "ListTransactions": 1, "ListGroups": 5, "DescribeGroups": 5, "DescribeLogDirs": 4,
                 "AlterPartitionReassignments": 0, "UpdateFeatures": 1,
                 "ConsumerGroupHeartbeat": 0, "ConsumerGroupDescribe": 0, "ListPartitionReassignments": 0,
                 "DescribeQuorum": -1, "DescribeTopicPartitions": -1, "ListConfigResources": -1, "ShareFetch": -1,
                 "UnregisterBroker": -1, "GetTelemetrySubscriptions": -1, "PushTelemetry": -1}


def message_classes():
    """kafka-python's requests and responses by name, except its old encoder's."""
    for module in pkgutil.walk_packages(kafka.protocol.__path__, "kafka.protocol."):
        if ".old" in module.name or module.name.endswith("generate_stubs"):
            continue
        for name, found in vars(importlib.import_module(module.name)).items():
            if isinstance(found, type) and issubclass(found, ApiMessage) and name.endswith(("Request", "Response")):
                yield name, found


def filled():
    """The first and the last flexible version of every message, each field with a value of its own."""
    for name, found in sorted(dict(message_classes()).items()):
        last = LAST_VERSIONS.get(name.removesuffix("Request").removesuffix("Response"), found.max_version)
        flexible = [version for version in range(found.min_version, last + 1) if found.flexible_version_q(version)]
        for version in sorted({flexible[0], flexible[-1]} if flexible else ()):
            values = filled_fields(found._struct.fields.values(), version, iter(range(1, 1000)))
            message = found(version=version, **values)
            yield f"{name} {version}, every field filled", name, version, bytes(message.encode())


def filled_fields(fields, version, numbers):
    return {field.name: filled_value(field, version, numbers) for field in fields if field.for_version_q(version)}


def filled_value(field, version, numbers):
    """A value for one field; `numbers` sets the fields apart."""
    if field.is_struct_array():
        return [filled_struct(field, version, numbers) for _ in range(2)]
    if field.is_struct():
        return filled_struct(field, version, numbers)
    if field.is_array():
        return [simple_value(field.array_of.type_str, next(numbers)) for _ in range(2)]
    return simple_value(field.type_str, next(numbers))


def filled_struct(field, version, numbers):
    """What the encoder takes for a structure: an object with its fields and the names of the tagged ones."""
    tags = {child.name for child in field.fields.values() if child.tagged_field_q(version)}
    return SimpleNamespace(**filled_fields(field.fields.values(), version, numbers), tags=tags, unknown_tags=None)


def simple_value(kind, number):
    if kind == "uuid":
        return uuid.UUID(bytes=bytes([number % 256] * 16))
    values = {"string": f"text-{number}", "bytes": bytes([number % 256] * 3), "records": bytes([number % 256] * 5),
              "bool": True, "float64": number + 0.5, "int8": number % 128, "int16": number * 0x0101 % 2**15,
              "uint16": number * 0x0101 % 2**16, "int32": number * 0x010101 % 2**31, "int64": number * 0x01010101,
              "bitfield": {number % 8}}
    return values[kind]
