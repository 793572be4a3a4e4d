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
    if message.kind == "response":
        lines += ["", *(f"  {line}" for line in error_lines(message.body))]
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
    if message.kind == "response" and has_errors(struct):
        yield from error_lines(struct)
    if struct.compared:
        yield f"  friend bool operator==(const {struct.name}&, const {struct.name}&) = default;"
    yield "  void read(FieldReader& in);"
    yield "  void write(FieldWriter& out) const;"
    yield "};"


def has_errors(struct):
    return any(is_error(field) or field.struct and has_errors(field.struct) for field in struct.fields)


def is_error(field):
    return field.name == "error_code" and field.base == "int16" and not field.is_array


def error_lines(struct):
    """A function that hands over the error codes of the structure and of all below it."""
    yield "template <class F>"
    yield "void each_error([[maybe_unused]] F&& take) const {"
    for field in struct.fields:
        if is_error(field):
            yield f"  take({field.name});"
        elif field.struct and has_errors(field.struct):
            yield from (f"  {line}" for line in error_descent(field))
    yield "}"


def error_descent(field):
    value = f"*{field.name}" if field.nullable else field.name
    condition = f"if ({field.name}) " if field.nullable else ""
    if field.is_array:
        return [f"{condition}for (const auto& row : {value}) row.each_error(take);"]
    return [f"{condition}{f'(*{field.name})' if field.nullable else field.name}.each_error(take);"]


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
