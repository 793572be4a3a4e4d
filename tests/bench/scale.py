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
    crowd_rate: int  # messages a second
    requests_s: int
    partitions: int
    idle_partitions: int
    idle_s: int

    def with_bytes(self, count):
        """The same, each throughput load moving `count` bytes."""
        return replace(self, small_bytes=count, large_bytes=count, zstd_bytes=count, fan_out_bytes=count)

    def with_seconds(self, seconds):
        """The same, each timed load lasting `seconds`."""
        return replace(self, latency_s=seconds, crowd_s=seconds, requests_s=seconds)


FULL = Scale(
    bare_bytes=10**9, small_bytes=300_000_000, large_bytes=10**9, zstd_bytes=10**9, fan_out_bytes=10**9,
    memory_bytes=10**10, latency_s=20, crowd_s=20, crowd_rate=20_000, requests_s=10, partitions=5_000,
    idle_partitions=20_000, idle_s=30)
QUICK = Scale(
    bare_bytes=200_000_000, small_bytes=50_000_000, large_bytes=200_000_000, zstd_bytes=100_000_000,
    fan_out_bytes=200_000_000, memory_bytes=10**9, latency_s=6, crowd_s=5, crowd_rate=20_000, requests_s=3,
    partitions=500, idle_partitions=2_000, idle_s=5)
