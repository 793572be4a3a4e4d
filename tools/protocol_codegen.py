#!/usr/bin/env python3
"""Generates the structs and codecs of Kafka's messages from broker/protocol/schema/*.schema.

The schema language. A file holds one API (its request and its response) or some internal records:

    api Fetch key 1 versions 0-17 flexible 12+    the key and versions on the wire; from 12 on compact and tagged
    request                                       then one line per field: name, type, versions, options
      max_bytes    int32     3+    = 2147483647   `3+`, `0-14` or `3`: the versions that have it; `= ` its default
      topics       []Topic?  0+                   `[]` an array; an upper-case name a structure; `?` may be null
        topic_id   uuid      13+                  deeper lines are the fields of the structure
        names      []string?2+  0+                null only in the versions after the `?`
      cluster_id   string?   12+   tag 0          a tagged field, left out when it is at its default
    response ...
    record OffsetCommitKey versions 0-1           a message without key and header

Types: bool int8 int16 uint16 int32 uint32 int64 float64 uuid string bytes records. A structure that is named again
without lines below it is the one defined before. Without `=` a field is null if it may be, else zero or empty.
`never-compact` keeps a string's int16 length in flexible versions. A `#` starts a comment.
"""

import argparse
import sys
from pathlib import Path

from protocol import codecs, headers, schema, tables


def main():
    arguments = parse_arguments()
    try:
        files = {Path(path).stem: schema.parse_file(path) for path in sorted(arguments.schemas)}
        check_unique(files)
    except schema.SchemaError as error:
        sys.exit(str(error))
    for path, text in outputs(files, arguments):
        write_if_changed(Path(path), text)


def parse_arguments():
    parser = argparse.ArgumentParser(description="Generates message structs and codecs from schemas.")
    parser.add_argument("schemas", nargs="+")
    parser.add_argument("--headers", help="folder for one header per schema file")
    parser.add_argument("--sources", help="folder for the codecs")
    parser.add_argument("--groups", type=int, default=1, help="number of source files to spread the codecs over")
    parser.add_argument("--samples", help="header to write for tests that fill every message")
    return parser.parse_args()


def check_unique(files):
    seen = {}
    for stem, messages in files.items():
        for message in messages:
            for word in (message.name, ("key", message.key) if message.kind == "request" else None):
                if word and word in seen:
                    sys.exit(f"{stem}.schema: {word} is defined by {seen[word]}.schema too")
                seen[word] = stem


def outputs(files, arguments):
    """Pairs of a path and the text that belongs there."""
    messages = [message for found in files.values() for message in found]
    if arguments.headers:
        yield f"{arguments.headers}/api_key.h", tables.keys_text(messages)
        for stem, found in files.items():
            yield f"{arguments.headers}/{stem}.h", headers.header_text(stem, found)
    if arguments.sources:
        yield f"{arguments.sources}/api_table.cc", tables.table_text(messages)
        for group in range(arguments.groups):
            stems = sorted(files)[group::arguments.groups]
            found = [message for stem in stems for message in files[stem]]
            yield f"{arguments.sources}/codec_{group}.cc", codecs.source_text(stems, found)
    if arguments.samples:
        yield arguments.samples, tables.samples_text(sorted(files), messages)


def write_if_changed(path, text):
    """Leaves a file alone that is as it should be, so that nothing is compiled for it again."""
    if path.exists() and path.read_text(encoding="ascii") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
