"""Reads schema files (the language is described in tools/protocol_codegen.py) into Message objects."""

import re
from dataclasses import dataclass, field

PRIMITIVES = ("bool", "int8", "int16", "uint16", "int32", "uint32", "int64", "float64", "uuid", "string", "bytes",
              "records")
# Names that the generated code uses itself.
RESERVED = ("ApiKey", "Bytes", "ByteReader", "FieldReader", "FieldWriter", "MessageWriter", "Records", "Result", "Uuid")


class SchemaError(Exception):
    """What is wrong with a schema, preceded by file:line."""

    def __init__(self, line, problem):
        super().__init__(f"{line.file}:{line.number}: {problem}")


@dataclass(frozen=True)
class Versions:
    """The versions from `low` to `high`, both inclusive; empty when high < low."""

    low: int
    high: int

    def within(self, other):
        return Versions(max(self.low, other.low), min(self.high, other.high))

    def covers(self, other):
        return self.low <= other.low and other.high <= self.high

    def hull(self, other):
        return Versions(min(self.low, other.low), max(self.high, other.high))

    def __iter__(self):
        return iter(range(self.low, self.high + 1))


@dataclass
class Line:
    file: str
    number: int
    indent: int
    words: list


@dataclass
class Struct:
    """A nested structure; `versions` are those of all the fields that hold one."""

    name: str
    fields: list = field(default_factory=list)
    versions: Versions = None
    compared: bool = False  # a tagged field of this type is left out when it equals the default


@dataclass
class Field:
    name: str
    base: str  # a primitive's or a structure's name
    struct: Struct
    is_array: bool
    nullable: Versions  # None when never null
    versions: Versions
    tag: int
    default: str
    never_compact: bool


@dataclass
class Message:
    name: str
    kind: str  # request, response or record
    api: str
    key: int
    versions: Versions
    flexible_from: int  # None when never
    body: Struct
    structs: list  # nested ones, each after those that it contains

    def is_flexible(self, version):
        return self.flexible_from is not None and version >= self.flexible_from


def parse_file(path):
    """All messages of one file, in its order."""
    lines = list(read_lines(path))
    messages = []
    while lines:
        head = lines.pop(0)
        if head.indent != 0:
            raise SchemaError(head, "a field outside any message")
        if head.words[0] == "api":
            messages += parse_api(head, lines)
        elif head.words[0] == "record":
            name, options = parse_head(head)
            messages.append(parse_message(name, "record", None, options, head, lines))
        else:
            raise SchemaError(head, f"expected api or record, not {head.words[0]}")
    return messages


def read_lines(path):
    with open(path, encoding="ascii") as file:
        for number, text in enumerate(file, 1):
            text = text.split("#")[0].rstrip()
            if text:
                yield Line(path, number, len(text) - len(text.lstrip(" ")), text.split())


def parse_head(head):
    """The name and the options (key, versions, flexible) of an `api` or `record` line."""
    if len(head.words) % 2 != 0:
        raise SchemaError(head, "expected a name and then pairs of option and value")
    options = dict(zip(head.words[2::2], head.words[3::2]))
    unknown = set(options) - {"key", "versions", "flexible"}
    if unknown or "versions" not in options:
        raise SchemaError(head, f"unknown options {sorted(unknown)}" if unknown else "the versions are missing")
    return head.words[1], options


def parse_api(head, lines):
    name, options = parse_head(head)
    if "key" not in options:
        raise SchemaError(head, "an api needs a key")
    for kind in ("request", "response"):
        if not lines or lines[0].words != [kind]:
            raise SchemaError(lines[0] if lines else head, f"expected {kind}")
        start = lines.pop(0)
        yield parse_message(name + kind.capitalize(), kind, name, options, start, lines)


def parse_message(name, kind, api, options, head, lines):
    versions = parse_versions(head, options["versions"], None)
    flexible = options.get("flexible")
    message = Message(name, kind, api, int(options.get("key", -1)), versions,
                      parse_versions(head, flexible, versions.high).low if flexible else None,
                      Struct(name, versions=versions), [])
    parse_fields(message, message.body, versions, head.indent, lines)
    spread_versions(message.body, versions)
    return message


def parse_fields(message, owner, versions, parent_indent, lines):
    """Takes the lines that are indented deeper than `parent_indent` as the fields of `owner`."""
    indent = lines[0].indent if lines else 0
    while lines and lines[0].indent > parent_indent:
        line = lines.pop(0)
        if line.indent != indent:
            raise SchemaError(line, "indented unlike its siblings")
        parsed = parse_field(line, message)
        if any(parsed.name == other.name for other in owner.fields):
            raise SchemaError(line, f"a second field named {parsed.name}")
        owner.fields.append(parsed)
        if parsed.base not in PRIMITIVES:
            parsed.struct = parse_struct(message, parsed, line, lines)


def parse_struct(message, parsed, line, lines):
    """The structure of a field: the lines below it, or the one of that name seen before."""
    known = next((struct for struct in message.structs if struct.name == parsed.base), None)
    has_body = bool(lines) and lines[0].indent > line.indent
    if known and has_body:
        raise SchemaError(line, f"{parsed.base} is defined twice")
    if not known and not has_body:
        raise SchemaError(line, f"{parsed.base} is not defined")
    if parsed.base in RESERVED:
        raise SchemaError(line, f"a structure can't be called {parsed.base}")
    if not known:
        known = Struct(parsed.base)
        parse_fields(message, known, parsed.versions, line.indent, lines)
        message.structs.append(known)
    known.compared = known.compared or (parsed.tag is not None and not parsed.is_array)
    return known


FIELD = re.compile(r"(\[\])?(\w+)(\?)?([\d+-]+)?$")


def parse_field(line, message):
    if len(line.words) < 3:
        raise SchemaError(line, "expected a name, a type and versions")
    shape = FIELD.match(line.words[1])
    if not shape:
        raise SchemaError(line, f"{line.words[1]} is no type")
    array, base, question_mark, null_versions = shape.groups()
    if base not in PRIMITIVES and not base[0].isupper():
        raise SchemaError(line, f"unknown type {base}")
    versions = parse_versions(line, line.words[2], message.versions.high)
    nullable = versions if question_mark else None
    if null_versions:
        nullable = parse_versions(line, null_versions, message.versions.high)
    options = parse_options(line, line.words[3:])
    return Field(line.words[0], base, None, bool(array), nullable, versions, **options)


def parse_options(line, words):
    """The end of a field's line: `tag N`, `never-compact`, `= default`, in this order."""
    options = {"tag": None, "never_compact": False, "default": None}
    words = list(words)
    if len(words) >= 2 and words[0] == "tag":
        options["tag"], words = int(words[1]), words[2:]
    if words and words[0] == "never-compact":
        options["never_compact"], words = True, words[1:]
    if len(words) == 2 and words[0] == "=":
        options["default"], words = words[1], []
    if words:
        raise SchemaError(line, f"can't make sense of {' '.join(words)}")
    return options


def parse_versions(line, text, newest):
    """`3`, `0-14`, or `3+`, which ends at the message's newest version."""
    match = re.fullmatch(r"(\d+)(?:-(\d+)|(\+))?", text)
    if not match:
        raise SchemaError(line, f"{text} is no version range")
    low, high, plus = match.groups()
    if plus and newest is None:
        raise SchemaError(line, "a message's own versions need an end")
    return Versions(int(low), newest if plus else int(high or low))


def spread_versions(struct, versions):
    """Tells every structure in which versions it occurs."""
    struct.versions = struct.versions.hull(versions) if struct.versions else versions
    for child in struct.fields:
        if child.struct:
            spread_versions(child.struct, child.versions.within(versions))
