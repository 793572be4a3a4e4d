"""How much each load moves, and for how long."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Scale:
    bare_bytes: int
    small_bytes: int  # in values of 100 B
    large_bytes: int  # in values of 1 KiB
    zstd_bytes: int
    fan_out_bytes: int
    memory_bytes: int
    latency_s: int
    crowd_s: int
    crowd_size: int  # producers, and as many consumers
    crowd_partitions: int
    crowd_rate: int  # messages a second
    requests_s: int
    partitions: int
    idle_partitions: int
    idle_s: int

    def changed(self, megabytes=None, seconds=None, **others):
        """With other bytes for each throughput load, another length of each timed load, and so on; None changes
        nothing."""
        count = megabytes and megabytes * 10**6
        others |= dict.fromkeys(("small_bytes", "large_bytes", "zstd_bytes", "fan_out_bytes"), count)
        others |= dict.fromkeys(("latency_s", "crowd_s", "requests_s"), seconds)
        return replace(self, **{name: value for name, value in others.items() if value is not None})


FULL = Scale(
    bare_bytes=10**9, small_bytes=300_000_000, large_bytes=10**9, zstd_bytes=10**9, fan_out_bytes=10**9,
    memory_bytes=10**10, latency_s=20, crowd_s=20, crowd_size=200, crowd_partitions=1_000,
    crowd_rate=20_000, requests_s=10, partitions=5_000, idle_partitions=20_000, idle_s=30)
QUICK = Scale(
    bare_bytes=200_000_000, small_bytes=50_000_000, large_bytes=200_000_000, zstd_bytes=100_000_000,
    fan_out_bytes=200_000_000, memory_bytes=10**9, latency_s=6, crowd_s=5, crowd_size=200,
    crowd_partitions=1_000, crowd_rate=20_000, requests_s=3, partitions=500, idle_partitions=2_000, idle_s=5)
