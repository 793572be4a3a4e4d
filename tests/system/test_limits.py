"""Limits of connections and of request memory: what they hold up, whom they refuse, and that they change while the broker
runs."""

import json
import re
import socket
import struct
import time

import pytest

import batches
import processes
import wire
from batches import Record
from configs import BROKER, DELETE, SET, Heard, incremental
from metrics import Scrape
from two_listeners import (INVALID_REQUEST, NONE, Site, connections_of, is_kept_waiting, is_served, is_served_at_last,
                           reset)

REQUEST_TIMED_OUT = 7
ACCEPT_RATE = "kafka_server_socket_server_metrics_broker_connection_accept_rate"


# --- request memory ---

def small_memory(new_broker, **options):
    """A broker whose requests may take no more than 2000 bytes together."""
    return new_broker(queued_max_request_bytes=2000, socket_request_max_bytes=2000, **options)


def fetch_of(topic, **options):
    return {"topics": [{"topic": topic, "partitions": [{"partition": 0}]}], **options}


def test_fetches_that_wait_hold_no_request_memory(new_broker, topic):
    broker = small_memory(new_broker).start()
    wire.create_topic(broker, topic)
    waiting = [wire.Connection(broker) for _ in range(40)]
    sent = [(connection, connection.tell(wire.FETCH, 12, **fetch_of(topic, max_wait_ms=60_000)))
            for connection in waiting]
    with wire.Connection(broker, timeout=5) as other:
        assert is_served(other)
        processes.wait_until(
            lambda: Scrape(broker).value("kafka_network_socketserver_memorypoolused") == 0, "no request takes memory")
        assert wire.produce(other, topic, batches.encode([Record(b"x" * 1000)])).error_code == NONE
    for connection, number in sent:
        answer = connection.answer(wire.FETCH, 12, number)
        assert answer.responses[0].topic == topic
        assert len(answer.responses[0].partitions[0].records) > 1000
        connection.socket.close()


def test_answers_that_nobody_reads_hold_no_request_memory(new_broker, topic):
    broker = small_memory(new_broker).start()
    wire.create_topic(broker, topic)
    with wire.Connection(broker) as connection:
        batch = batches.encode([Record(b"x" * 1500)])
        sent = [connection.tell(wire.PRODUCE, 9, topic_data=[
            {"name": topic, "partition_data": [{"index": 0, "records": batch}]}]) for _ in range(2500)]
        for number in sent:
            connection.answer(wire.PRODUCE, 9, number)
    deaf = []
    for _ in range(40):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", broker.port))
        frame = wire.FETCH.encode(12, 1, **fetch_of(topic))
        client.sendall(len(frame).to_bytes(4, "big") + frame)
        deaf.append(client)
    time.sleep(0.5)  # until the answers fill what the kernel takes
    with wire.Connection(broker, timeout=5) as other:
        assert is_served(other)
        assert wire.produce(other, topic, batch).error_code == NONE
    for client in deaf:
        client.close()


def create_with_follower(zookeeper, broker, topic):
    """A topic of two partitions led by broker 1 and followed by 2, made as tools of old make them."""
    client = zookeeper.client(broker.chroot)
    client.create(f"/config/topics/{topic}", b'{"version":1,"config":{}}')
    client.create(f"/brokers/topics/{topic}", json.dumps({
        "version": 3, "topic_id": "AAAAAAAAQAGAAAAAAAAAAQ", "partitions": {"0": [1, 2], "1": [1, 2]},
        "adding_replicas": {}, "removing_replicas": {}}).encode())
    client.stop()

    def in_sync():
        topics = wire.ask(broker, wire.METADATA, 12, topics=[{"name": topic}]).topics
        return [(row.leader_id, sorted(row.isr_nodes)) for row in topics[0].partitions]
    processes.wait_until(lambda: in_sync() == [(1, [1, 2])] * 2, "the topic is there")


def test_producers_that_wait_for_followers_hold_no_request_memory(new_broker, zookeeper, topic):
    first = small_memory(new_broker).start()
    second = small_memory(new_broker, broker_id=2, chroot=first.chroot, zookeeper_session_timeout_ms=30_000).start()
    create_with_follower(zookeeper, first, topic)
    second.pause()  # a follower that fetches nothing
    waiting = [wire.Connection(first) for _ in range(30)]
    began = time.monotonic()
    sent = [(connection, connection.tell(wire.PRODUCE, 11, acks=-1, timeout_ms=6000, topic_data=[
        {"name": topic, "partition_data": [
            {"index": index, "records": batches.encode([Record(b"x" * 200)])} for index in range(2)]}]))
            for connection in waiting]
    with wire.Connection(first, timeout=5) as other:
        assert is_served(other)
        assert wire.produce(other, topic, batches.encode([Record(b"y" * 1000)]), acks=1).error_code == NONE
    assert time.monotonic() - began < 5, "they are still waiting"
    for connection, number in sent:
        answer = connection.answer(wire.PRODUCE, 11, number)
        assert [row.name for row in answer.responses] == [topic]
        assert [(row.index, row.error_code) for row in answer.responses[0].partition_responses] == [
            (0, REQUEST_TIMED_OUT), (1, REQUEST_TIMED_OUT)]
        connection.socket.close()
    second.resume()


def test_a_client_that_hardly_sends_and_one_that_never_reads_cost_only_themselves(new_broker, topic):
    site = Site(new_broker, **{"connections.max.idle.ms": 2500})
    wire.create_topic(site.broker, topic)
    slow, deaf = site.connect(), site.connect()
    deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with site.connect() as other:
        for _ in range(8):
            assert wire.produce(other, topic, batches.encode([Record(b"x" * 900_000)])).error_code == NONE
        deaf.tell(wire.FETCH, 12, **fetch_of(topic))
        frame = wire.API_VERSIONS.encode(0, 1)
        for byte in struct.pack(">i", len(frame)) + frame[:2]:
            slow.send(bytes([byte]))
            began = time.monotonic()
            assert is_served(other)
            assert wire.produce(other, topic, batches.encode([Record(b"x")])).error_code == NONE
            assert time.monotonic() - began < 5
            time.sleep(1)
        slow.send(frame[2:])
        assert is_served_at_last(slow), "a byte a second is traffic, for longer than a connection may be idle"
        processes.wait_until(
            lambda: is_served(slow) and is_served(other) and site.connections()["OUTSIDE"] == 2,
            "the client that does not read is idle")
        assert Scrape(site.broker).value("kafka_network_socketserver_expiredconnectionskilledcount") >= 1


# --- how many connections ---

def test_max_connections_of_a_listener(new_broker):
    site = Site(new_broker, **{"listener.name.outside.max.connections": 1})
    first = site.connect()
    assert is_served(first)
    second = site.connect()
    assert is_kept_waiting(second)
    site.broker.wait_for_log("lets connections wait listener=OUTSIDE reason=\"max.connections is reached\"")
    assert site.is_held("OUTSIDE", "max_connections") and not site.is_held("INSIDE", "max_connections")
    with site.connect_inside() as inside:
        assert is_served(inside), "another listener"
    site.set(("listener.name.outside.max.connections", 2))
    assert is_served_at_last(second) and is_served(first)
    third = site.connect()
    assert is_kept_waiting(third)
    first.socket.close()
    assert is_served_at_last(third)
    site.set(("listener.name.outside.max.connections", 10))
    site.broker.wait_for_log("accepts connections again listener=OUTSIDE")
    assert not site.is_held("OUTSIDE", "max_connections")
    assert len(re.findall("lets connections wait", site.broker.log())) <= 3
    assert site.refusal("listener.name.outside.max.connections", 0) == "Invalid max.connections 0"


def test_max_connections_of_the_broker_spares_the_listener_that_brokers_use(new_broker):
    site = Site(new_broker, **{"listener.name.inside.max.connections": 100})
    own = sum(site.connections().values())
    site.set(("max.connections", own + 2))
    oldest, newest = site.connect(), site.connect()
    assert is_served(oldest)
    time.sleep(0.1)
    assert is_served(newest)
    waiting = site.connect()
    assert is_kept_waiting(waiting)
    with site.connect_inside() as inside:
        assert is_served(inside)
        assert oldest.is_closed(), "whoever was used least recently makes room"
        assert is_served(newest)
        assert site.refused("max_connections") == 1
        site.broker.wait_for_log("refused a connection .*max.connections is exceeded")
    processes.wait_until(lambda: sum(site.connections().values()) == own + 2, "the one that waited is let in")
    assert is_served_at_last(waiting)
    site.set(("max.connections", own))
    assert newest.is_closed() and waiting.is_closed(), "a lower limit ends as many as there are too many"
    assert is_served(site.connect_inside())
    assert site.refusal("max.connections", 0) == "Invalid max.connections 0"


def test_max_connections_per_ip(new_broker):
    site = Site(new_broker, **{"max.connections.per.ip": 5})
    own = sum(site.connections().values())
    ours = [site.connect() for _ in range(5 - own)]
    assert all(is_served(connection) for connection in ours)
    assert site.connect().is_closed()
    assert is_served(site.connect(source="127.0.0.2")), "another address"
    assert site.refused("connections_per_ip") == 1
    site.broker.wait_for_log("its address has max.connections.per.ip already")
    for connection in ours:
        reset(connection)
    processes.wait_until(lambda: sum(site.connections().values()) <= own + 1, "they have ended")
    time.sleep(0.1)  # until it is counted off, too
    site.set(("max.connections.per.ip", 7))
    more = [site.connect() for _ in range(7 - own)]
    assert all(is_served(connection) for connection in more)
    assert site.connect().is_closed()


def test_max_connections_per_ip_overrides(new_broker):
    port = processes.free_port()
    broker = new_broker(port=port, listeners=f"PLAINTEXT://:{port}",
                        advertised_listeners=f"PLAINTEXT://127.0.0.1:{port}").start()

    own = 1  # the controller's

    def most_from(host):
        """How many connections from that address are served at once."""
        connections = []
        try:
            while len(connections) < 30:
                connections.append(wire.Connection(broker, host=host))
                connections[-1].tell(wire.API_VERSIONS, 0)
                if connections[-1].read_frame() is None:
                    return len(connections) - 1
            return None
        finally:
            for connection in connections:
                connection.socket.close()
            processes.wait_until(lambda: connections_of(broker) == {"PLAINTEXT": own}, "they have ended")

    def set_overrides(text):
        with Heard(broker):
            assert incremental(broker, BROKER, "", ("max.connections.per.ip.overrides", SET, text)).error_code == NONE
    assert most_from("127.0.0.1") is None and most_from("::1") is None
    set_overrides("localhost:8,0:0:0:0:0:0:0:1:3")
    assert most_from("127.0.0.1") == 8 - own, "a name counts for its address"
    assert most_from("::1") == 3
    # A host that can't be found costs the others nothing.
    set_overrides("no.such.host.invalid:1,127.0.0.1:9,::1:4")
    broker.wait_for_log("can't be found host=no.such.host.invalid limits=nothing")
    assert most_from("127.0.0.1") == 9 - own and most_from("::1") == 4
    answer = incremental(broker, BROKER, "", ("max.connections.per.ip.overrides", SET, "not a host:1"))
    assert answer.error_code == INVALID_REQUEST and "neither a host nor an address" in answer.error_message
    with Heard(broker):
        assert incremental(broker, BROKER, "", ("max.connections.per.ip.overrides", DELETE, None)).error_code == NONE
    assert most_from("::1") is None


def test_a_host_in_the_file_that_cannot_be_found_keeps_the_broker_from_starting(new_broker):
    broker = new_broker(max_connections_per_ip_overrides="no.such.host.invalid:1").launch()
    assert broker.wait_for_exit() != 0
    assert "no.such.host.invalid" in broker.log()


@pytest.mark.parametrize("key", ["max.connection.creation.rate", "listener.name.outside.max.connection.creation.rate"])
def test_max_connection_creation_rate(new_broker, key):
    # Without a value of its own each listener has that of the broker.
    site = Site(new_broker, **{"quota.window.num": 2, "quota.window.size.seconds": 1,
                               "listener.name.inside.max.connection.creation.rate": 1000})
    time.sleep(2.5)  # what the start brought is forgotten
    site.set((key, 4))
    time.sleep(2.5)
    began = time.monotonic()
    connections = [site.connect() for _ in range(12)]
    assert all(is_served(connection) for connection in connections)
    assert 1 < time.monotonic() - began < 8, "twelve at four a second"
    scrape = Scrape(site.broker)
    assert scrape.value("gregor_network_listener_holds_total", listener="OUTSIDE", reason="creation_rate") > 0
    assert scrape.value(ACCEPT_RATE) > 0
    site.broker.wait_for_log("accepts connections again listener=OUTSIDE")
    log = site.broker.log()
    assert len(re.findall("lets connections wait listener=OUTSIDE reason=\"max.connection.creation.rate", log)) == 1
    began = time.monotonic()
    for _ in range(20):
        assert is_served(site.connect_inside())
    assert time.monotonic() - began < 2, "brokers are not held up"
    site.set((key, 1000))
    time.sleep(1.1)  # a listener that waits because of a rate waits on
    began = time.monotonic()
    for _ in range(20):
        assert is_served(site.connect())
    assert time.monotonic() - began < 1
    assert site.refusal(key, 0) == "Invalid max.connection.creation.rate 0"


def test_idle_connections_take_a_restart_to_last_longer(new_broker):
    site = Site(new_broker, **{"connections.max.idle.ms": 1000})
    with site.connect() as idle:
        assert is_served(idle)
        assert idle.is_closed()
    assert Scrape(site.broker).value("kafka_network_socketserver_expiredconnectionskilledcount") >= 1
    assert "Cannot update these configs dynamically: Set(connections.max.idle.ms)" in site.refusal(
        "connections.max.idle.ms", 5000)
