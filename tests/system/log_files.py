"""Reads Kafka's files of a log directory without the broker's code, and says what must hold in them."""

import struct
import uuid
from base64 import urlsafe_b64decode
from dataclasses import astuple, dataclass

from crc32c import crc32c

import batches


def segments(partition_dir):
    """The base offsets of the segments, ascending."""
    return sorted(int(path.stem) for path in partition_dir.glob("*.log"))


def segment_file(partition_dir, base_offset, suffix):
    return partition_dir / f"{base_offset:020d}.{suffix}"


def read_batches(partition_dir, base_offset):
    """(position, batch) for every batch of a segment, which must hold nothing else."""
    data = segment_file(partition_dir, base_offset, "log").read_bytes()
    found = batches.decode(data)
    assert sum(batch.size for batch in found) == len(data), "a segment consists of whole batches"
    positions = [0]
    for batch in found:
        positions.append(positions[-1] + batch.size)
    return list(zip(positions, found))


def read_records(partition_dir):
    return [record for base in segments(partition_dir) for _, batch in read_batches(partition_dir, base)
            for record in batch.records()]


def read_index(path, base_offset):
    """(offset, position) entries of a trimmed .index file."""
    return [(base_offset + offset, position) for offset, position in _entries(path, ">ii")]


def read_time_index(path, base_offset):
    """(timestamp, offset) entries of a trimmed .timeindex file."""
    return [(timestamp, base_offset + offset) for timestamp, offset in _entries(path, ">qi")]


@dataclass
class Producer:
    """One producer in a snapshot file."""
    producer_id: int
    epoch: int
    last_sequence: int
    last_offset: int
    offset_delta: int
    timestamp: int
    coordinator_epoch: int
    transaction_start: int


PRODUCER = struct.Struct(">qhiqiqiq")


def snapshots(partition_dir):
    """The offsets of the producer snapshots, ascending."""
    return sorted(int(path.stem) for path in partition_dir.glob("*.snapshot"))


def read_snapshot(partition_dir, offset):
    """The producers of a snapshot file, by their ids."""
    data = segment_file(partition_dir, offset, "snapshot").read_bytes()
    version, crc, count = struct.unpack_from(">hIi", data)
    assert version == 1 and crc == crc32c(data[6:]), "a snapshot has version 1 and a right checksum"
    assert len(data) == 10 + count * PRODUCER.size, "a snapshot is as long as its count says"
    return {fields[0]: Producer(*fields) for fields in PRODUCER.iter_unpack(data[10:])}


def write_snapshot(partition_dir, offset, producers):
    """Writes a snapshot file as Kafka does."""
    body = struct.pack(">i", len(producers)) + b"".join(PRODUCER.pack(*astuple(producer)) for producer in producers)
    data = struct.pack(">hI", 1, crc32c(body)) + body
    segment_file(partition_dir, offset, "snapshot").write_bytes(data)


def read_transaction_index(path):
    """(producer id, first offset, last offset, last stable offset) entries of a .txnindex file."""
    entries = _entries(path, ">hqqqq")
    assert all(version == 0 for version, *_ in entries), f"entries of {path} have version 0"
    return [tuple(rest) for _, *rest in entries]


def _entries(path, layout):
    data = path.read_bytes()
    assert len(data) % struct.calcsize(layout) == 0, f"{path} consists of whole entries"
    return list(struct.iter_unpack(layout, data))


def read_checkpoint(path):
    """The entries of a checkpoint file, each a list of words."""
    lines = path.read_text().splitlines()
    assert lines[0] == "0", f"{path} has version 0"
    entries = [line.split(" ") for line in lines[2:]]
    assert int(lines[1]) == len(entries), f"{path} counts its entries"
    return entries


def read_properties(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def read_topic_id(partition_dir):
    """The topic id in partition.metadata, as the text that Kafka shows."""
    version, topic_id = (partition_dir / "partition.metadata").read_text().splitlines()
    assert version == "version: 0"
    name, text = topic_id.split(": ")
    assert name == "topic_id" and len(text) == 22
    return text


def uuid_of(text):
    return uuid.UUID(bytes=urlsafe_b64decode(text + "=="))


def check_sanity(partition_dir):
    """What Java Kafka checks of a partition's files before it uses them, and what it takes for granted."""
    for base_offset in segments(partition_dir):
        size = segment_file(partition_dir, base_offset, "log").stat().st_size
        offsets = read_index(segment_file(partition_dir, base_offset, "index"), base_offset)
        times = read_time_index(segment_file(partition_dir, base_offset, "timeindex"), base_offset)
        assert not offsets or offsets[-1][0] > base_offset, "the last index entry lies behind the segment's beginning"
        assert all(position < size for _, position in offsets), "index entries lie within the segment"
        assert offsets == sorted(set(offsets)), "index entries rise"
        assert [t for t, _ in times] == sorted({t for t, _ in times}), "time index entries rise"
        assert all(offset >= base_offset for _, offset in times)
        aborted = segment_file(partition_dir, base_offset, "txnindex")
        assert not aborted.exists() or all(e[2] >= base_offset for e in read_transaction_index(aborted))
    for offset in snapshots(partition_dir):
        read_snapshot(partition_dir, offset)
    epochs = [[int(word) for word in entry] for entry in read_checkpoint(partition_dir / "leader-epoch-checkpoint")]
    assert epochs == sorted(epochs) and [start for _, start in epochs] == sorted({start for _, start in epochs})
    for path in partition_dir.iterdir():
        is_index = path.suffix in (".index", ".timeindex", ".txnindex")
        assert not is_index or path.with_suffix(".log").exists(), f"{path} belongs to a segment"


def check_partition(partition_dir, index_interval_bytes=4096, one_run=True):
    """Checks segments, indexes and their agreement in a partition whose broker has stopped; returns its end offset.

    With `one_run` the log was never opened a second time, so that the entries of the index are known exactly.
    """
    next_offset = segments(partition_dir)[0]
    for base_offset in segments(partition_dir):
        assert base_offset == next_offset, "a segment starts where the one before it ends"
        next_offset = _check_batches(read_batches(partition_dir, base_offset), next_offset)
        _check_index(partition_dir, base_offset, index_interval_bytes, one_run)
        _check_time_index(partition_dir, base_offset)
    _check_epochs(partition_dir, next_offset)
    return next_offset


def _check_batches(found, next_offset):
    for position, batch in found:
        where = f"batch at position {position}"
        assert batch.base_offset == next_offset, f"{where} follows the one before"
        assert batch.magic == 2 and batch.crc == batch.computed_crc, f"{where} is whole"
        assert batch.leader_epoch >= 0, f"{where} carries its leader's epoch"
        assert [r.offset for r in batch.records()] == list(range(next_offset, batch.last_offset + 1)), where
        next_offset = batch.last_offset + 1
    return next_offset


def _check_index(partition_dir, base_offset, interval, one_run):
    entries = read_index(segment_file(partition_dir, base_offset, "index"), base_offset)
    found = read_batches(partition_dir, base_offset)
    possible = [(batch.last_offset, position) for position, batch in found]
    assert set(entries) <= set(possible), "an index entry is the last offset of a batch and its position"
    assert entries == sorted(entries) and len(set(entries)) == len(entries), "index entries rise"
    if one_run:
        assert entries == _expected_index(found, interval)


def _expected_index(found, interval):
    entries, since_entry = [], 0
    for position, batch in found:
        if since_entry > interval:
            entries.append((batch.last_offset, position))
            since_entry = 0
        since_entry += batch.size
    return entries


def _check_time_index(partition_dir, base_offset):
    entries = read_time_index(segment_file(partition_dir, base_offset, "timeindex"), base_offset)
    assert [t for t, _ in entries] == sorted({t for t, _ in entries}), "timestamps in a time index rise"
    found = [batch for _, batch in read_batches(partition_dir, base_offset)]
    for timestamp, offset in entries:
        before = [batch for batch in found if batch.base_offset <= offset]
        assert max(batch.max_timestamp for batch in before) == timestamp, "an entry is the largest timestamp so far"
    if found and base_offset != segments(partition_dir)[-1]:
        assert entries[-1][0] == max(batch.max_timestamp for batch in found), "a closed segment's largest is there"


def _check_epochs(partition_dir, end_offset):
    entries = [(int(epoch), int(start)) for epoch, start in read_checkpoint(partition_dir / "leader-epoch-checkpoint")]
    assert entries == sorted(entries), "epochs and their start offsets rise"
    assert all(start <= end_offset for _, start in entries)
