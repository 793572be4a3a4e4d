"""Record batches of magic 2, encoded and decoded from Kafka's description of the format, without the broker's code."""

import gzip
import io
import struct
from dataclasses import dataclass, field

import lz4.frame
import snappy
import zstandard
from crc32c import crc32c

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
HEADER = struct.Struct(">qiibIhiqqqhii")
CRC_START = 21  # the CRC covers everything after itself


@dataclass
class Record:
    value: bytes | None
    key: bytes | None = None
    headers: list = field(default_factory=list)
    timestamp: int = 1_700_000_000_000
    offset: int = -1


@dataclass
class Batch:
    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int
    size: int
    computed_crc: int
    payload: bytes

    @property
    def last_offset(self):
        return self.base_offset + self.last_offset_delta

    def records(self):
        data = _DECOMPRESS[self.attributes & 7](self.payload)
        source = io.BytesIO(data)
        records = [self._read_record(source) for _ in range(self.record_count)]
        assert source.read() == b"", "nothing follows the last record of a batch"
        return records

    def _read_record(self, source):
        length = read_varint(source)
        end = source.tell() + length
        source.read(1)
        timestamp = self.base_timestamp + read_varint(source)
        offset = self.base_offset + read_varint(source)
        key = _read_bytes(source)
        value = _read_bytes(source)
        headers = [(_read_bytes(source).decode(), _read_bytes(source)) for _ in range(read_varint(source))]
        assert source.tell() == end, "a record is as long as it says"
        return Record(value, key, headers, timestamp, offset)


def encode(records, codec="none", **lies):
    """One batch as a producer sends it. `lies` replaces header fields; the CRC is right unless `crc` is given."""
    base_timestamp = records[0].timestamp
    payload = _COMPRESS[CODECS[codec]](b"".join(_encode_record(r, i, base_timestamp) for i, r in enumerate(records)))
    fields = {
        "base_offset": 0, "length": HEADER.size - 12 + len(payload), "leader_epoch": -1, "magic": 2, "crc": 0,
        "attributes": CODECS[codec], "last_offset_delta": len(records) - 1, "base_timestamp": base_timestamp,
        "max_timestamp": max(r.timestamp for r in records), "producer_id": -1, "producer_epoch": -1,
        "base_sequence": -1, "record_count": len(records), **lies,
    }
    batch = bytearray(HEADER.pack(*fields.values()) + payload)
    if "crc" not in lies:
        struct.pack_into(">I", batch, 17, crc32c(bytes(batch[CRC_START:])))
    return bytes(batch)


def decode(data):
    """The whole batches at the start of `data`; a cut one at its end is left out, as every client does."""
    batches = []
    position = 0
    while position + HEADER.size <= len(data):
        fields = HEADER.unpack_from(data, position)
        size = 12 + fields[1]
        if size < HEADER.size or position + size > len(data):
            break
        whole = data[position:position + size]
        batches.append(Batch(*fields, size, crc32c(whole[CRC_START:]), whole[HEADER.size:]))
        position += size
    return batches


def _encode_record(record, index, base_timestamp):
    body = b"\0" + varint(record.timestamp - base_timestamp) + varint(index)
    body += _encode_bytes(record.key) + _encode_bytes(record.value) + varint(len(record.headers))
    body += b"".join(_encode_bytes(name.encode()) + _encode_bytes(value) for name, value in record.headers)
    return varint(len(body)) + body


def varint(number):
    """Zig-zag, seven bits in a byte, lowest first."""
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(source):
    number = shift = 0
    while True:
        byte = source.read(1)[0]
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1)


def _encode_bytes(value):
    return varint(-1) if value is None else varint(len(value)) + value


def _read_bytes(source):
    length = read_varint(source)
    return None if length < 0 else source.read(length)


def _snappy_compress(data):
    block = snappy.compress(data)
    return b"\x82SNAPPY\0" + struct.pack(">iii", 1, 1, len(block)) + block


def _snappy_decompress(data):
    """xerial's framing where it is there (librdkafka writes one raw block)."""
    if not data.startswith(b"\x82SNAPPY\0"):
        return snappy.decompress(data)
    blocks, position = [], 16
    while position < len(data):
        (length,) = struct.unpack_from(">i", data, position)
        blocks.append(snappy.decompress(data[position + 4:position + 4 + length]))
        position += 4 + length
    return b"".join(blocks)


def _zstd_decompress(data):
    return zstandard.ZstdDecompressor().stream_reader(data).read()


_COMPRESS = {0: bytes, 1: gzip.compress, 2: _snappy_compress, 3: lz4.frame.compress,
             4: zstandard.ZstdCompressor().compress}
_DECOMPRESS = {0: bytes, 1: gzip.decompress, 2: _snappy_decompress, 3: lz4.frame.decompress, 4: _zstd_decompress}
