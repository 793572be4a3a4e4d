"""What the programs take from the command line and the environment, refused before anything is started."""

import argparse
import os
import re
from pathlib import Path

import record


def at_least(least):
    def number(text):
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise argparse.ArgumentTypeError(f"{text} is not a whole number")
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        return int(text)
    return number


def address(text):
    """HOST:PORT, as it is."""
    host, _, port = text.rpartition(":")
    if not host or ":" in host or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(
            f"{text} is not HOST:PORT: a name or an IPv4 address (not IPv6), and a port from 1 to 65535")
    return text


def topic_prefix(text):
    if not re.fullmatch(r"[a-zA-Z0-9._-]{1,150}", text):
        raise argparse.ArgumentTypeError(f"{text}: a topic's name consists of letters, digits, '.', '_' and '-', and "
                                         "the prefix may have 150 of them")
    return text


def process_id(text):
    pid = at_least(1)(text)
    if not os.path.exists(f"/proc/{pid}/stat"):
        raise argparse.ArgumentTypeError(f"there is no process {pid}")
    return pid


def check_places(parser, options):
    """That the temporary folder is the one that was asked for (Python takes another one silently), and that results
    will find theirs."""
    if folder := os.environ.get("TMPDIR"):
        require_folder(parser, "TMPDIR", Path(folder))
    if options.json:
        file = Path(options.json)
        require_folder(parser, "--json", file.absolute().parent)
        if file.is_dir() or (file.exists() and not os.access(file, os.W_OK)):
            parser.error(f"--json: {file} is no file that can be written")
    if options.record:
        require_folder(parser, "--record", record.FOLDER)


def require_folder(parser, what, folder):
    if not folder.is_dir():
        parser.error(f"{what}: {folder} is not a directory")
    if not os.access(folder, os.W_OK | os.X_OK):
        parser.error(f"{what}: {folder} can't be written to")
