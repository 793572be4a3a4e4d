"""Kafka's requests by hand: a codec, the layouts that the tests need, and a connection that sends any bytes."""

import socket
import struct
import uuid
from types import SimpleNamespace


class Integer:
    def __init__(self, layout):
        self.layout = struct.Struct(">" + layout)
        self.default = 0

    def write(self, value, flexible, version):
        return self.layout.pack(value)

    def read(self, source, flexible, version):
        return self.layout.unpack(source.take(self.layout.size))[0]


class Sized:
    """A string or bytes with its length before it; -1, or 0 where it is compact, means null."""

    def __init__(self, length, text, default):
        self.length, self.text, self.default = length, text, default

    def write(self, value, flexible, version):
        data = value.encode() if isinstance(value, str) else value
        if flexible:
            return uvarint(0 if data is None else len(data) + 1) + (data or b"")
        return self.length.write(-1 if data is None else len(data), flexible, version) + (data or b"")

    def read(self, source, flexible, version):
        length = source.uvarint() - 1 if flexible else self.length.read(source, flexible, version)
        if length < 0:
            return None
        data = source.take(length)
        return data.decode() if self.text else data


class Uuid:
    default = uuid.UUID(int=0)

    def write(self, value, flexible, version):
        return value.bytes

    def read(self, source, flexible, version):
        return uuid.UUID(bytes=source.take(16))


class Array:
    def __init__(self, element):
        self.element, self.default = element, ()

    def write(self, value, flexible, version):
        count = -1 if value is None else len(value)
        head = uvarint(count + 1) if flexible else int32.write(count, flexible, version)
        return head + b"".join(self.element.write(item, flexible, version) for item in value or ())

    def read(self, source, flexible, version):
        count = source.uvarint() - 1 if flexible else int32.read(source, flexible, version)
        return None if count < 0 else [self.element.read(source, flexible, version) for _ in range(count)]


class NullableArray(Array):
    """An array that is null unless it is given."""

    def __init__(self, element):
        super().__init__(element)
        self.default = None


class Field:
    """One field of a message, in the versions `since` to `until`; with a tag it follows the others."""

    def __init__(self, name, kind, since=0, until=99, default=None, tag=None):
        self.name, self.kind, self.since, self.until, self.tag = name, kind, since, until, tag
        self.default = kind.default if default is None else default

    def exists(self, version):
        return self.since <= version <= self.until


class Struct:
    """Fields one after the other; a value is a dict, what was read a namespace."""

    default = {}

    def __init__(self, *fields):
        self.fields = fields

    def write(self, value, flexible, version):
        unknown = set(value) - {field.name for field in self.fields}
        assert not unknown, f"no such fields: {unknown}"
        present = [field for field in self.fields if field.exists(version)]
        out = b"".join(field.kind.write(value.get(field.name, field.default), flexible, version)
                       for field in present if field.tag is None)
        return out + self._write_tagged(present, value, version) if flexible else out

    def _write_tagged(self, present, value, version):
        tagged = [(field.tag, field.kind.write(value[field.name], True, version))
                  for field in present if field.tag is not None and field.name in value]
        return uvarint(len(tagged)) + b"".join(uvarint(tag) + uvarint(len(data)) + data for tag, data in tagged)

    def read(self, source, flexible, version):
        present = [field for field in self.fields if field.exists(version)]
        values = {field.name: field.kind.read(source, flexible, version) for field in present if field.tag is None}
        if flexible:
            values |= self._read_tagged(present, source, version)
        return SimpleNamespace(**values)

    def _read_tagged(self, present, source, version):
        values = {field.name: None for field in present if field.tag is not None}
        for _ in range(source.uvarint()):
            tag, data = source.uvarint(), Source(source.take(source.uvarint()))
            for field in present:
                if field.tag == tag:
                    values[field.name] = field.kind.read(data, True, version)
        return values


int8, int16, int32, int64, boolean = Integer("b"), Integer("h"), Integer("i"), Integer("q"), Integer("?")
string, nullable_string = Sized(int16, True, ""), Sized(int16, True, None)
records = Sized(int32, False, None)
uuid_type = Uuid()


class Source:
    """Bytes being read."""

    def __init__(self, data):
        self.data, self.position = data, 0

    def take(self, count):
        assert self.position + count <= len(self.data), "the answer is as long as it says"
        self.position += count
        return self.data[self.position - count:self.position]

    def uvarint(self):
        number = shift = 0
        while True:
            (byte,) = self.take(1)
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number


def uvarint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


class Api:
    def __init__(self, key, versions, flexible, request, response):
        self.key, self.versions, self.flexible = key, versions, flexible
        self.request, self.response = request, response

    def encode(self, version, correlation_id, **body):
        """A request without the length before it."""
        flexible = version >= self.flexible
        header = struct.pack(">hhi", self.key, version, correlation_id) + string.write("by-hand", False, 1)
        return header + (b"\0" if flexible else b"") + self.request.write(body, flexible, version)

    def decode(self, version, frame):
        """The body of an answer, which must be read to its last byte."""
        source = Source(frame)
        source.take(4)
        flexible = version >= self.flexible
        if flexible and self is not API_VERSIONS:
            assert source.uvarint() == 0
        answer = self.response.read(source, flexible, version)
        assert source.position == len(frame), "nothing follows an answer"
        return answer


def array(*fields):
    return Array(Struct(*fields))


PRODUCE = Api(0, range(0, 12), 9, Struct(
    Field("transactional_id", nullable_string, 3), Field("acks", int16, default=-1),
    Field("timeout_ms", int32, default=10_000),
    Field("topic_data", array(
        Field("name", string),
        Field("partition_data", array(Field("index", int32), Field("records", records)))))), Struct(
    Field("responses", array(
        Field("name", string),
        Field("partition_responses", array(
            Field("index", int32), Field("error_code", int16), Field("base_offset", int64),
            Field("log_append_time_ms", int64, 2), Field("log_start_offset", int64, 5),
            Field("record_errors", array(
                Field("batch_index", int32), Field("batch_index_error_message", nullable_string)), 8),
            Field("error_message", nullable_string, 8),
            Field("current_leader", Struct(Field("leader_id", int32), Field("leader_epoch", int32)), 10, tag=0))))),
    Field("throttle_time_ms", int32, 1),
    Field("node_endpoints", array(Field("node_id", int32), Field("host", string), Field("port", int32),
                                  Field("rack", nullable_string)), 10, tag=0)))

FETCH = Api(1, range(0, 18), 12, Struct(
    Field("cluster_id", nullable_string, 12, tag=0),
    Field("replica_id", int32, 0, 14, default=-1),
    Field("max_wait_ms", int32, default=500), Field("min_bytes", int32, default=1),
    Field("max_bytes", int32, 3, default=50_000_000), Field("isolation_level", int8, 4),
    Field("session_id", int32, 7), Field("session_epoch", int32, 7, default=-1),
    Field("topics", array(
        Field("topic", string, 0, 12), Field("topic_id", uuid_type, 13),
        Field("partitions", array(
            Field("partition", int32), Field("current_leader_epoch", int32, 9, default=-1),
            Field("fetch_offset", int64), Field("last_fetched_epoch", int32, 12, default=-1),
            Field("log_start_offset", int64, 5, default=-1),
            Field("partition_max_bytes", int32, default=10_000_000))))),
    Field("forgotten_topics_data", array(
        Field("topic", string, 7, 12), Field("topic_id", uuid_type, 13), Field("partitions", Array(int32))), 7),
    Field("rack_id", string, 11)), Struct(
    Field("throttle_time_ms", int32, 1), Field("error_code", int16, 7), Field("session_id", int32, 7),
    Field("responses", array(
        Field("topic", string, 0, 12), Field("topic_id", uuid_type, 13),
        Field("partitions", array(
            Field("partition_index", int32), Field("error_code", int16), Field("high_watermark", int64),
            Field("last_stable_offset", int64, 4), Field("log_start_offset", int64, 5),
            Field("diverging_epoch", Struct(Field("epoch", int32), Field("end_offset", int64)), 12, tag=0),
            Field("current_leader", Struct(Field("leader_id", int32), Field("leader_epoch", int32)), 12, tag=1),
            Field("aborted_transactions", array(Field("producer_id", int64), Field("first_offset", int64)), 4),
            Field("preferred_read_replica", int32, 11), Field("records", records)))))))

LIST_OFFSETS = Api(2, range(0, 10), 6, Struct(
    Field("replica_id", int32, default=-1), Field("isolation_level", int8, 2),
    Field("topics", array(
        Field("name", string),
        Field("partitions", array(
            Field("partition_index", int32), Field("current_leader_epoch", int32, 4, default=-1),
            Field("timestamp", int64), Field("max_num_offsets", int32, 0, 0, default=1)))))), Struct(
    Field("throttle_time_ms", int32, 2),
    Field("topics", array(
        Field("name", string),
        Field("partitions", array(
            Field("partition_index", int32), Field("error_code", int16),
            Field("old_style_offsets", Array(int64), 0, 0),
            Field("timestamp", int64, 1), Field("offset", int64, 1), Field("leader_epoch", int32, 4)))))))

METADATA = Api(3, range(0, 13), 9, Struct(
    Field("topics", array(Field("topic_id", uuid_type, 10), Field("name", nullable_string))),
    Field("allow_auto_topic_creation", boolean, 4),
    Field("include_cluster_authorized_operations", boolean, 8, 10),
    Field("include_topic_authorized_operations", boolean, 8)), Struct(
    Field("throttle_time_ms", int32, 3),
    Field("brokers", array(Field("node_id", int32), Field("host", string), Field("port", int32),
                           Field("rack", nullable_string, 1))),
    Field("cluster_id", nullable_string, 2), Field("controller_id", int32, 1),
    Field("topics", array(
        Field("error_code", int16), Field("name", nullable_string), Field("topic_id", uuid_type, 10),
        Field("is_internal", boolean, 1),
        Field("partitions", array(
            Field("error_code", int16), Field("partition_index", int32), Field("leader_id", int32),
            Field("leader_epoch", int32, 7), Field("replica_nodes", Array(int32)), Field("isr_nodes", Array(int32)),
            Field("offline_replicas", Array(int32), 5))),
        Field("topic_authorized_operations", int32, 8))),
    Field("cluster_authorized_operations", int32, 8, 10)))

API_VERSIONS = Api(18, range(0, 5), 3, Struct(
    Field("client_software_name", string, 3, default="by-hand"),
    Field("client_software_version", string, 3, default="1.0")), Struct(
    Field("error_code", int16),
    Field("api_keys", array(Field("api_key", int16), Field("min_version", int16), Field("max_version", int16))),
    Field("throttle_time_ms", int32, 1),
    Field("supported_features", array(
        Field("name", string), Field("min_version", int16), Field("max_version", int16)), 3, tag=0),
    Field("finalized_features_epoch", int64, 3, tag=1)))

CREATE_TOPICS = Api(19, range(0, 8), 5, Struct(
    Field("topics", array(
        Field("name", string), Field("num_partitions", int32, default=1), Field("replication_factor", int16, default=1),
        Field("assignments", array(Field("partition_index", int32), Field("broker_ids", Array(int32)))),
        Field("configs", array(Field("name", string), Field("value", nullable_string))))),
    Field("timeout_ms", int32, default=20_000), Field("validate_only", boolean, 1)), Struct(
    Field("throttle_time_ms", int32, 2),
    Field("topics", array(
        Field("name", string), Field("topic_id", uuid_type, 7), Field("error_code", int16),
        Field("error_message", nullable_string, 1), Field("topic_config_error_code", int16, 5, tag=0),
        Field("num_partitions", int32, 5), Field("replication_factor", int16, 5),
        Field("configs", array(
            Field("name", string), Field("value", nullable_string), Field("read_only", boolean),
            Field("config_source", int8), Field("is_sensitive", boolean)), 5)))))

DELETE_TOPICS = Api(20, range(0, 7), 4, Struct(
    Field("topics", array(Field("name", nullable_string), Field("topic_id", uuid_type)), 6),
    Field("topic_names", Array(string), 0, 5), Field("timeout_ms", int32, default=20_000)), Struct(
    Field("throttle_time_ms", int32, 1),
    Field("responses", array(
        Field("name", nullable_string), Field("topic_id", uuid_type, 6), Field("error_code", int16),
        Field("error_message", nullable_string, 5)))))

DELETE_RECORDS = Api(21, range(0, 3), 2, Struct(
    Field("topics", array(
        Field("name", string),
        Field("partitions", array(Field("partition_index", int32), Field("offset", int64))))),
    Field("timeout_ms", int32, default=20_000)), Struct(
    Field("throttle_time_ms", int32),
    Field("topics", array(
        Field("name", string),
        Field("partitions", array(Field("partition_index", int32), Field("low_watermark", int64),
                                  Field("error_code", int16)))))))

DESCRIBE_LOG_DIRS = Api(35, range(0, 5), 2, Struct(
    Field("topics", array(Field("topic", string), Field("partitions", Array(int32))))), Struct(
    Field("throttle_time_ms", int32), Field("error_code", int16, 3),
    Field("results", array(
        Field("error_code", int16), Field("log_dir", string),
        Field("topics", array(
            Field("name", string),
            Field("partitions", array(Field("partition_index", int32), Field("partition_size", int64),
                                      Field("offset_lag", int64), Field("is_future_key", boolean))))),
        Field("total_bytes", int64, 4), Field("usable_bytes", int64, 4)))))

ALTER_REPLICA_LOG_DIRS = Api(34, range(0, 3), 2, Struct(
    Field("dirs", array(
        Field("path", string),
        Field("topics", array(Field("name", string), Field("partitions", Array(int32))))))), Struct(
    Field("throttle_time_ms", int32),
    Field("results", array(
        Field("topic_name", string),
        Field("partitions", array(Field("partition_index", int32), Field("error_code", int16)))))))

OFFSET_FOR_LEADER_EPOCH = Api(23, range(0, 5), 4, Struct(
    Field("replica_id", int32, 3, default=-2),
    Field("topics", array(
        Field("topic", string),
        Field("partitions", array(Field("partition", int32), Field("current_leader_epoch", int32, 2, default=-1),
                                  Field("leader_epoch", int32)))))), Struct(
    Field("throttle_time_ms", int32, 2),
    Field("topics", array(
        Field("topic", string),
        Field("partitions", array(Field("error_code", int16), Field("partition", int32),
                                  Field("leader_epoch", int32, 1), Field("end_offset", int64)))))))

DESCRIBE_CONFIGS = Api(32, range(0, 5), 4, Struct(
    Field("resources", array(
        Field("resource_type", int8), Field("resource_name", string),
        Field("configuration_keys", NullableArray(string)))),
    Field("include_synonyms", boolean, 1), Field("include_documentation", boolean, 3)), Struct(
    Field("throttle_time_ms", int32),
    Field("results", array(
        Field("error_code", int16), Field("error_message", nullable_string), Field("resource_type", int8),
        Field("resource_name", string),
        Field("configs", array(
            Field("name", string), Field("value", nullable_string), Field("read_only", boolean),
            Field("is_default", boolean, 0, 0), Field("config_source", int8, 1), Field("is_sensitive", boolean),
            Field("synonyms", array(Field("name", string), Field("value", nullable_string), Field("source", int8)), 1),
            Field("config_type", int8, 3), Field("documentation", nullable_string, 3)))))))

_ALTERED = Struct(
    Field("throttle_time_ms", int32),
    Field("responses", array(Field("error_code", int16), Field("error_message", nullable_string),
                             Field("resource_type", int8), Field("resource_name", string))))

ALTER_CONFIGS = Api(33, range(0, 3), 2, Struct(
    Field("resources", array(
        Field("resource_type", int8), Field("resource_name", string),
        Field("configs", array(Field("name", string), Field("value", nullable_string))))),
    Field("validate_only", boolean)), _ALTERED)

INCREMENTAL_ALTER_CONFIGS = Api(44, range(0, 2), 1, Struct(
    Field("resources", array(
        Field("resource_type", int8), Field("resource_name", string),
        Field("configs", array(Field("name", string), Field("config_operation", int8),
                               Field("value", nullable_string))))),
    Field("validate_only", boolean)), _ALTERED)

CREATE_PARTITIONS = Api(37, range(0, 4), 2, Struct(
    Field("topics", array(
        Field("name", string), Field("count", int32),
        Field("assignments", array(Field("broker_ids", Array(int32)))))),
    Field("timeout_ms", int32, default=20_000), Field("validate_only", boolean)), Struct(
    Field("throttle_time_ms", int32),
    Field("results", array(Field("name", string), Field("error_code", int16),
                           Field("error_message", nullable_string)))))

INIT_PRODUCER_ID = Api(22, range(0, 6), 2, Struct(
    Field("transactional_id", nullable_string), Field("transaction_timeout_ms", int32, default=60_000),
    Field("producer_id", int64, 3, default=-1), Field("producer_epoch", int16, 3, default=-1)), Struct(
    Field("throttle_time_ms", int32), Field("error_code", int16), Field("producer_id", int64),
    Field("producer_epoch", int16)))

DESCRIBE_PRODUCERS = Api(61, range(0, 1), 0, Struct(
    Field("topics", array(Field("name", string), Field("partition_indexes", Array(int32))))), Struct(
    Field("throttle_time_ms", int32),
    Field("topics", array(
        Field("name", string),
        Field("partitions", array(
            Field("partition_index", int32), Field("error_code", int16), Field("error_message", nullable_string),
            Field("active_producers", array(
                Field("producer_id", int64), Field("producer_epoch", int32), Field("last_sequence", int32),
                Field("last_timestamp", int64), Field("coordinator_epoch", int32),
                Field("current_txn_start_offset", int64)))))))))

DESCRIBE_CLUSTER = Api(60, range(0, 2), 0, Struct(
    Field("include_cluster_authorized_operations", boolean), Field("endpoint_type", int8, 1, default=1)), Struct(
    Field("throttle_time_ms", int32), Field("error_code", int16), Field("error_message", nullable_string),
    Field("endpoint_type", int8, 1), Field("cluster_id", string), Field("controller_id", int32),
    Field("brokers", array(Field("broker_id", int32), Field("host", string), Field("port", int32),
                           Field("rack", nullable_string))),
    Field("cluster_authorized_operations", int32)))


class Connection:
    """A plain socket to a broker."""

    def __init__(self, broker, timeout=20, port=None, host="127.0.0.1", source=None):
        """To the broker's first listener, unless `port` says another; from the address `source`."""
        self.socket = socket.create_connection((host, port or broker.port), timeout=timeout,
                                               source_address=source and (source, 0))
        self._correlation_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @property
    def name(self):
        """How the broker sees this side: address and port."""
        return "%s:%d" % self.socket.getsockname()

    def send(self, data):
        self.socket.sendall(data)

    def send_frame(self, frame):
        self.send(struct.pack(">i", len(frame)) + frame)

    def ask(self, api, version=None, **body):
        """Sends a request and returns its answer."""
        version = api.versions[-1] if version is None else version
        correlation_id = self.tell(api, version, **body)
        return self.answer(api, version, correlation_id)

    def tell(self, api, version, **body):
        """Sends a request and returns its correlation id."""
        self._correlation_id += 1
        self.send_frame(api.encode(version, self._correlation_id, **body))
        return self._correlation_id

    def answer(self, api, version, correlation_id):
        frame = self.read_frame()
        assert frame is not None, "the broker answers instead of closing the connection"
        assert struct.unpack(">i", frame[:4])[0] == correlation_id
        return api.decode(version, frame)

    def read_frame(self):
        """The next answer with its header, or None when the broker has closed the connection."""
        head = self._read(4)
        return None if head is None else self._read(struct.unpack(">i", head)[0])

    def _read(self, count):
        data = bytearray()
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                return None
            data += more
        return bytes(data)

    def is_closed(self):
        """Waits for the broker to close the connection; what it still sends is read away."""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def ask(broker, api, version=None, **body):
    """One question over a connection of its own."""
    with Connection(broker) as connection:
        return connection.ask(api, version, **body)


def create_topic(broker, name, partitions=1, **configs):
    """Creates a topic and returns its id; `configs` are Kafka's keys with _ for the dots."""
    settings = [{"name": key.replace("_", "."), "value": str(value)} for key, value in configs.items()]
    answer = ask(broker, CREATE_TOPICS, topics=[{"name": name, "num_partitions": partitions, "configs": settings}])
    assert answer.topics[0].error_code == 0, answer.topics[0]
    return answer.topics[0].topic_id


def produce(connection, topic, batch, partition=0, version=11, **options):
    """Sends one batch and returns the answer for its partition."""
    answer = connection.ask(PRODUCE, version, topic_data=[
        {"name": topic, "partition_data": [{"index": partition, "records": batch}]}], **options)
    return answer.responses[0].partition_responses[0]
