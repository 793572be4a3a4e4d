"""Latency, alone and with many connections."""

import json
import subprocess

import processes
import wire
from bench import BIN, cpu_seconds, run


def measure_latency(bench):
    broker = bench.start_broker()
    wire.create_topic(broker, "bench")
    count = 3_000 if bench.quick else 20_000
    bench.results["latency at 1,000 msg/s"] = run("bench_client", "latency", broker.address, "bench", count, 100, 1000)
    bench.end_broker(broker)


def measure_crowd(bench):
    """200 producers and 200 consumers on 1,000 partitions, 20,000 messages a second in all."""
    partitions = 1_000
    broker = bench.start_broker()
    wire.create_topic(broker, "crowd", partitions)
    before = cpu_seconds(broker)
    result = run("load_client", "steady", "127.0.0.1", broker.port, "crowd", partitions, 200, 200, 20_000,
                 5 if bench.quick else 20)
    result["broker_cpu_share"] = (cpu_seconds(broker) - before) / result["seconds"]
    bench.results["200 + 200 connections at 20,000 msg/s"] = result
    bench.end_broker(broker)


def measure_requests(bench):
    """16 KiB batches, one in flight on each of 32 connections, beside a server that makes the system calls alone."""
    seconds = 3 if bench.quick else 10
    broker = bench.start_broker()
    wire.create_topic(broker, "requests", 32)
    before = cpu_seconds(broker)
    result = ask_by_32(broker.port, seconds)
    result["requests_per_cpu_s"] = result["requests"] / (cpu_seconds(broker) - before)
    bench.end_broker(broker)
    bare = measure_bare_requests(bench, seconds)
    result["bare_requests_per_cpu_s"] = bare
    result["times_bare"] = bare / result["requests_per_cpu_s"]
    bench.results["16 KiB x 32 connections"] = result


def ask_by_32(port, seconds):
    result = run("load_client", "requests", "127.0.0.1", port, "requests", 32, 32, 16 << 10, seconds)
    result["requests_per_s"] = result["requests"] / result["seconds"]
    return result


def measure_bare_requests(bench, seconds):
    port = processes.free_port()
    file = bench.folder / "requests.bytes"
    with subprocess.Popen([BIN / "bare_server", str(port), file, "requests"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "ready\n"
        result = ask_by_32(port, seconds)
        server.stdin.close()
        spent = json.loads(server.stdout.read())
    file.unlink()
    return result["requests"] / spent["cpu_seconds"]
