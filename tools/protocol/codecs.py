"""Writes the source that reads and writes the messages of some schema files."""

from .names import version_condition
from .schema import Versions

SOURCE = """// Generated from broker/protocol/schema by tools/protocol_codegen.py.
{includes}
#include "broker/protocol/field_reader.h"
#include "broker/protocol/field_writer.h"

namespace gregor::protocol {{

{body}
}}  // namespace gregor::protocol
"""

FIXED_SIZES = {"bool": 1, "int8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "float64": 8,
               "uuid": 16}


def source_text(stems, messages):
    includes = "\n".join(f'#include "broker/protocol/{stem}.h"' for stem in stems)
    return SOURCE.format(includes=includes, body="\n".join(message_text(message) for message in messages))


def message_text(message):
    lines = []
    for struct in message.structs:
        lines += function_lines(message, struct, f"{message.name}::{struct.name}")
    lines += function_lines(message, message.body, message.name)
    lines += [f"Result<{message.name}> {message.name}::decode(ByteReader& reader, int16_t version) {{",
              f"  return decode_message<{message.name}>(reader, version);", "}",
              f"void {message.name}::encode(MessageWriter& writer, int16_t version) const {{",
              "  encode_message(*this, writer, version);", "}", ""]
    return "\n".join(lines)


def function_lines(message, struct, full_name):
    for what, parameter, object_name, body in (("read", "FieldReader& in", "in", read_lines(message, struct)),
                                               ("write", "FieldWriter& out", "out", write_lines(message, struct))):
        yield f"void {full_name}::{what}([[maybe_unused]] {parameter}){' const' if what == 'write' else ''} {{"
        lines = list(body)
        if any("version " in line for line in lines):
            yield f"  const int16_t version = {object_name}.version();"
        yield from (f"  {line}" for line in lines)
        yield "}"


def read_lines(message, struct):
    for field in untagged(struct):
        statements = [read_call(message, struct, field)]
        if field.never_compact:
            statements = ["in.set_compact(false);", *statements, "in.set_compact(in.flexible());"]
        yield from guarded(version_condition(field.versions, struct.versions), statements)
    if not tagged(struct):
        yield from flexible_only(message, "in.skip_tags();")
        return
    yield "in.read_tags([&](uint32_t tag) {"
    for field in tagged(struct):
        conditions = [f"tag == {field.tag}", version_condition(field.versions, flexible_versions(message, struct))]
        call = read_call(message, struct, field)[:-1]
        yield f"  if ({' && '.join(filter(None, conditions))}) return {call}, true;"
    yield "  return false;"
    yield "});"


def read_call(message, struct, field):
    nullable = field.nullable and field.base != "records"
    function = "read" + ("_nullable" if nullable else "") + ("_array" if field.is_array else "")
    arguments = [f'"{field.name}"', field.name]
    if field.is_array:
        arguments.append(smallest_element(message, struct, field))
    if nullable:
        arguments.append(may_be_null(struct, field))
    return f"in.{function}({', '.join(arguments)});"


def write_lines(message, struct):
    for field in untagged(struct):
        statements = [write_call(struct, field)]
        if field.never_compact:
            statements = ["out.set_compact(false);", *statements, "out.set_compact(out.flexible());"]
        yield from guarded(version_condition(field.versions, struct.versions), statements)
    if not tagged(struct):
        yield from flexible_only(message, "out.write_tag_count(0);")
        return
    yield "if (!out.flexible()) return;"
    for field in tagged(struct):
        conditions = [version_condition(field.versions, flexible_versions(message, struct)), differs(field)]
        yield f"const bool has_{field.name} = {' && '.join(filter(None, conditions))};"
    yield f"out.write_tag_count({' + '.join(f'has_{field.name}' for field in tagged(struct))});"
    for field in tagged(struct):
        call = write_call(struct, field).replace("out.", "value.")
        yield f"if (has_{field.name}) out.write_tag({field.tag}, [&](FieldWriter& value) {{ {call} }});"


def write_call(struct, field):
    nullable = field.nullable and field.base != "records"
    function = "write" + ("_nullable" if nullable else "") + ("_array" if field.is_array else "")
    arguments = [field.name] + ([may_be_null(struct, field)] if nullable else [])
    return f"out.{function}({', '.join(arguments)});"


def untagged(struct):
    return [field for field in struct.fields if field.tag is None]


def tagged(struct):
    return sorted((field for field in struct.fields if field.tag is not None), key=lambda field: field.tag)


def guarded(condition, statements):
    if not condition:
        return statements
    if len(statements) == 1:
        return [f"if ({condition}) {statements[0]}"]
    return [f"if ({condition}) {{", *(f"  {statement}" for statement in statements), "}"]


def flexible_only(message, statement):
    """Tag sections exist in flexible versions; the call itself does nothing in others."""
    return [statement] if message.flexible_from is not None else []


def flexible_versions(message, struct):
    return Versions(max(message.flexible_from, struct.versions.low), struct.versions.high)


def may_be_null(struct, field):
    live = field.versions.within(struct.versions)
    if field.nullable.covers(live):
        return "true"
    return version_condition(field.nullable, live)


def differs(field):
    """The condition that a tagged field is not at its default, which is not written."""
    if field.nullable:
        return f"{field.name}.has_value()"
    if field.is_array or field.base in ("string", "bytes"):
        return f"!{field.name}.empty()"
    if field.struct:
        return f"{field.name} != {field.base}()"
    if field.base == "bool":
        return field.name if field.default != "true" else f"!{field.name}"
    return f"{field.name} != {'Uuid()' if field.base == 'uuid' else field.default or 0}"


def smallest_element(message, struct, field):
    """The fewest bytes that an element takes, which bounds how many a frame can hold: a C++ expression."""
    live = field.versions.within(struct.versions)
    sizes = {flexible: [value_size(message, field, version) for version in live
                        if message.is_flexible(version) == flexible] for flexible in (True, False)}
    smallest = {flexible: max(1, min(found)) for flexible, found in sizes.items() if found}
    if len(set(smallest.values())) == 1:
        return str(next(iter(smallest.values())))
    return f"in.flexible() ? {smallest[True]} : {smallest[False]}"


def value_size(message, field, version):
    """The fewest bytes of one value (for an array: one element) in `version`."""
    flexible = message.is_flexible(version)
    if field.struct:
        return struct_size(message, field.struct, version)
    if field.base == "string":
        return 1 if flexible and not field.never_compact else 2
    if field.base in ("bytes", "records"):
        return 1 if flexible else 4
    return FIXED_SIZES[field.base]


def struct_size(message, struct, version):
    flexible = message.is_flexible(version)
    size = 1 if flexible else 0  # the count of tagged fields
    for field in untagged(struct):
        if version not in field.versions:
            continue
        if field.is_array:
            size += 1 if flexible else 4
        elif field.struct and field.nullable:
            size += 1
        else:
            size += value_size(message, field, version)
    return size
