#!/usr/bin/python3
"""Writes golden_batches.h: record batches as kafka-python encodes them, an encoder that is not ours.

Usage: ./make_golden_batches.py > golden_batches.h   (Debian: python3-kafka, python3-snappy, -lz4, -zstandard)
"""

from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.legacy_records import LegacyRecordBatchBuilder

TIMESTAMP = 1700000000000
PLAIN, GZIP, SNAPPY, LZ4, ZSTD = range(5)


def batch(codec, records, producer_id=-1, producer_epoch=-1, base_sequence=-1, transactional=0):
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=codec, is_transactional=transactional, producer_id=producer_id,
        producer_epoch=producer_epoch, base_sequence=base_sequence, batch_size=1 << 30)
    for offset, (timestamp, key, value, headers) in enumerate(records):
        builder.append(offset, timestamp, key, value, headers)
    return bytes(builder.build())


def legacy(magic, codec, records):
    builder = LegacyRecordBatchBuilder(magic=magic, compression_type=codec, batch_size=1 << 30)
    for offset, (timestamp, key, value, _) in enumerate(records):
        builder.append(offset, timestamp, key, value)
    return bytes(builder.build())


FEW = [
    (TIMESTAMP, b"a", b"first" * 40, []),
    (TIMESTAMP + 5, None, b"no key", [("trace", b"42"), ("empty", None)]),
    (TIMESTAMP + 3, b"b", None, []),
]
MANY = [(TIMESTAMP + i % 7, b"key-%d" % (i % 50), b"value %d " % i, []) for i in range(300)]

GOLDEN = {
    "few_plain": batch(PLAIN, FEW),
    "few_gzip": batch(GZIP, FEW),
    "few_snappy": batch(SNAPPY, FEW),
    "few_lz4": batch(LZ4, FEW),
    "few_zstd": batch(ZSTD, FEW),
    "many_gzip": batch(GZIP, MANY),
    "many_snappy": batch(SNAPPY, MANY),
    "many_lz4": batch(LZ4, MANY),
    "many_zstd": batch(ZSTD, MANY),
    "idempotent": batch(PLAIN, FEW, producer_id=1234567890123, producer_epoch=7, base_sequence=99, transactional=1),
    "magic0_plain": legacy(0, PLAIN, FEW),
    "magic1_plain": legacy(1, PLAIN, FEW),
    "magic1_gzip": legacy(1, GZIP, FEW),
}


def main():
    print("#pragma once\n\n// Made by make_golden_batches.py with kafka-python; not to be edited.\n")
    print("#include <cstdint>\n#include <vector>\n\nnamespace gregor::golden {\n")
    print(f"inline constexpr int64_t kTimestamp = {TIMESTAMP};\n")
    for name, data in GOLDEN.items():
        print(f"inline const std::vector<uint8_t> {name} = {{")
        for start in range(0, len(data), 24):
            print("    " + ", ".join(str(byte) for byte in data[start:start + 24]) + ",")
        print("};\n")
    print("}  // namespace gregor::golden")


if __name__ == "__main__":
    main()
