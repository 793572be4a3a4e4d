"""The figures that loads give: how they are called and shown, and which way is better."""

from dataclasses import dataclass

MORE, LESS = "more", "less"


@dataclass(frozen=True)
class Figure:
    label: str
    better: str = None  # None for what only tells how much was done
    decimals: int = 0

    def show(self, value):
        return "-" if value is None else f"{value:,.{self.decimals}f}"


FIGURES = {
    "mb_per_s": Figure("MB/s", MORE),
    "messages_per_s": Figure("messages/s", MORE),
    "cpu_s_per_gb": Figure("CPU-s/GB", LESS, 3),
    "times_bare": Figure("x bare", LESS, 2),
    "messages": Figure("messages"),
    "requests": Figure("requests"),
    "p50_us": Figure("p50 us", LESS, 1),
    "p99_us": Figure("p99 us", LESS, 1),
    "p99.9_us": Figure("p99.9 us", LESS, 1),
    "requests_per_s": Figure("requests/s", MORE),
    "requests_per_cpu_s": Figure("requests/CPU-s", MORE),
    "cpu_us_per_message": Figure("CPU-us/message", LESS, 1),
    "producers_slowest_by_fastest": Figure("producers, slowest/fastest", LESS, 2),
    "consumers_slowest_by_fastest": Figure("consumers, slowest/fastest", LESS, 2),
    "fastest_by_slowest": Figure("connections, fastest/slowest", LESS, 2),
    "us_per_file": Figure("us", LESS, 1),
    "create_s": Figure("s", LESS, 2),
    "rss_mb": Figure("RSS MB", LESS, 1),
    "rss_kb_per_partition": Figure("RSS kB/partition", LESS, 1),
    "median_ms": Figure("median ms", LESS, 1),
    "worst_ms": Figure("worst ms", LESS, 1),
    "stop_s": Figure("stop s", LESS, 2),
    "metadata_after_stop_s": Figure("metadata after stop s", LESS, 2),
    "metadata_after_kill_s": Figure("metadata after kill s", LESS, 2),
    "core_percent": Figure("% of a core", LESS, 2),
    "descriptors": Figure("descriptors", LESS),
    "ratio": Figure("ratio", None, 2),
    "cpu_s_per_compressed_gb": Figure("CPU-s/compressed GB", LESS, 2),
    "broker_cpu_s_per_compressed_gb_in_all": Figure("broker CPU-s/compressed GB in all", LESS, 2),
}


def best(samples):
    """Of samples of the same rows, each figure at its best, since other work on the machine can only add."""
    return {row: {figure: _best_of(figure, [sample[row][figure] for sample in samples]) for figure in samples[0][row]}
            for row in samples[0]}


def _best_of(figure, values):
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {MORE: max, LESS: min, None: lambda values: values[0]}[FIGURES[figure].better](known)


def ratio(figure, ours, theirs):
    """How many times better the one that is ahead is, and whether that is ours; None where it can't be said."""
    better = FIGURES[figure].better
    if better is None or not ours or not theirs:
        return None
    times = ours / theirs if better == MORE else theirs / ours
    return (times, True) if times >= 1 else (1 / times, False)
