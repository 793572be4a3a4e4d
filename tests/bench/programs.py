"""The programs of ours that make the loads, and what the measurements stand on."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from broker import PROGRAM
from ending import held_back

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("GREGOR_BUILD", ROOT / "build")) / "bin"
PROGRAMS = ("bench_client", "load_client", "unzstd", "bare", "bare_server", "bare_latency")
HOW_TO_BUILD = "cmake --preset release && cmake --build --preset release"


class ProgramFailed(Exception):
    """A program of ours ended with an error."""


def exit_unless_built():
    for program in (PROGRAM, *(BIN / name for name in PROGRAMS)):
        if not program.exists():
            sys.exit(f"{Path(sys.argv[0]).name}: {program} does not exist; after tools/install-dependencies --tests, "
                     f"{HOW_TO_BUILD} makes it")


def run(program, *arguments, check=None):
    """What a program of ours prints. `check` is called every second until it ends, and what it raises ends it."""
    command = [str(argument) for argument in (BIN / program, *arguments)]
    process = None
    try:
        with held_back():
            process = start_in_group(command)
        output, errors = communicate(process, check)
    except BaseException:
        if process:
            kill_group(process)
        raise
    if process.returncode != 0:
        shown = " ".join([program, *command[1:]])
        raise ProgramFailed(f"{shown} ended with {process.returncode}: {errors.strip()}")
    return json.loads(output)


def start_in_group(command):
    """In a process group of its own, since bare_latency has a child."""
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0)


def kill_group(process):
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with process:  # waits for it and closes its pipes
        pass


def communicate(process, check):
    while True:
        try:
            return process.communicate(timeout=check and 1)
        except subprocess.TimeoutExpired:
            check()
