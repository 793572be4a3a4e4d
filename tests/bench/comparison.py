"""Ours and the peer under the same loads, and their figures beside each other."""

from bench import ProgramFailed
from figures import FIGURES, best, ratio
from negotiated import Refused
from report import aligned
from target import LeftOut

EVEN = 1.05  # what is closer than this is not told apart from the machine's own swings


class LoadFailed(Exception):
    """A load came to no end on one of the two."""


class Comparison:
    """The figures so far, and the loads that gave none."""

    def __init__(self, ours, peer, scale, times):
        self._ours, self._peer, self._scale, self._times = ours, peer, scale, times
        self.ours, self.theirs = {}, {}
        self.left_out, self.failed = [], []

    def measure_memory(self, when):
        """Every process has some before anything is asked of it."""
        self.ours[f"memory {when}"] = {"rss_mb": self._ours.resident_mb()}
        self.theirs[f"memory {when}"] = {"rss_mb": self._peer.resident_mb()}

    def measure(self, name, load):
        try:
            ours, theirs = alternately(load, self._scale, self._ours, self._peer, self._times)
            self.ours |= ours
            self.theirs |= theirs
        except LeftOut as reason:
            self._give_up(self.left_out, name, reason)
        except LoadFailed as failure:
            self._give_up(self.failed, name, failure)

    def _give_up(self, where, name, reason):
        where.append(f"Without {name}: {reason}.")
        for target in (self._ours, self._peer):
            target.topics.delete_all()


def alternately(load, scale, ours, peer, times):
    """The best figures of either: measured one after the other, so that both see the machine in the same state, and
    each as often first."""
    samples = {ours: [], peer: []}
    for turn in range(times):
        for target in (peer, ours) if turn % 2 == 0 else (ours, peer):
            samples[target].append(attempt(load, target, scale))
    return best(samples[ours]), best(samples[peer])


def attempt(load, target, scale):
    try:
        return load(target, scale)
    except (LeftOut, Refused) as reason:
        raise LeftOut(f"{target.name}: {reason}") from None
    except (ProgramFailed, AssertionError, OSError) as failure:
        raise LoadFailed(f"{target.name}: {failure}") from failure


def table(ours, theirs, peer_name="peer"):
    rows = [["", "figure", "better", "Gregor", peer_name, "ratio", "ahead"]]
    for row, result in ours.items():
        for number, figure in enumerate(result):
            rows.append([row if number == 0 else "",
                         *figure_cells(figure, result[figure], theirs[row][figure], peer_name)])
    return "\n".join(aligned(rows, texts=3))


def figure_cells(figure, ours, theirs, peer_name):
    kind = FIGURES[figure]
    return [kind.label, kind.better or "", kind.show(ours), kind.show(theirs),
            *ratio_cells(ratio(figure, ours, theirs), peer_name)]


def ratio_cells(times_and_who, peer_name):
    if times_and_who is None:
        return ["-", ""]
    times, is_ours = times_and_who
    ahead = "even" if times < EVEN else "Gregor" if is_ours else peer_name
    return [f"{times:,.2f}", ahead]


def legend(times):
    return (f"Each figure is the best of {times}. Ratio: how many times better the figure of the one that is ahead is; "
            f"below {EVEN} they are even.")
