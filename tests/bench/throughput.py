"""How much the broker moves, and what it spends on it, beside bare system calls."""

import shutil

import wire
from bench import GB, measured, run
from warm_memory import WarmMemory


def measure_bare(bench):
    """The best of several, since other work on the machine can only add."""
    total = 200_000_000 if bench.quick else 1_000_000_000
    folder = bench.folder / "bare"
    folder.mkdir()
    file = folder / "bytes.log"
    for way in ("write", "read"):
        spent = []
        for _ in range(3 if way == "write" else 5):
            if way == "write":
                file.unlink(missing_ok=True)
                with WarmMemory(folder, total):
                    spent.append(run("bare", way, file, total))
            else:
                spent.append(run("bare", way, file, total))
        best = min(spent, key=lambda one: one["cpu_seconds"])
        bench.results[f"bare {way}"] = {"mb_per_s": total / 1e6 / best["seconds"],
                                        "cpu_s_per_gb": best["cpu_seconds"] / (total / GB)}
    shutil.rmtree(folder)


def measure_throughput(bench):
    for size in (100, 1024):
        for partitions in (1, 12):
            measure_one(bench, size, partitions)


def measure_one(bench, size, partitions):
    """Each the best of three, as the bare ones are."""
    total = (50_000_000 if size == 100 else 200_000_000) if bench.quick else (300_000_000 if size == 100 else 10 ** 9)
    count = total // size
    broker = bench.start_broker()
    name = f"{size} B x {partitions}"
    produced, consumed = [], []
    for number in range(3):
        topic = f"bench-{number}"
        wire.create_topic(broker, topic, partitions)
        with WarmMemory(broker.folder, total):
            produced.append(measured(broker, total, count,
                                     lambda: run("bench_client", "produce", broker.address, topic, count, size)))
        consumed.append(measured(broker, total, count, lambda: run(
            "bench_client", "consume", broker.address, topic, partitions, count)))
        wire.ask(broker, wire.DELETE_TOPICS, topics=[{"name": topic}])
    bench.results[f"produce {name}"] = cheapest(produced)
    bench.results[f"consume {name}"] = cheapest(consumed)
    bench.end_broker(broker)


def cheapest(results):
    return min(results, key=lambda result: result["cpu_s_per_gb"])


def measure_zstd(bench):
    """Batches that the producer compressed: per GB of what is stored, the decompression's own cost apart."""
    total = 100_000_000 if bench.quick else 10 ** 9
    count = total // 1024
    broker = bench.start_broker()
    wire.create_topic(broker, "zstd")
    with WarmMemory(broker.folder, total // 2):
        result = measured(broker, total, count, lambda: run(
            "bench_client", "produce", broker.address, "zstd", count, 1024, "zstd"))
    alone = run("unzstd", *sorted((broker.log_dir / "zstd-0").glob("*.log")))
    compressed = alone["bytes"] / GB
    spent = result["cpu_s_per_gb"] * total / GB
    bench.results["produce zstd 1024 B x 1"] = {
        "mb_per_s": result["mb_per_s"] * alone["bytes"] / total, "messages_per_s": result["messages_per_s"],
        "cpu_s_per_gb": (spent - alone["cpu_seconds"]) / compressed}
    bench.results["decompression of zstd"] = {
        "ratio": total / alone["bytes"], "cpu_s_per_compressed_gb": alone["cpu_seconds"] / compressed,
        "broker_cpu_s_per_compressed_gb_in_all": spent / compressed}
    bench.end_broker(broker)


def measure_fan_out(bench):
    """One producer and three consumers at once on one partition: per GB in and out."""
    total = 200_000_000 if bench.quick else 10 ** 9
    count = total // 1024
    broker = bench.start_broker()
    wire.create_topic(broker, "fan")
    with WarmMemory(broker.folder, total):
        result = measured(broker, 4 * total, 4 * count, lambda: run(
            "bench_client", "fan-out", broker.address, "fan", count, 1024, 3))
    bench.results["produce and 3 x consume 1024 B x 1"] = result
    bench.end_broker(broker)
