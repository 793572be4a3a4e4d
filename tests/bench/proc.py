"""Processes as the kernel shows them: what they have used, and which one listens on a port."""

import ctypes
import ipaddress
import os
import re
import socket
import struct
import time
from pathlib import Path

LISTEN = "0A"
# They take the connections of a port only to pass them on to a process that does the work.
FORWARDERS = {"docker-proxy", "rootlessport", "slirp4netns", "pasta", "ssh", "sshd", "kubectl", "socat", "haproxy"}


class NotFound(Exception):
    """Why the process that listens on a port can't be told."""


def parse_resident_bytes(status):
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE).group(1)) * 1024


def parse_page_cache_bytes(meminfo):
    return int(re.search(r"^Cached:\s+(\d+) kB$", meminfo, re.MULTILINE).group(1)) * 1024


def parse_listeners(table):
    """From /proc/net/tcp or tcp6: the address, port and inode of every socket that listens."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return [(*_endpoint(row[1]), int(row[9])) for row in rows if row[3] == LISTEN]


def _endpoint(text):
    """An address there consists of words in the machine's byte order, each in hexadecimal."""
    digits, port = text.split(":")
    words = [int(digits[at:at + 8], 16) for at in range(0, len(digits), 8)]
    address = ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))
    return getattr(address, "ipv4_mapped", None) or address, int(port, 16)


def inodes_listening(listeners, address, port):
    """Those of the sockets that take connections to `address`."""
    return {inode for own, own_port, inode in listeners
            if own_port == port and (own.is_unspecified or own == ipaddress.ip_address(address))}


def cpu_seconds(pid):
    """User and system time, of threads that have ended too. The process's clock has it by the nanosecond, where
    /proc/PID/stat counts ticks of ten milliseconds."""
    clock = ctypes.c_int()
    if error := ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock)):
        raise OSError(error, f"process {pid}: {os.strerror(error)}")
    return time.clock_gettime(clock.value)


def has_ended(pid):
    """Also while nobody has asked for its exit code yet."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    return re.search(r"^State:\s+[ZX]", status, re.MULTILINE) is not None


def resident_bytes(pid):
    if has_ended(pid):
        raise ProcessLookupError(f"process {pid} has ended")
    return parse_resident_bytes(Path(f"/proc/{pid}/status").read_text())


def page_cache_bytes():
    return parse_page_cache_bytes(Path("/proc/meminfo").read_text())


def name_of(pid):
    return Path(f"/proc/{pid}/comm").read_text().strip()


def is_of_this_machine(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attempt:
        try:
            attempt.bind((address, 0))
            return True
        except OSError:
            return False


def listening_process(address, port):
    """The id of the process that listens on a port of this machine; NotFound says why it can't be told."""
    if not is_of_this_machine(address):
        raise NotFound(f"{address} is not an address of this machine")
    inodes = inodes_listening(_all_listeners(), address, port)
    if not inodes:
        raise NotFound(f"no process of this machine's listens on port {port} (is it in a container?)")
    pids = _holders(inodes)
    if not pids:
        raise NotFound(f"the process that listens on port {port} belongs to another user")
    if len(pids) > 1:
        raise NotFound(f"several processes listen on port {port}: {', '.join(map(str, sorted(pids)))}")
    [pid] = pids
    if name_of(pid) in FORWARDERS:
        raise NotFound(f"{name_of(pid)} (process {pid}) only passes on what comes on port {port}")
    return pid


def _all_listeners():
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    return [listener for table in tables if table.exists() for listener in parse_listeners(table.read_text())]


def _holders(inodes):
    links = {f"socket:[{inode}]" for inode in inodes}
    processes = [process for process in Path("/proc").iterdir() if process.name.isdigit()]
    return {int(process.name) for process in processes if _has_one(process, links)}


def _has_one(process, links):
    """Processes of other users, and those that have just ended, have none as far as can be seen."""
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:
        return False
    return any(_link(descriptor) in links for descriptor in descriptors)


def _link(descriptor):
    try:
        return os.readlink(descriptor)
    except OSError:
        return None
