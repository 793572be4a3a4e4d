"""What a result depends on besides the program: the machine, and the versions of everything that takes part."""

import ctypes
import os
import platform
import re
import socket
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def describe(folder):
    """The machine in one line; `folder` is where the broker's files lie."""
    info = Path("/proc/cpuinfo").read_text()
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return (f"{len(os.sched_getaffinity(0))} cores ({processor(info)}), {memory_gib():.0f} GiB, {system}, "
            f"Linux {platform.release()}, {filesystem(folder, Path('/proc/self/mountinfo').read_text())}")


def busy(load):
    """A remark where the machine had other work, which swings every figure; `load` is what os.getloadavg gives."""
    if load[0] <= 1:
        return []
    return [f"The machine was busy at the start: load average {load[0]:.1f} over one minute, {load[1]:.1f} over five."]


def processor(cpuinfo):
    model = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    name = model.group(1).strip() if model else platform.machine()
    is_virtual = re.search(r"^flags\s*:.*\bhypervisor\b", cpuinfo, re.MULTILINE)
    return name + (", virtual" if is_virtual else "")


def memory_gib():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def filesystem(folder, mountinfo):
    """The type of the file system that holds `folder`: of the mounts above it the deepest, the last where several lie
    on one another."""
    best = ("", "unknown file system")
    for line in mountinfo.splitlines():
        mount, _, system = line.partition(" - ")
        point = mount.split()[4].replace("\\040", " ")
        is_above = os.path.join(folder, "").startswith(os.path.join(point, ""))
        if is_above and len(point) >= len(best[0]):
            best = (point, system.split()[0])
    return best[1]


def versions(broker_program, zookeeper):
    """Of everything of ours and of others that takes part, in one line."""
    return (f"Gregor {source_version()}, built by {compiler(broker_program)}; "
            f"ZooKeeper {zookeeper_version(zookeeper)}; librdkafka {librdkafka_version()}")


def source_version():
    """As git describes the sources; results of other days do not count as changes."""
    described = printed("git", "-C", ROOT, "describe", "--always", "--tags", "--long", "--abbrev=12")
    changes = printed("git", "-C", ROOT, "status", "--porcelain", "--", ".", ":!docs/benchmarks")
    if described is None:
        return "of an unknown version (not a git checkout)"
    return described + (" with uncommitted changes" if changes else "")


def compiler(program):
    """As the compiler itself noted in the program."""
    comment = printed("readelf", "-p", ".comment", program) or ""
    found = re.search(r"(GCC: .+|.*clang version .+)$", comment, re.MULTILINE)
    return re.sub(r"^\s*\[.*?\]\s*", "", found.group(1)).strip() if found else "an unknown compiler"


def zookeeper_version(zookeeper):
    with socket.create_connection(("127.0.0.1", zookeeper.port), timeout=10) as connection:
        connection.sendall(b"srvr")
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    found = re.search(r"Zookeeper version: ([\d.]+)", answer)
    return found.group(1) if found else "of an unknown version"


def librdkafka_version():
    library = ctypes.CDLL("librdkafka.so.1")
    library.rd_kafka_version_str.restype = ctypes.c_char_p
    return library.rd_kafka_version_str().decode()


def printed(*command):
    try:
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
