"""Results of a day as a page in docs/benchmarks."""

import datetime
import itertools
import os
import shlex
import sys
from pathlib import Path

import machine
from broker import PROGRAM

FOLDER = machine.ROOT / "docs" / "benchmarks"


def write(bench, table, kind="", remarks=()):
    """The path of the new page; `kind` goes into its name."""
    path = new_path(FOLDER, datetime.date.today().isoformat() + kind)
    path.write_text(page(path.stem, machine.describe(bench.folder), machine.versions(PROGRAM, bench.zookeeper),
                         command(sys.argv), table, remarks))
    return os.path.relpath(path)


def new_path(folder, name):
    """A name that nothing has: of the second page of a day NAME-2.md."""
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(path for path in (Path(folder) / f"{name}.md" for name in names) if not path.exists())


def command(arguments):
    """As it is typed in the project's folder, wherever that lies."""
    return shlex.join([f"tests/bench/{Path(arguments[0]).name}", *arguments[1:]])


def page(title, machine_line, versions_line, command_line, table, remarks=()):
    lines = [f"- Machine: {machine_line}", f"- Versions: {versions_line}", f"- Command: `{command_line}`",
             *(f"- {remark}" for remark in remarks)]
    return "\n".join([f"# {title}", "", *lines, "", "```", table, "```", ""])
