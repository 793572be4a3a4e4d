"""tests/bench/compare, with a second broker of ours as the peer."""

import json
import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

import processes
import wire

BENCH = Path(__file__).resolve().parents[1] / "bench"
COMPARE, RUN = BENCH / "compare", BENCH / "run"
SMALL = ["--quick", "--repeat", "1", "--megabytes", "2", "--seconds", "1", "--partitions", "40",
         "--crowd-size", "20", "--crowd-partitions", "24", "--crowd-rate", "200"]
MOVES = {"mb_per_s", "messages_per_s", "cpu_s_per_gb"}
WAITS = {"p50_us", "p99_us"}
ROWS = {
    **{f"{way} {size} B x {partitions}": MOVES
       for way in ("produce", "consume") for size in (100, 1024) for partitions in (1, 12)},
    "produce zstd 1024 B x 1": MOVES, "produce and 3 x consume 1024 B x 1": MOVES,
    "latency at 1,000 msg/s": WAITS | {"p99.9_us"},
    "20 + 20 connections at 200 msg/s": WAITS | {
        "p99.9_us", "messages", "producers_slowest_by_fastest", "consumers_slowest_by_fastest", "cpu_us_per_message"},
    "16 KiB x 32 connections": WAITS | {"requests", "requests_per_s", "requests_per_cpu_s", "fastest_by_slowest"},
    "create 40 partitions": {"create_s", "rss_mb"},
    "memory before the loads": {"rss_mb"}, "memory after the loads": {"rss_mb"}}


def compare(*arguments, timeout=120):
    return subprocess.run([COMPARE, *map(str, arguments)], capture_output=True, text=True, timeout=timeout)


def running(program, *arguments, **options):
    return subprocess.Popen([program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            **options)


def topics_of(broker):
    return [topic.name for topic in wire.ask(broker, wire.METADATA, topics=None).topics]


def has_topic(peer, label):
    return lambda: any(f"-{label}-" in name for name in topics_of(peer))


def test_every_load_has_figures_of_both_and_no_topic_stays(new_broker, tmp_path):
    peer = new_broker().start()
    wire.create_topic(peer, "orders")
    done = compare(peer.address, *SMALL, "--json", tmp_path / "results.json", "--peer-name", "second")
    assert done.returncode == 0, done.stdout + done.stderr

    results = json.loads((tmp_path / "results.json").read_text())
    for side in ("gregor", "peer"):
        assert {row: set(figures) for row, figures in results[side].items()} == ROWS
        assert all(value > 0 for figures in results[side].values() for value in figures.values())
    [head] = re.findall(r"^ +figure +better +Gregor +second +ratio +ahead$", done.stdout, re.MULTILINE)
    [line] = re.findall(r"^produce 1024 B x 12 .*$", done.stdout, re.MULTILINE)
    assert re.fullmatch(r"produce 1024 B x 12 +MB/s +more +[\d,]+ +[\d,]+ +[\d.]+ +(Gregor|second|even)", line)
    assert f"The peer's process: {peer.pid} (" in done.stdout
    assert topics_of(peer) == ["orders"]


def test_load_for_one_node_is_left_out_where_two_lead(new_broker):
    peer = new_broker(broker_id=1).start()
    other = new_broker(broker_id=2, chroot=peer.chroot).start()
    done = compare(peer.address, *SMALL, "--only", "requests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The peer has 2 nodes (1 is at this address)." in done.stdout
    assert (f"Without requests: peer: the partitions are led by the nodes 1, 2, and this load talks to {peer.address} "
            "alone.") in done.stdout
    assert "16 KiB x 32 connections" not in done.stdout
    assert topics_of(peer) == topics_of(other) == []


def test_interrupted_comparison_leaves_no_topic(new_broker):
    peer = new_broker().start()
    with running(COMPARE, peer.address, "--quick", "--only", "latency", "--seconds", "60") as process:
        processes.wait_until(has_topic(peer, "latency"), "the load has begun", timeout=60)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert re.search(r"^memory before the loads +RSS MB", output, re.MULTILINE)
    assert process.returncode == 130 and "compare: ended by SIGINT; the peer has no topics" in errors
    assert topics_of(peer) == []


def test_peer_that_dies_half_way_is_named_and_the_figures_stay(new_broker, tmp_path):
    peer = new_broker().start()
    file = tmp_path / "results.json"
    with running(COMPARE, peer.address, *SMALL, "--seconds", "60", "--only", "zstd", "--only", "latency", "--only",
                 "partitions", "--json", file) as process:
        processes.wait_until(has_topic(peer, "latency"), "the second load has begun", timeout=60)
        peer.kill()
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert re.search(rf"^Without latency: peer: .*its process {peer.pid} has ended", output, re.MULTILINE)
    assert f"Nothing more was measured: peer: its process {peer.pid} has ended." in output
    assert re.search(r"^left behind are the topics gregor-compare-\w+-latency-\d+: .*refused", output, re.MULTILINE)
    assert re.search(r"^produce zstd 1024 B x 1 +MB/s", output, re.MULTILINE)
    results = json.loads(file.read_text())
    assert set(results["gregor"]) == set(results["peer"]) == {"memory before the loads", "produce zstd 1024 B x 1"}


def test_second_interrupt_ends_the_waiting_for_a_frozen_peer(new_broker):
    peer = new_broker().start()
    with running(COMPARE, peer.address, "--quick", "--only", "latency", "--seconds", "60") as process:
        processes.wait_until(has_topic(peer, "latency"), "the load has begun", timeout=60)
        peer.pause()
        process.send_signal(signal.SIGTERM)
        lines = iter(process.stderr.readline, "")
        assert any(re.match(r"deleting gregor-compare-\w+-latency-\d+, for 15 s", line) for line in lines)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    peer.resume()
    assert process.returncode == 143
    assert re.fullmatch(r"compare: left behind are the topics gregor-compare-\w+-latency-\d+: "
                        r"SIGINT has ended their deletion\n", errors)


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ended_run_leaves_neither_a_folder_nor_a_process(number, code, tmp_path):
    with running(RUN, "--only", "latency", env={**os.environ, "TMPDIR": str(tmp_path)}) as process:
        processes.wait_until(lambda: list(tmp_path.glob("*/latency.bytes")), "the bare program runs", timeout=60)
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (code, "")
    assert errors == f"measuring: latency\nrun: ended by {number.name}\n"
    assert list(tmp_path.iterdir()) == []
    processes.wait_until(lambda: not processes_with(tmp_path), "everything has ended")


def processes_with(folder):
    """Those whose arguments name it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.fsencode(folder) in (process / "cmdline").read_bytes():
                found.append(process.name)
    return found


@pytest.mark.parametrize("program, arguments", [("compare", ["PEER"]), ("run", ["--only", "start"]),
                                                ("run", ["--only", "crowd"])])
def test_broker_that_does_not_start_is_one_line(new_broker, tmp_path, program, arguments):
    peer = new_broker().start()
    broken = tmp_path / "broker"
    broken.write_text("#!/bin/sh\necho error: no disk >&2\nexit 1\n")
    broken.chmod(0o700)
    done = subprocess.run([BENCH / program, *(peer.address if word == "PEER" else word for word in arguments)],
                          capture_output=True, text=True, timeout=60, env={**os.environ, "GREGOR_BROKER": str(broken)})
    assert done.returncode == 1
    assert "the broker does not start" in done.stdout + done.stderr
    assert "its last words: error: no disk" in done.stdout + done.stderr and "Traceback" not in done.stderr
    assert topics_of(peer) == []


def test_peer_that_is_not_there_is_named():
    port = processes.free_port()
    done = compare(f"127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"compare: 127.0.0.1:{port} can't be reached: Connection refused\n"


def test_peer_that_is_not_kafka_is_named(zookeeper):
    done = compare(zookeeper.address)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"compare: {zookeeper.address} does not speak Kafka's protocol")
