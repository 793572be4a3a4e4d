"""Turns broker/config/options.table into C++ and into docs/configuration.md; the table's head explains its columns.

  options_codegen.py TABLE --cpp FOLDER        writes options.h and options.cc into FOLDER
  options_codegen.py TABLE --markdown          prints docs/configuration.md
  options_codegen.py TABLE --check FILE        fails unless FILE is what --markdown prints
"""

import argparse
import dataclasses
import pathlib
import re
import sys

# Type in the table: C++ type, enumerator of OptionType.
TYPES = {
    "boolean": ("bool", "boolean"),
    "int": ("int32_t", "int32"),
    "short": ("int16_t", "int16"),
    "long": ("int64_t", "int64"),
    "double": ("double", "float64"),
    "string": ("std::string", "string"),
    "list": ("std::vector<std::string>", "list"),
    "class": ("std::string", "class_name"),
    "password": ("Password", "password"),
}
UPDATES = ("read-only", "per-broker", "cluster-wide", "topic")
NUMBER = r"-?[0-9.]+"


@dataclasses.dataclass
class Option:
    group: str
    name: str
    type: str
    default: str | None  # the text of the default; None is null
    source: str | None  # the broker's option that is looked at next
    factor: int
    is_synonym: bool
    allowed: str
    update: str
    status: str
    text: str

    @property
    def constant(self):
        return re.sub(r"([A-Z])", r"_\1", self.name).lower().replace(".", "_")

    @property
    def is_internal(self):
        return "internal" in self.status

    @property
    def is_hidden(self):
        """Not described unless it is set: internal, or without a form in server.properties."""
        return self.is_internal or "dynamic" in self.status

    @property
    def has_effect(self):
        return self.status.startswith("now")

    @property
    def is_refused(self):
        return "refused" in self.status


def parse_default(cell, section):
    """Splits a default cell into (text or None, source, factor, is_synonym)."""
    if section == "topic" and cell.startswith("from "):
        return None, cell.removeprefix("from "), 1, False
    match = re.fullmatch(r"(.*?)(?:, (synonym|else) (\S+)(?: \* (\d+))?)?", cell)
    text, kind, source, factor = match.groups()
    default = None if text == "null" else "" if text == '""' else text
    return default, source, int(factor or 1), kind == "synonym"


def parse_row(line, section, group):
    cells = [cell.strip() for cell in line.split(" | ", 6)]
    if len(cells) != 7:
        raise ValueError("a row has seven cells")
    name, kind, default_cell, allowed, update, status, text = cells
    if kind not in TYPES or update not in UPDATES:
        raise ValueError(f"unknown type {kind} or update mode {update}")
    return Option(group, name, kind, *parse_default(default_cell, section), allowed, update, status, text)


def read_table(path):
    """Returns {"broker": [Option], "topic": [Option]}."""
    sections, section, group = {}, None, ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := re.fullmatch(r"\[(\w+)\]", line):
            section, group = match[1], ""
            sections[section] = []
        elif line.startswith("## "):
            group = line[3:]
        elif line and not line.startswith("#"):
            try:
                sections[section].append(parse_row(line, section, group))
            except ValueError as error:
                raise SystemExit(f"{path}:{number}: {error}") from error
    resolve_topic_defaults(sections)
    return sections


def resolve_topic_defaults(sections):
    """A topic option that comes from the broker has the default at the end of the broker's chain."""
    broker = {option.name: option for option in sections["broker"]}
    for option in sections["topic"]:
        if option.source is None:
            continue
        source, factor = broker[option.source], 1
        while source.source is not None:
            factor *= source.factor
            source = broker[source.source]
        option.default = source.default if factor == 1 else str(int(source.default) * factor)


# --- C++ ---


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def cpp_number(text):
    return "kUnbounded" if text is None else repr(float(text))


def cpp_allowed(option):
    """The initializer of an Allowed."""
    text = option.allowed
    if not text:
        return "{}"
    if text in ("not empty", "a release", "replicas"):
        return "{.kind = Allowed::Kind::%s}" % {"not empty": "not_empty", "a release": "release"}.get(text, text)
    extra = ""
    if match := re.fullmatch(rf"(.*) or ({NUMBER})", text):
        text, extra = match[1], f", .extra = {cpp_number(match[2])}"
    if match := re.fullmatch(rf">= ({NUMBER})", text):
        return f"{{.kind = Allowed::Kind::range, .least = {cpp_number(match[1])}{extra}}}"
    if match := re.fullmatch(rf"({NUMBER})\.\.({NUMBER})", text):
        return f"{{.kind = Allowed::Kind::range, .least = {cpp_number(match[1])}, .most = {cpp_number(match[2])}{extra}}}"
    return f"{{.kind = Allowed::Kind::one_of, .choices = {quoted(text)}}}"


def cpp_type(option):
    plain = TYPES[option.type][0]
    return f"std::optional<{plain}>" if option.default is None else plain


def write_header(sections):
    lines = ["// Generated from broker/config/options.table.", "#pragma once", ""]
    lines += ["#include <cstdint>", "#include <optional>", "#include <string>", "#include <vector>", ""]
    lines += ['#include "broker/config/option.h"', ""]
    for section, namespace in (("broker", "options"), ("topic", "topic_options")):
        kind = section.capitalize() + "Option"
        lines += [f"namespace gregor::{namespace} {{", ""]
        for index, option in enumerate(sections[section]):
            lines += [f"/// {option.text}", f"inline constexpr {kind}<{cpp_type(option)}> {option.constant}{{{index}}};"]
        lines += ["", f"}}  // namespace gregor::{namespace}", ""]
    return "\n".join(lines)


def cpp_row(option, broker_index):
    default = "std::nullopt" if option.default is None else quoted(option.default)
    source = broker_index[option.source] if option.source else -1
    flag = {True: "true", False: "false"}
    return (
        f"    {{.name = {quoted(option.name)}, .type = OptionType::{TYPES[option.type][1]}, .default_text = {default},\n"
        f"     .allowed = {cpp_allowed(option)},\n"
        f"     .source = {{.option = {source}, .factor = {option.factor}, .is_synonym = {flag[option.is_synonym]}}},\n"
        f"     .update = UpdateMode::{option.update.replace('-', '_')}, .is_hidden = {flag[option.is_hidden]}, "
        f".is_only_dynamic = {flag['dynamic' in option.status]}, "
        f".has_effect = {flag[option.has_effect]}, "
        f".is_refused = {flag[option.is_refused]},\n"
        f"     .group = {quoted(option.group)}, .text = {quoted(option.text)}}},"
    )


def write_source(sections):
    broker_index = {option.name: index for index, option in enumerate(sections["broker"])}
    lines = ["// Generated from broker/config/options.table.", '#include "broker/config/option.h"', ""]
    lines += ["namespace gregor {", ""]
    for section in ("broker", "topic"):
        lines += [f"static constexpr OptionInfo {section}_rows[] = {{"]
        lines += [cpp_row(option, broker_index) for option in sections[section]]
        lines += ["};", "", f"OptionTable {section}_option_table() {{ return OptionTable{{{section}_rows}}; }}", ""]
    lines += ["}  // namespace gregor", ""]
    return "\n".join(lines)


# --- Markdown ---

INTRODUCTION = """# Configuration

The broker reads Kafka's `server.properties` and takes Kafka's names, units and defaults. An option that it does not
know is reported and ignored; a value that is not allowed stops it at start.

An option marked **no effect yet** is accepted and its value checked, but nothing acts on it so far; when it is set, the
log says so. One marked **refused so far** must be left at its default: whoever sets it counts on a protection that is
not there yet, so the broker does not start without it.

Update mode says how the option may change while brokers run: `read-only` needs a restart, `per-broker` is set for one
broker, `cluster-wide` for one or for all of them. This page is made from `broker/config/options.table`.
"""


def markdown_default(option):
    if option.default is None:
        shown = "unset"
    elif option.default == "":
        shown = "empty"
    else:
        shown = f"`{option.default}`"
    if option.source and option.update != "topic":
        unit = f" × {option.factor}" if option.factor != 1 else ""
        shown += f", then `{option.source}`{unit}"
    return shown


def markdown_row(option, last_cell):
    effect = "" if option.has_effect else " **Refused so far.**" if option.is_refused else " **No effect yet.**"
    cells = [f"`{option.name}`", option.type, markdown_default(option), option.allowed, last_cell, option.text + effect]
    return "| " + " | ".join(cells) + " |"


def write_markdown(sections):
    lines = [INTRODUCTION, "## Broker options"]
    group = None
    for option in sections["broker"]:
        if option.is_internal:
            continue
        if option.group != group:
            group = option.group
            lines += ["", f"### {group}", "", "| name | type | default | allowed | update mode | meaning |"]
            lines += ["| --- | --- | --- | --- | --- | --- |"]
        lines.append(markdown_row(option, option.update))
    lines += ["", "## Topic options", "", "Set when a topic is created or altered; where a topic does not set one, the"]
    lines += ["broker's option counts.", "", "| name | type | default | allowed | broker's option | meaning |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    lines += [markdown_row(option, f"`{option.source}`" if option.source else "") for option in sections["topic"]]
    return "\n".join(lines) + "\n"


# ---


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=pathlib.Path)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--cpp", type=pathlib.Path, metavar="FOLDER")
    action.add_argument("--markdown", action="store_true")
    action.add_argument("--check", type=pathlib.Path, metavar="FILE")
    arguments = parser.parse_args()
    sections = read_table(arguments.table)
    if arguments.cpp:
        arguments.cpp.mkdir(parents=True, exist_ok=True)
        write_if_changed(arguments.cpp / "options.h", write_header(sections))
        write_if_changed(arguments.cpp / "options.cc", write_source(sections))
    elif arguments.markdown:
        sys.stdout.write(write_markdown(sections))
    elif arguments.check.read_text() != write_markdown(sections):
        raise SystemExit(f"{arguments.check} is not up to date: print it anew with --markdown")


if __name__ == "__main__":
    main()
