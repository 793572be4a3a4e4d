"""What each row of tests/bench/run is to reach: none of these figures may be greater."""

BARS = {
    "produce 100 B x 1": {"times_bare": 2.5},
    "produce 100 B x 12": {"times_bare": 2.5},
    "produce 1024 B x 1": {"times_bare": 1.6},
    "produce 1024 B x 12": {"times_bare": 1.6},
    "produce zstd 1024 B x 1": {"times_bare": 2.5},  # the decompression apart
    "consume 100 B x 1": {"times_bare": 1.3},
    "consume 100 B x 12": {"times_bare": 1.3},
    "consume 1024 B x 1": {"times_bare": 1.3},
    "consume 1024 B x 12": {"times_bare": 1.3},
    # The sum of what its parts may take is 1.3 to 1.6 times that of the bare programs.
    "produce and 3 x consume 1024 B x 1": {"times_bare": 1.3},
    "latency at 1,000 msg/s": {"p50_us": 150, "p99_us": 1_000, "p99.9_us": 5_000},
    "200 + 200 connections at 20,000 msg/s": {
        "p99_us": 20_000, "producers_slowest_by_fastest": 2, "consumers_slowest_by_fastest": 2},
    "start": {"median_ms": 150},
    "idle": {"rss_mb": 30},
    "after 10 GB in and out": {"rss_mb": 80},
    "create 5000 partitions": {"create_s": 4, "rss_mb": 200},
    "restart with 5000 partitions": {"stop_s": 2, "metadata_after_stop_s": 1, "metadata_after_kill_s": 3},
    "idle with 20000 partitions": {"core_percent": 2},
}


SAME_WHEN_QUICK = ("start", "idle")  # the others move less then, or last shorter


def chosen(quick):
    return {row: BARS[row] for row in SAME_WHEN_QUICK} if quick else BARS


def bar(bars, row, figure):
    """None where nothing is demanded."""
    return bars.get(row, {}).get(figure)


def verdict(bars, row, figure, value):
    limit = bar(bars, row, figure)
    if limit is None or value is None:
        return ""
    return "met" if value <= limit else "missed"
