#!/usr/bin/env python3
"""Writes tests/wire/golden/*.txt: messages as independent implementations put them on the wire.

    capture_golden.py kafka-python    kafka-python 2.0: old versions of requests and responses
    capture_golden.py flexible        kafka-python 3: flexible versions (put its sources in PYTHONPATH)
    capture_golden.py librdkafka      librdkafka (through confluent_kafka) and its mock broker

Run by hand when a capture is to be added; the files are committed. Each message is a line of description (`# ...`)
and a line of `name version hex`.
"""

import importlib
import sys
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def write(name, entries):
    """`entries`: tuples of description, message name, version, bytes."""
    lines = [f"# {description}\n{message} {version} {data.hex()}\n" for description, message, version, data in entries]
    (GOLDEN / name).write_text("".join(lines), encoding="ascii")
    print(f"{name}: {len(lines)} messages")


CAPTURES = {"kafka-python": ("capture_kafka_python", {"kafka_python_filled.txt": "filled",
                                                      "kafka_python_values.txt": "with_values"}),
            "flexible": ("capture_flexible", {"kafka_python_flexible.txt": "filled"}),
            "librdkafka": ("capture_librdkafka", {"librdkafka.txt": "conversation"})}


def main():
    for wanted in sys.argv[1:]:
        module, files = CAPTURES[wanted]
        for file, function in files.items():
            write(file, getattr(importlib.import_module(module), function)())


if __name__ == "__main__":
    main()
