#!/usr/bin/env python3
"""Writes tests/wire/golden/*.txt: messages as independent implementations put them on the wire.

Run by hand when a capture is to be added; the files are committed. Each message is a line of description (`# ...`)
and a line of `name version hex`. Needs kafka-python, and confluent_kafka for librdkafka.
"""

from pathlib import Path

import capture_kafka_python
import capture_librdkafka

GOLDEN = Path(__file__).parent / "golden"


def write(name, entries):
    """`entries`: tuples of description, message name, version, bytes."""
    lines = [f"# {description}\n{message} {version} {data.hex()}\n" for description, message, version, data in entries]
    (GOLDEN / name).write_text("".join(lines), encoding="ascii")
    print(f"{name}: {len(lines)} messages")


def main():
    write("kafka_python_filled.txt", capture_kafka_python.filled())
    write("kafka_python_values.txt", capture_kafka_python.with_values())
    write("librdkafka.txt", capture_librdkafka.conversation())


if __name__ == "__main__":
    main()
