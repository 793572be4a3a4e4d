"""Writes the list of all APIs, and for tests a function that fills every message."""

from .names import snake_case

KEYS = """// Generated from broker/protocol/schema by tools/protocol_codegen.py.
#pragma once

#include <cstdint>

namespace gregor::protocol {{

/// The APIs that a broker in ZooKeeper mode advertises, by the number that stands in a request's header.
enum class ApiKey : int16_t {{
{keys}
}};

}}  // namespace gregor::protocol
"""

TABLE = """// Generated from broker/protocol/schema by tools/protocol_codegen.py.
#include "broker/protocol/api_info.h"

namespace gregor::protocol {{

namespace {{

constexpr ApiInfo kApis[] = {{
{rows}
}};

}}  // namespace

std::span<const ApiInfo> all_apis() {{ return kApis; }}

}}  // namespace gregor::protocol
"""

SAMPLES = """// Generated from broker/protocol/schema by tools/protocol_codegen.py, for tests only.
#pragma once

{includes}

namespace gregor::protocol {{

{functions}

/// Calls `visit.template operator()<Message>()` for every message there is.
template <class Visitor>
void for_each_message(Visitor visit) {{
{calls}
}}

}}  // namespace gregor::protocol
"""


def requests_by_key(messages):
    return sorted((message for message in messages if message.kind == "request"), key=lambda message: message.key)


def keys_text(messages):
    return KEYS.format(keys="\n".join(f"  {snake_case(request.api)} = {request.key},"
                                      for request in requests_by_key(messages)))


def table_text(messages):
    rows = []
    for request in requests_by_key(messages):
        flexible = "INT16_MAX" if request.flexible_from is None else request.flexible_from
        rows.append(f'    {{ApiKey::{snake_case(request.api)}, "{request.api}", {request.versions.low}, '
                    f"{request.versions.high}, {flexible}}},")
    return TABLE.format(rows="\n".join(rows))


def samples_text(stems, messages):
    includes = "\n".join(f'#include "broker/protocol/{stem}.h"' for stem in stems)
    functions = [text for message in messages for text in fill_functions(message)]
    calls = "\n".join(f"  visit.template operator()<{message.name}>();" for message in messages)
    return SAMPLES.format(includes=includes, functions="\n".join(functions), calls=calls)


def fill_functions(message):
    """`fill_struct(filler, value)` for the message and the structures in it; the filler knows the simple types."""
    names = [(struct, f"{message.name}::{struct.name}") for struct in message.structs]
    for struct, full_name in names + [(message.body, message.name)]:
        yield "template <class Filler>"
        yield f"void fill_struct([[maybe_unused]] Filler& filler, [[maybe_unused]] {full_name}& value) {{"
        for field in struct.fields:
            yield f"  filler.fill(value.{field.name});"
        yield "}"
