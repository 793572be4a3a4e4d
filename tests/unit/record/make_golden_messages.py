#!/usr/bin/python3
"""Writes golden_messages.h: message sets of magic 0 and 1 as kafka-python encodes them, an encoder that is not ours.

Usage: ./make_golden_messages.py > golden_messages.h   (Debian: python3-kafka, python3-snappy, -lz4, -xxhash)
"""

from kafka.record.legacy_records import LegacyRecordBatchBuilder

TIMESTAMP = 1700000000000
CODECS = {"plain": 0, "gzip": 1, "snappy": 2, "lz4": 3}
FEW = [
    (TIMESTAMP, b"a", b"first" * 40),
    (TIMESTAMP + 5, None, b"no key"),
    (TIMESTAMP + 3, b"b", None),
    (TIMESTAMP + 4, b"", b""),
]


def message_set(magic, codec, records):
    builder = LegacyRecordBatchBuilder(magic=magic, compression_type=codec, batch_size=1 << 30)
    for offset, (timestamp, key, value) in enumerate(records):
        builder.append(offset, timestamp, key, value)
    return bytes(builder.build())


def main():
    print("#pragma once\n\n// Made by make_golden_messages.py with kafka-python; not to be edited.\n")
    print("#include <cstdint>\n#include <vector>\n\nnamespace gregor::golden {\n")
    for magic in (0, 1):
        for name, codec in CODECS.items():
            data = message_set(magic, codec, FEW)
            print(f"inline const std::vector<uint8_t> messages_{magic}_{name} = {{")
            for start in range(0, len(data), 24):
                print("    " + ", ".join(str(byte) for byte in data[start:start + 24]) + ",")
            print("};\n")
    print("}  // namespace gregor::golden")


if __name__ == "__main__":
    main()
