"""How results are shown."""


def table(results):
    rows = [("", "MB/s", "messages/s", "CPU-s/GB", "x bare")]
    rows += [throughput_row(name, result, results) for name, result in results.items() if "cpu_s_per_gb" in result]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])])
             for row in rows] if len(rows) > 1 else []
    lines += [other_line(name, result, widths[0]) for name, result in results.items() if "cpu_s_per_gb" not in result]
    return "\n".join(lines)


def bare_cost(name, results):
    """The physical limit of the same work, None where it was not measured."""
    write, read = (results.get(f"bare {way}", {}).get("cpu_s_per_gb") for way in ("write", "read"))
    if name.startswith("bare") or write is None or read is None:
        return None
    if name.startswith("produce and 3 x consume"):
        return (write + 3 * read) / 4
    return read if name.startswith("consume") else write


def throughput_row(name, result, results):
    bare = bare_cost(name, results)
    messages = "" if name.startswith("bare") else f"{result['messages_per_s']:,.0f}"
    return (name, f"{result['mb_per_s']:.0f}", messages, f"{result['cpu_s_per_gb']:.3f}",
            f"{result['cpu_s_per_gb'] / bare:.2f}" if bare else "")


def other_line(name, result, width):
    return name.ljust(width) + "  " + "  ".join(f"{key} {value:,.2f}" for key, value in result.items())
