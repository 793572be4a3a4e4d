"""How figures are chosen, compared and shown."""

import pytest

import bars
import comparison
import machine
import report
from figures import FIGURES, best, ratio
from programs import ProgramFailed
from target import Gone, LeftOut


def test_best_takes_each_figure_its_own_way():
    samples = [{"row": {"mb_per_s": 100, "cpu_s_per_gb": 2.0, "messages": 5}},
               {"row": {"mb_per_s": 90, "cpu_s_per_gb": 1.0, "messages": 7}}]
    assert best(samples) == {"row": {"mb_per_s": 100, "cpu_s_per_gb": 1.0, "messages": 5}}


def test_best_of_what_is_not_known_is_not_known():
    assert best([{"row": {"cpu_s_per_gb": None}}] * 2) == {"row": {"cpu_s_per_gb": None}}


@pytest.mark.parametrize("figure, ours, theirs, expected", [
    ("mb_per_s", 200, 100, (2, True)), ("mb_per_s", 100, 200, (2, False)),
    ("p99_us", 100, 300, (3, True)), ("p99_us", 300, 100, (3, False)), ("p99_us", 5, 5, (1, True)),
    ("p99_us", 100, None, None), ("cpu_s_per_gb", 0.0, 1.0, None), ("messages", 1, 2, None)])
def test_ratio_says_who_is_ahead(figure, ours, theirs, expected):
    assert ratio(figure, ours, theirs) == expected


def test_every_bar_is_of_a_figure_of_which_less_is_better():
    assert {FIGURES[figure].better for figures in bars.BARS.values() for figure in figures} == {"less"}


@pytest.mark.parametrize("row, figure, value, expected", [
    ("idle", "rss_mb", 30, "met"), ("idle", "rss_mb", 30.1, "missed"),
    ("idle", "p50_us", 1, ""), ("create 500 partitions", "create_s", 99, "")])
def test_bar_is_met_up_to_itself(row, figure, value, expected):
    assert bars.verdict(bars.BARS, row, figure, value) == expected


def test_quick_run_has_bars_only_where_it_does_the_same():
    results = {"latency at 1,000 msg/s": {"p50_us": 100.0}, "start": {"median_ms": 30.0}}
    lines = report.table(results, bars.chosen(quick=True)).split("\n")
    assert [line.split()[-1] for line in lines[1:]] == ["100.0", "met"]
    assert bars.chosen(quick=False) is bars.BARS


def test_busy_machine_is_remarked():
    assert machine.busy((1.0, 9.0, 9.0)) == []
    assert machine.busy((2.25, 1.0, 0.5)) == [
        "The machine was busy at the start: load average 2.2 over one minute, 1.0 over five."]


def test_table_shows_throughput_beside_bare_and_bar():
    bare = {"mb_per_s": 1000.0, "cpu_s_per_gb": 0.25}
    result = {"mb_per_s": 250.4, "messages_per_s": 1234567.0, "cpu_s_per_gb": 0.5}
    bares = {"bare write": bare, "bare read": bare}
    loads = {"produce 100 B x 1": result, "produce 1024 B x 1": result,
             "consume 100 B x 1": result | {"cpu_s_per_gb": 0.2}}
    beside = {row: report.with_times_bare(row, load, bares) for row, load in loads.items()}
    lines = report.table(bares | beside).split("\n")
    assert [line.split() for line in lines] == [
        ["MB/s", "messages/s", "CPU-s/GB", "x", "bare", "bar"],
        ["bare", "write", "1,000", "0.250"], ["bare", "read", "1,000", "0.250"],
        ["produce", "100", "B", "x", "1", "250", "1,234,567", "0.500", "2.00", "2.5", "met"],
        ["produce", "1024", "B", "x", "1", "250", "1,234,567", "0.500", "2.00", "1.6", "missed"],
        ["consume", "100", "B", "x", "1", "250", "1,234,567", "0.200", "0.80", "1.3", "met"]]
    assert len({line.index(number) + len(number) for line in lines[3:] for number in ["1,234,567"]}) == 1


def test_fan_out_is_measured_by_the_sum_of_one_write_and_three_reads():
    results = {"bare write": {"cpu_s_per_gb": 0.5}, "bare read": {"cpu_s_per_gb": 0.1}}
    assert report.bare_cost("produce and 3 x consume 1024 B x 1", results) == pytest.approx(0.2)
    assert report.bare_cost("produce 100 B x 1", results) == 0.5
    assert report.bare_cost("bare write", results) is None
    assert report.bare_cost("produce 100 B x 1", {}) is None


def test_table_shows_other_figures_a_line_each():
    text = report.table({"bare latency at 1,000 msg/s": {"p50_us": 50.0, "p99_us": 100.0},
                         "latency at 1,000 msg/s": {"p50_us": 100.0, "p99_us": 2000.0}})
    assert [line.split() for line in text.split("\n")][3:] == [
        ["latency", "at", "1,000", "msg/s", "p50", "us", "100.0", "2.00", "150", "met"],
        ["p99", "us", "2,000.0", "20.00", "1,000", "missed"]]


def test_bare_program_that_does_more_is_a_factor_above_one():
    results = {"bare x": {"requests_per_cpu_s": 300.0}}
    assert report.times_bare("x", "requests_per_cpu_s", 200.0, results) == "1.50"
    assert report.times_bare("y", "requests_per_cpu_s", 200.0, results) == ""


def test_comparison_has_both_columns_and_who_is_ahead():
    ours = {"produce": {"mb_per_s": 300.0, "cpu_s_per_gb": 1.0}, "latency": {"p50_us": 104.0, "p99_us": 300.0}}
    theirs = {"produce": {"mb_per_s": 100.0, "cpu_s_per_gb": None}, "latency": {"p50_us": 100.0, "p99_us": 200.0}}
    assert [line.split() for line in comparison.table(ours, theirs, "kafka").split("\n")] == [
        ["figure", "better", "Gregor", "kafka", "ratio", "ahead"],
        ["produce", "MB/s", "more", "300", "100", "3.00", "Gregor"],
        ["CPU-s/GB", "less", "1.000", "-", "-"],
        ["latency", "p50", "us", "less", "104.0", "100.0", "1.04", "even"],
        ["p99", "us", "less", "300.0", "200.0", "1.50", "kafka"]]


class Broker:
    """Notes in what order loads come."""

    def __init__(self, name, order, values=()):
        self.name, self._order, self._values = name, order, iter(values)
        self.topics = self
        self.deletions = 0
        self.is_gone = False

    def load(self):
        self._order.append(self.name)
        return {"row": {"p50_us": next(self._values)}}

    def delete_all(self, _):
        self.deletions += 1

    def check(self):
        if self.is_gone:
            raise Gone("it has gone")


def test_both_are_measured_in_turn_and_each_as_often_first():
    order = []
    ours, peer = Broker("ours", order, [3, 1, 2, 4]), Broker("peer", order, [9, 8, 7, 6])
    both = comparison.Comparison(ours, peer, None, 4)
    both.measure("latency", lambda target, _: target.load())
    assert order == ["peer", "ours", "ours", "peer"] * 2
    assert (both.ours, both.theirs) == ({"row": {"p50_us": 1}}, {"row": {"p50_us": 6}})


@pytest.mark.parametrize("error, is_failure", [(LeftOut("no"), False), (ProgramFailed("no"), True)])
def test_load_that_gives_nothing_is_named_and_its_topics_go(error, is_failure):
    def load(*_):
        raise error
    ours, peer = Broker("ours", []), Broker("peer", [])
    both = comparison.Comparison(ours, peer, None, 1)
    both.measure("crowd", load)
    assert (both.failed if is_failure else both.left_out) == ["Without crowd: peer: no."]
    assert (ours.deletions, peer.deletions) == (1, 1) and both.ours == {}


def test_figures_of_whole_turns_stay_when_one_of_the_two_goes():
    ours, peer = Broker("ours", [], [3, 1]), Broker("peer", [], [9, 8])
    turns = iter(range(9))

    def load(target, _):
        if next(turns) == 3:
            peer.is_gone = True
            raise ProgramFailed("no answer")
        return target.load()
    both = comparison.Comparison(ours, peer, None, 3)
    with pytest.raises(comparison.Lost, match="peer: it has gone"):
        both.measure("latency", load)
    assert both.failed == ["latency has the figures of 1 turn(s) out of 3: peer: no answer."]
    assert (both.ours, both.theirs) == ({"row": {"p50_us": 1}}, {"row": {"p50_us": 9}})
