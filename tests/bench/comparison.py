"""Ours and the peer under the same loads, and their figures beside each other."""

from figures import FIGURES, best, ratio
from negotiated import Refused
from programs import ProgramFailed
from report import aligned
from target import Gone, LeftOut

CLEANING_S = 60
EVEN = 1.1  # what is closer than this is not told apart from the machine's own swings


class LoadFailed(Exception):
    """A load came to no end on one of the two."""


class Lost(Exception):
    """Nothing can be measured any more: one of the two does not answer."""


class Comparison:
    """The figures so far, and the loads that gave none."""

    def __init__(self, ours, peer, scale, times):
        self._ours, self._peer, self._scale, self._times = ours, peer, scale, times
        self.ours, self.theirs = {}, {}
        self.left_out, self.failed = [], []

    def measure_memory(self, when):
        """Every process has some before anything is asked of it."""
        try:
            ours, theirs = self._ours.resident_mb(), self._peer.resident_mb()
        except OSError as error:
            raise Lost(f"memory {when}: {error}") from error
        self.ours[f"memory {when}"], self.theirs[f"memory {when}"] = {"rss_mb": ours}, {"rss_mb": theirs}

    def measure(self, name, load):
        """Raises Lost where no other load needs to be tried."""
        samples = {self._ours: [], self._peer: []}
        try:
            alternately(load, self._scale, self._ours, self._peer, self._times, samples)
        except LeftOut as reason:
            self._give_up(self.left_out, name, samples, reason)
        except LoadFailed as failure:
            self._give_up(self.failed, name, samples, failure)
        finally:
            self._keep(samples)

    def _keep(self, samples):
        if all(samples.values()):
            self.ours |= best(samples[self._ours])
            self.theirs |= best(samples[self._peer])

    def _give_up(self, where, name, samples, reason):
        turns = min(map(len, samples.values()))
        kept = f"{name} has the figures of {turns} turn(s) out of {self._times}" if turns else f"Without {name}"
        where.append(f"{kept}: {reason}.")
        for target in (self._peer, self._ours):
            clean(target)


def clean(target):
    try:
        target.check()
        target.topics.delete_all(CLEANING_S)
    except (Gone, Refused, AssertionError, OSError) as error:
        raise Lost(f"{target.name}: {error}") from error


def alternately(load, scale, ours, peer, times, samples):
    """Adds what either gives: measured one after the other, so that both see the machine in the same state, and each as
    often first."""
    for turn in range(times):
        for target in (peer, ours) if turn % 2 == 0 else (ours, peer):
            samples[target].append(attempt(load, target, scale))


def attempt(load, target, scale):
    try:
        return load(target, scale)
    except (LeftOut, Refused) as reason:
        raise LeftOut(f"{target.name}: {reason}") from None
    except (ProgramFailed, Gone, AssertionError, OSError) as failure:
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
