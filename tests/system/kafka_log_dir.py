"""Lays out a log directory as Java Kafka 3.9 in ZooKeeper mode leaves it: from the description of its files, with struct
and zlib, and with nothing of ours."""

import gzip
import json
import struct
import uuid
import zlib
from base64 import urlsafe_b64encode

import lz4.frame
import snappy
import zstandard

INDEX_BYTES = 10_485_760  # segment.index.bytes
LOG_APPEND_TIME, TRANSACTIONAL, CONTROL = 8, 16, 32
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


def _crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _compress(data, codec):
    if codec == "snappy":
        block = snappy.compress(data)
        return b"\x82SNAPPY\0" + struct.pack(">iii", 1, 1, len(block)) + block
    return {"none": bytes, "gzip": gzip.compress, "lz4": lz4.frame.compress,
            "zstd": zstandard.ZstdCompressor().compress}[codec](data)


def _varint(number):
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def _sized(data):
    return _varint(-1) if data is None else _varint(len(data)) + data


class Stored:
    """A batch or message as it stands in a segment: its bytes, and what indexes need to know of it."""

    def __init__(self, data, first_offset, last_offset, max_timestamp, records):
        self.data, self.first_offset, self.last_offset = data, first_offset, last_offset
        self.max_timestamp = max_timestamp
        self.records = records  # (offset, timestamp, key, value)


def batch(base_offset, records, codec="none", epoch=0, attributes=0, last_offset=None, max_timestamp=None,
          producer=(-1, -1, -1)):
    """A batch of magic 2. `records` are (offset, timestamp, key, value), offsets rising with any gaps."""
    base_timestamp = records[0][1] if records else max_timestamp
    body = b""
    for offset, timestamp, key, value in records:
        record = (b"\0" + _varint(timestamp - base_timestamp) + _varint(offset - base_offset) + _sized(key) +
                  _sized(value) + _varint(0))
        body += _varint(len(record)) + record
    last_offset = records[-1][0] if last_offset is None else last_offset
    greatest = max((record[1] for record in records), default=max_timestamp)
    greatest = greatest if max_timestamp is None else max_timestamp
    summed = struct.pack(">hiqqqhii", attributes | CODECS[codec], last_offset - base_offset, base_timestamp, greatest,
                         *producer, len(records)) + (_compress(body, codec) if records else b"")
    tail = struct.pack(">ibI", epoch, 2, crc32c(summed)) + summed
    is_append_time = attributes & LOG_APPEND_TIME
    seen = [(offset, greatest if is_append_time else timestamp, key, value)
            for offset, timestamp, key, value in records]
    return Stored(struct.pack(">qi", base_offset, len(tail)) + tail, base_offset, last_offset, greatest, seen)


def marker(offset, timestamp, is_commit, epoch=0, producer=(-1, -1), coordinator_epoch=0):
    """The control batch that ends a transaction."""
    record = (offset, timestamp, struct.pack(">hh", 0, int(is_commit)), struct.pack(">hi", 0, coordinator_epoch))
    return batch(offset, [record], epoch=epoch, attributes=TRANSACTIONAL | CONTROL, producer=(*producer, -1))


def message(magic, offset, timestamp, key, value, codec="none"):
    """A message of magic 0 or 1."""
    body = struct.pack(">bb", magic, CODECS[codec]) + (struct.pack(">q", timestamp) if magic == 1 else b"")
    for field in (key, value):
        body += struct.pack(">i", -1 if field is None else len(field)) + (field or b"")
    framed = struct.pack(">I", zlib.crc32(body)) + body
    seen = (offset, timestamp if magic == 1 else -1, key, value)
    return Stored(struct.pack(">qi", offset, len(framed)) + framed, offset, offset, seen[1], [seen])


def wrapper(magic, first_offset, records, codec):
    """A compressed message that holds others; in magic 1 their offsets count from 0."""
    inner = b"".join(message(magic, i if magic == 1 else first_offset + i, timestamp, key, value).data
                     for i, (timestamp, key, value) in enumerate(records))
    last_offset = first_offset + len(records) - 1
    greatest = max(timestamp for timestamp, _, _ in records)
    outer = message(magic, last_offset, greatest, None, _compress(inner, codec), codec)
    seen = [(first_offset + i, timestamp if magic == 1 else -1, key, value)
            for i, (timestamp, key, value) in enumerate(records)]
    return Stored(outer.data, first_offset, last_offset, outer.max_timestamp, seen)


class Partition:
    """One partition's directory."""

    def __init__(self, log_dir, name, topic_id):
        self.folder = log_dir / name
        self.folder.mkdir(parents=True)
        self.segments = {}  # base offset: what is in it
        (self.folder / "partition.metadata").write_text(f"version: 0\ntopic_id: {topic_id}\n")

    def path(self, base_offset, suffix):
        return self.folder / f"{base_offset:020d}.{suffix}"

    def write(self, segments, is_clean, epochs, interval=4096):
        """`segments` are lists of Stored by base offset; the last one is active. What a clean stop trims stays
        preallocated after a kill."""
        self.segments = segments
        for base_offset, stored in segments.items():
            is_trimmed = is_clean or base_offset != max(segments)
            self.path(base_offset, "log").write_bytes(b"".join(entry.data for entry in stored))
            offsets, times = self._index(base_offset, stored, interval, is_trimmed)
            self._write_index(self.path(base_offset, "index"), offsets, 8, is_trimmed)
            self._write_index(self.path(base_offset, "timeindex"), times, 12, is_trimmed)
        lines = "".join(f"{epoch} {offset}\n" for epoch, offset in epochs)
        (self.folder / "leader-epoch-checkpoint").write_text(f"0\n{len(epochs)}\n{lines}")

    @staticmethod
    def _index(base_offset, stored, interval, is_closed):
        offsets, times = b"", b""
        position = since_entry = 0
        greatest, holder, last_time = -1, base_offset, -1
        for entry in stored:
            if entry.max_timestamp > greatest:
                greatest, holder = entry.max_timestamp, entry.last_offset
            if since_entry > interval:
                offsets += struct.pack(">ii", entry.last_offset - base_offset, position)
                if greatest > last_time:
                    times += struct.pack(">qi", greatest, holder - base_offset)
                    last_time = greatest
                since_entry = 0
            position += len(entry.data)
            since_entry += len(entry.data)
        if is_closed and greatest > last_time:
            times += struct.pack(">qi", greatest, holder - base_offset)
        return offsets, times

    @staticmethod
    def _write_index(path, data, entry_size, is_trimmed):
        with open(path, "wb") as file:
            file.write(data)
            if not is_trimmed:
                file.truncate(INDEX_BYTES // entry_size * entry_size)

    def write_aborted(self, base_offset, entries):
        """(producer id, first offset, last offset, last stable offset) each."""
        self.path(base_offset, "txnindex").write_bytes(b"".join(struct.pack(">hqqqq", 0, *entry) for entry in entries))

    def write_snapshot(self, offset, producers):
        """(id, epoch, last sequence, last offset, offset delta, time, coordinator epoch, transaction start) each."""
        body = struct.pack(">i", len(producers)) + b"".join(struct.pack(">qhiqiqiq", *p) for p in producers)
        self.path(offset, "snapshot").write_bytes(struct.pack(">hI", 1, crc32c(body)) + body)

    @property
    def records(self):
        return [record for stored in self.segments.values() for entry in stored for record in entry.records]

    @property
    def end_offset(self):
        base_offset = max(self.segments)
        return self.segments[base_offset][-1].last_offset + 1 if self.segments[base_offset] else base_offset


def topic_id():
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def write_checkpoint(path, entries):
    path.write_text(f"0\n{len(entries)}\n" + "".join(f"{topic} {index} {offset}\n" for topic, index, offset in entries))


def write_meta_properties(log_dir, broker_id, cluster_id, directory_id):
    (log_dir / "meta.properties").write_text(
        f"#\n#Mon Nov 25 10:00:00 UTC 2024\nbroker.id={broker_id}\ncluster.id={cluster_id}\n"
        f"directory.id={directory_id}\nversion=0\n")


def register_topic(client, name, topic_id, partitions, leader_epoch, **config):
    """The znodes of a topic, all of whose partitions broker 1 leads."""
    def put(path, value):
        client.create(path, json.dumps(value, separators=(",", ":")).encode(), makepath=True)
    put(f"/brokers/topics/{name}", {"partitions": {str(i): [1] for i in range(partitions)}, "topic_id": topic_id,
                                    "adding_replicas": {}, "removing_replicas": {}, "version": 3})
    for index in range(partitions):
        put(f"/brokers/topics/{name}/partitions/{index}/state",
            {"controller_epoch": 1, "leader": 1, "version": 1, "leader_epoch": leader_epoch, "isr": [1]})
    put(f"/config/topics/{name}", {"version": 1, "config": {key.replace("_", "."): str(value)
                                                           for key, value in config.items()}})
