"""tests/bench/compare, with a second broker of ours as the peer."""

import json
import re
import signal
import subprocess
from pathlib import Path

import processes
import wire

PROGRAM = Path(__file__).resolve().parents[1] / "bench" / "compare"
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
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=timeout)


def topics_of(broker):
    return [topic.name for topic in wire.ask(broker, wire.METADATA, topics=None).topics]


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
    with subprocess.Popen([PROGRAM, peer.address, "--quick", "--only", "latency", "--seconds", "60"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        processes.wait_until(lambda: any("-latency-" in name for name in topics_of(peer)), "the load has begun")
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 1 and "compare: ended by SIGINT" in errors
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
