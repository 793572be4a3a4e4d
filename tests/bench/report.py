"""How results are shown: what moves bytes in one table, everything else in another, with a line for each figure."""

from bars import BARS, bar, verdict
from figures import FIGURES, MORE

THROUGHPUT = ("mb_per_s", "messages_per_s", "cpu_s_per_gb", "times_bare")
LATENCY = ("p50_us", "p99_us", "p99.9_us")


def table(results, bars=BARS):
    moving = {row: result for row, result in results.items() if "cpu_s_per_gb" in result}
    others = {row: result for row, result in results.items() if row not in moving}
    parts = [throughput_lines(moving, bars)] if moving else []
    parts += [other_lines(others, results, bars)] if others else []
    return "\n\n".join("\n".join(lines) for lines in parts)


def with_times_bare(row, result, bares):
    bare = bare_cost(row, bares)
    return result | {"times_bare": result["cpu_s_per_gb"] / bare} if bare else result


def bare_cost(row, results):
    """What the bare programs spend on the same work, None where that was not measured."""
    write, read = (results.get(f"bare {way}", {}).get("cpu_s_per_gb") for way in ("write", "read"))
    if row.startswith("bare") or not write or not read:
        return None
    if row.startswith("produce and 3 x consume"):
        return (write + 3 * read) / 4
    return read if row.startswith("consume") else write


def throughput_lines(results, bars):
    head = ["", *(FIGURES[figure].label for figure in THROUGHPUT), "bar", ""]
    return aligned([head, *(throughput_row(row, result, bars) for row, result in results.items())])


def throughput_row(row, result, bars):
    shown = [FIGURES[figure].show(result[figure]) if figure in result else "" for figure in THROUGHPUT]
    return [row, *shown, *bar_cells(bars, row, "times_bare", result.get("times_bare"))]


def other_lines(others, results, bars):
    rows = [["", "figure", "value", "x bare", "bar", ""]]
    for row, result in others.items():
        for number, (figure, value) in enumerate(result.items()):
            rows.append([row if number == 0 else "", FIGURES[figure].label, FIGURES[figure].show(value),
                         times_bare(row, figure, value, results), *bar_cells(bars, row, figure, value)])
    return aligned(rows, texts=2)


def times_bare(row, figure, value, results):
    """How many times the bare program's figure this is, or it is this."""
    bare = results.get(f"bare {row}", {}).get(figure)
    if not bare or not value or figure not in (*LATENCY, "requests_per_cpu_s"):
        return ""
    return f"{bare / value if FIGURES[figure].better == MORE else value / bare:.2f}"


def bar_cells(bars, row, figure, value):
    limit = bar(bars, row, figure)
    return ["" if limit is None else f"{limit:,}", verdict(bars, row, figure, value)]


def aligned(rows, texts=1):
    """The lines of a table, its first columns and its last, which hold words, to the left, and numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    last = len(widths) - 1

    def cell(text, column):
        return text.ljust(widths[column]) if column < texts or column == last else text.rjust(widths[column])
    return ["  ".join(cell(text, column) for column, text in enumerate(row)).rstrip() for row in rows]
