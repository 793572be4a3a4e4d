"""Latency, alone and with many connections."""

import json
import subprocess

import processes
from programs import BIN, run
from target import CpuClock

LATENCY_RATE = 1_000
LATENCY_BYTES = 100


def latency(target, scale):
    with target.topic("latency") as topic:
        return {"latency at 1,000 msg/s": target.run("bench_client", "latency", target.address, topic,
                                                     scale.latency_s * LATENCY_RATE, LATENCY_BYTES, LATENCY_RATE)}


def bare_latency(bench):
    """The same messages through a process that only writes them to a file and passes them on."""
    file = bench.folder / "latency.bytes"
    result = run("bare_latency", file, bench.scale.latency_s * LATENCY_RATE, LATENCY_BYTES, LATENCY_RATE)
    file.unlink()
    return {"bare latency at 1,000 msg/s": result}


def crowd(target, scale):
    """Producers with a request of one message each, and consumers that share the partitions and wait for it."""
    size, partitions = scale.crowd_size, scale.crowd_partitions
    with target.topic("crowd", partitions) as topic:
        target.require_leaders_here(topic)
        clock = CpuClock(target)
        result = target.run("load_client", "steady", target.host, target.port, topic, partitions, size, size,
                            scale.crowd_rate, scale.crowd_s)
        result["cpu_us_per_message"] = clock.per(result["messages"] / 1e6)
    del result["seconds"]
    return {f"{size} + {size} connections at {scale.crowd_rate:,} msg/s": result}


def requests(target, scale):
    """16 KiB batches, one in flight on each of 32 connections."""
    with target.topic("requests", 32) as topic:
        target.require_leaders_here(topic)
        clock = CpuClock(target)
        result = ask_by_32(target.run, target.host, target.port, topic, scale.requests_s)
        result["requests_per_cpu_s"] = clock.for_each(result["requests"])
    return {"16 KiB x 32 connections": result}


def ask_by_32(run_client, host, port, topic, seconds):
    result = run_client("load_client", "requests", host, port, topic, 32, 32, 16 << 10, seconds)
    result["requests_per_s"] = result["requests"] / result.pop("seconds")
    return result


def bare_requests(bench):
    """The same requests to a server that makes the system calls alone."""
    port = processes.free_port()
    file = bench.folder / "requests.bytes"
    with subprocess.Popen([BIN / "bare_server", str(port), file, "requests"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout.readline() == "ready\n"
            result = ask_by_32(run, "127.0.0.1", port, "requests", bench.scale.requests_s)
            server.stdin.close()
            result["requests_per_cpu_s"] = result["requests"] / json.loads(server.stdout.read())["cpu_seconds"]
        except BaseException:
            server.kill()
            raise
    file.unlink()
    return {"bare 16 KiB x 32 connections": result}
