"""Latency, alone and with many connections."""

import wire
from bench import cpu_seconds, run


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
    """16 KiB batches, one in flight on each of 32 connections."""
    broker = bench.start_broker()
    wire.create_topic(broker, "requests", 32)
    before = cpu_seconds(broker)
    result = run("load_client", "requests", "127.0.0.1", broker.port, "requests", 32, 32, 16 << 10,
                 3 if bench.quick else 10)
    result["requests_per_s"] = result["requests"] / result["seconds"]
    result["requests_per_cpu_s"] = result["requests"] / (cpu_seconds(broker) - before)
    bench.results["16 KiB x 32 connections"] = result
    bench.end_broker(broker)
