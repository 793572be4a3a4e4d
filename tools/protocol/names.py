"""How schema names and types are spelled in C++."""

import re

NUMBERS = {"bool": "bool", "int8": "int8_t", "int16": "int16_t", "uint16": "uint16_t", "int32": "int32_t",
           "uint32": "uint32_t", "int64": "int64_t", "float64": "double", "uuid": "Uuid", "records": "Records"}
# Requests and internal records are views into the bytes they were read from; responses own what they hold.
VIEWS = {"string": "std::string_view", "bytes": "Bytes"}
OWNED = {"string": "std::string", "bytes": "std::vector<uint8_t>"}


def snake_case(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def element_type(message, field):
    """The C++ type of the field, or of its elements when it is an array."""
    texts = OWNED if message.kind == "response" else VIEWS
    return NUMBERS.get(field.base) or texts.get(field.base) or field.base


def member_type(message, field):
    cpp = element_type(message, field)
    if field.is_array:
        cpp = f"std::vector<{cpp}>"
    # Records know null themselves.
    return f"std::optional<{cpp}>" if field.nullable and field.base != "records" else cpp


def default_value(field):
    """What a field holds that nobody set, as a C++ expression."""
    if field.default is not None:
        return f'"{field.default}"' if field.base == "string" else field.default
    if field.is_array or field.nullable or field.base not in NUMBERS or field.base in ("uuid", "records"):
        return "{}"
    return "false" if field.base == "bool" else "0"


def version_condition(versions, within):
    """The C++ condition that a version out of `within` is one of `versions`; empty when it always is."""
    above, below = versions.low > within.low, versions.high < within.high
    if above and below and versions.low == versions.high:
        return f"version == {versions.low}"
    parts = [f"version >= {versions.low}"] if above else []
    parts += [f"version <= {versions.high}"] if below else []
    return " && ".join(parts)
