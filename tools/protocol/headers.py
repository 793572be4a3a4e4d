"""Writes the header of one schema file: its messages as structs."""

from .names import default_value, member_type, snake_case

HEADER = """// Generated from broker/protocol/schema/{stem}.schema by tools/protocol_codegen.py.
#pragma once

#include "broker/protocol/message.h"

namespace gregor::protocol {{

{body}
}}  // namespace gregor::protocol
"""


def header_text(stem, messages):
    return HEADER.format(stem=stem, body="\n".join(message_text(message) for message in messages))


def message_text(message):
    lines = [f"struct {message.name} {{"]
    lines += [f"  {line}" for line in constants(message)]
    for struct in message.structs:
        lines += [""] + [f"  {line}".rstrip() for line in struct_lines(message, struct)]
    lines += [""] + [f"  {line}" for line in field_lines(message, message.body)]
    lines += ["",
              f"  static Result<{message.name}> decode(ByteReader& reader, int16_t version);",
              "  void encode(MessageWriter& writer, int16_t version) const;",
              "  void read(FieldReader& in);",
              "  void write(FieldWriter& out) const;",
              "};", ""]
    return "\n".join(lines)


def constants(message):
    if message.api:
        yield f"static constexpr ApiKey kApiKey = ApiKey::{snake_case(message.api)};"
    flexible = "INT16_MAX" if message.flexible_from is None else message.flexible_from
    yield f'static constexpr std::string_view kName = "{message.name}";'
    yield f"static constexpr int16_t kMinVersion = {message.versions.low};"
    yield f"static constexpr int16_t kMaxVersion = {message.versions.high};"
    yield f"static constexpr int16_t kFirstFlexibleVersion = {flexible};"


def struct_lines(message, struct):
    yield f"struct {struct.name} {{"
    for line in field_lines(message, struct):
        yield f"  {line}"
    yield ""
    if struct.compared:
        yield f"  friend bool operator==(const {struct.name}&, const {struct.name}&) = default;"
    yield "  void read(FieldReader& in);"
    yield "  void write(FieldWriter& out) const;"
    yield "};"


def field_lines(message, struct):
    for field in struct.fields:
        default = default_value(field)
        initial = default if default == "{}" else f" = {default}"
        yield f"{member_type(message, field)} {field.name}{initial};{versions_comment(message, field)}"


def versions_comment(message, field):
    """Tells the reader of the header when the field is on the wire, unless it always is."""
    if field.versions.covers(message.versions):
        return ""
    low, high = field.versions.low, field.versions.high
    return f"  // {low}+" if high == message.versions.high else f"  // {low}-{high}"
