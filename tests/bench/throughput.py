"""How much a broker moves, and what it spends on it, beside bare system calls."""

from bench import GB, measured
from figures import best
from programs import run
from report import with_times_bare
from warm_memory import WarmMemory


def measure_bare(bench):
    """The best of several, since other work on the machine can only add."""
    bench.results |= best([bare_turn(bench) for _ in range(3)])


def bare_turn(bench):
    total = bench.scale.bare_bytes
    file = bench.folder / "bare.bytes"
    with WarmMemory(total):
        written = bare(total, "write", file)
    read = bare(total, "read", file)
    file.unlink()
    return {"bare write": written, "bare read": read}


def beside_bare(bench, turn):
    """The best of three turns of a load, each behind one of the bare programs: where the machine's speed changes from
    minute to minute, only figures of the same minutes tell what a broker adds."""
    bares, turns = [], []
    for _ in range(3):
        bares.append(bare_turn(bench))
        turns.append(turn())
    beside = best(bares)
    return {row: with_times_bare(row, result, beside) for row, result in best(turns).items()}


def bare(total, way, file):
    spent = run("bare", way, file, total)
    return {"mb_per_s": total / 1e6 / spent["seconds"], "cpu_s_per_gb": spent["cpu_seconds"] / (total / GB)}


def produce(target, topic, total, size, codec="none"):
    count = total // size
    with WarmMemory(total if codec == "none" else total // 2):
        return measured(target, total, count,
                        lambda: target.run("bench_client", "produce", target.address, topic, count, size, codec))


def produce_and_consume(size, partitions):
    """The load that fills a topic with values of one size and reads it again."""
    def load(target, scale):
        total = scale.small_bytes if size == 100 else scale.large_bytes
        count = total // size
        with target.topic("throughput", partitions) as topic:
            produced = produce(target, topic, total, size)
            consumed = measured(target, total, count, lambda: target.run(
                "bench_client", "consume", target.address, topic, partitions, count))
        return {f"produce {size} B x {partitions}": produced, f"consume {size} B x {partitions}": consumed}
    return load


def produce_zstd(target, scale):
    """Batches that the producer compressed, per GB of what they hold."""
    with target.topic("zstd") as topic:
        return {"produce zstd 1024 B x 1": produce(target, topic, scale.zstd_bytes, 1024, "zstd")}


def measure_zstd(bench):
    """The same per GB of what is stored, the decompression's own cost apart. Each the best of three; decompressing is
    measured right behind, while another core compresses, as the producer's did."""
    total = bench.scale.zstd_bytes
    bares, produced, unpacked = [], [], []
    with bench.fresh_broker() as (broker, target):
        for _ in range(3):
            bares.append(bare_turn(bench))
            with target.topic("zstd") as topic:
                produced.append({"zstd": produce(target, topic, total, 1024, "zstd")})
                unpacked.append(run("unzstd", *sorted(broker.partition_dir(topic).glob("*.log"))))
    result = best(produced)["zstd"]
    compressed = unpacked[0]["bytes"] / GB
    alone = min(one["cpu_seconds"] for one in unpacked)
    spent = result["cpu_s_per_gb"] * total / GB
    row = "produce zstd 1024 B x 1"
    bench.results[row] = with_times_bare(row, {
        "mb_per_s": result["mb_per_s"] * compressed * GB / total, "messages_per_s": result["messages_per_s"],
        "cpu_s_per_gb": (spent - alone) / compressed}, best(bares))
    bench.results["decompression of zstd"] = {
        "ratio": total / GB / compressed, "cpu_s_per_compressed_gb": alone / compressed,
        "broker_cpu_s_per_compressed_gb_in_all": spent / compressed}


def fan_out(target, scale):
    """One producer and three consumers at once on one partition: per GB in and out."""
    total = scale.fan_out_bytes
    count = total // 1024
    with target.topic("fan-out") as topic, WarmMemory(total):
        result = measured(target, 4 * total, 4 * count, lambda: target.run(
            "bench_client", "fan-out", target.address, topic, count, 1024, 3))
    return {"produce and 3 x consume 1024 B x 1": result}
