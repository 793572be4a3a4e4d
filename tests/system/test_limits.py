"""Limits of connections and of request memory: what they hold up, whom they refuse, and that they change while the broker
runs."""

import json
import re
import socket
import struct
import threading
import time

import pytest

import batches
import processes
import wire
from batches import Record
from configs import BROKER, DELETE, SET, Heard, incremental
from metrics import Scrape

NONE, REQUEST_TIMED_OUT, INVALID_REQUEST = 0, 7, 42
ACCEPT_RATE = "kafka_server_socket_server_metrics_broker_connection_accept_rate"


class Site:
    """A broker with the listener INSIDE, which brokers use, and OUTSIDE, for clients."""

    def __init__(self, new_broker, **options):
        self.outside = processes.free_port()
        self.broker = new_broker()
        inside = self.broker.port
        self.broker.options |= {
            "listeners": f"INSIDE://127.0.0.1:{inside},OUTSIDE://127.0.0.1:{self.outside}",
            "listener.security.protocol.map": "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,MORE:PLAINTEXT",
            "inter.broker.listener.name": "INSIDE",
            **options}
        self.broker.start()

    def connect(self, **how):
        return wire.Connection(self.broker, port=self.outside, **how)

    def connect_inside(self):
        return wire.Connection(self.broker)

    def set(self, *options, broker_id=""):
        """Sets options of all brokers, or of one, and waits until they count."""
        with Heard(self.broker):
            answer = incremental(self.broker, BROKER, broker_id, *[(key, SET, str(value)) for key, value in options])
            assert answer.error_code == NONE, answer.error_message

    def refusal(self, key, value, broker_id=""):
        answer = incremental(self.broker, BROKER, broker_id, (key, SET, str(value)))
        assert answer.error_code == INVALID_REQUEST
        return answer.error_message

    def connections(self):
        """How many there are, by listener."""
        scrape, name = Scrape(self.broker), "kafka_server_socket_server_metrics_connection_count"
        counts = {}
        for labels in scrape.labels(name):
            counts[labels["listener"]] = counts.get(labels["listener"], 0) + scrape.value(name, **labels)
        return counts

    def is_held(self, listener, reason):
        return Scrape(self.broker).value("gregor_network_listener_held", listener=listener, reason=reason) == 1

    def refused(self, reason, listener="OUTSIDE"):
        return Scrape(self.broker).value("gregor_network_refused_connections_total", listener=listener, reason=reason)


def is_served(connection):
    return connection.ask(wire.API_VERSIONS, 0).error_code == NONE


def is_kept_waiting(connection):
    """It asks and hears nothing for a while; the answer is left for `is_served_at_last`."""
    connection.tell(wire.API_VERSIONS, 0)
    patience = connection.socket.gettimeout()
    connection.socket.settimeout(0.3)
    try:
        return connection.socket.recv(1, socket.MSG_PEEK) is None
    except TimeoutError:
        return True
    finally:
        connection.socket.settimeout(patience)


def is_served_at_last(connection):
    return wire.API_VERSIONS.decode(0, connection.read_frame()).error_code == NONE


def reset(connection):
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.socket.close()


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
            lambda: Scrape(site.broker).value("kafka_network_socketserver_expiredconnectionskilledcount") >= 1,
            "the client that does not read is idle")
        assert is_served(other)


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
    site = Site(new_broker)
    own = int(sum(site.connections().values()))
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
    own = int(sum(site.connections().values()))
    ours = [site.connect() for _ in range(5 - int(own))]
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
    more = [site.connect() for _ in range(7 - int(own))]
    assert all(is_served(connection) for connection in more)
    assert site.connect().is_closed()


def test_max_connections_per_ip_overrides(new_broker):
    port = processes.free_port()
    broker = new_broker(port=port, listeners=f"PLAINTEXT://:{port}",
                        advertised_listeners=f"PLAINTEXT://127.0.0.1:{port}").start()

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
            time.sleep(0.2)

    def set_overrides(text):
        with Heard(broker):
            assert incremental(broker, BROKER, "", ("max.connections.per.ip.overrides", SET, text)).error_code == NONE
    assert most_from("127.0.0.1") is None and most_from("::1") is None
    set_overrides("localhost:8,0:0:0:0:0:0:0:1:3")
    own = 8 - most_from("127.0.0.1")
    assert 0 <= own < 4, "a name counts for its address"
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
    site = Site(new_broker, **{"quota.window.num": 2, "quota.window.size.seconds": 1})
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


# --- listeners that come and go ---

def endpoints(zookeeper, broker):
    client = zookeeper.client(broker.chroot)
    try:
        return json.loads(client.get("/brokers/ids/1")[0])["endpoints"]
    finally:
        client.stop()


def is_open(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_listeners_come_and_go_with_their_limits(new_broker, zookeeper):
    site = Site(new_broker)
    ours = site.broker.options["listeners"]
    ports = [processes.free_port(), processes.free_port()]
    stays = site.connect()
    for port in ports:
        site.set(("listeners", f"{ours},MORE://127.0.0.1:{port}"), ("listener.name.more.max.connections", 1),
                 broker_id="1")
        processes.wait_until(lambda: is_open(port), "the new listener is open")
        site.broker.wait_for_log(f"registered changed listeners .*MORE://127.0.0.1:{port}")
        assert f"MORE://127.0.0.1:{port}" in endpoints(zookeeper, site.broker)
        time.sleep(0.2)  # until what is_open left behind is gone
        client = wire.Connection(site.broker, port=port)
        assert is_served(client)
        waiting = wire.Connection(site.broker, port=port)
        assert is_kept_waiting(waiting), "the new listener has its limit"
        assert site.is_held("MORE", "max_connections")
        site.set(("listeners", ours), broker_id="1")
        assert client.is_closed() and waiting.is_closed()
        assert not is_open(port)
        site.broker.wait_for_log("closed a listener listener=MORE")
        processes.wait_until(
            lambda: [text.split(":")[0] for text in endpoints(zookeeper, site.broker)] == ["INSIDE", "OUTSIDE"],
            "it is registered no more")
        assert is_served(stays)
    assert site.connections().get("MORE", 0) == 0
    broker = wire.ask(site.broker, wire.METADATA, 12, topics=[]).brokers[0]
    assert broker.port == site.broker.port


def test_the_last_but_one_listener_leaves_nobody_to_be_protected(new_broker):
    site = Site(new_broker, **{"max.connections": 4})
    for _ in range(6):
        assert is_served(site.connect_inside()), "brokers are let in beyond the limit"
    held = [site.connect_inside() for _ in range(6)]
    assert all(is_served(connection) for connection in held)
    with Heard(site.broker):
        held[0].ask(wire.INCREMENTAL_ALTER_CONFIGS, None, validate_only=False, resources=[
            {"resource_type": BROKER, "resource_name": "1", "configs": [
                {"name": "listeners", "config_operation": SET,
                 "value": f"INSIDE://127.0.0.1:{site.broker.port}"}]}])
    processes.wait_until(lambda: sum(site.connections().values()) == 4, "there is one listener, with one limit")
    for connection in held:
        connection.socket.close()


def test_a_listener_that_is_moved_stays_until_a_restart(new_broker, zookeeper):
    """As in Kafka, which opens and closes listeners by name and tells clients what it is told to."""
    site = Site(new_broker)
    before, after = site.outside, processes.free_port()
    client = site.connect()
    moved = site.broker.options["listeners"].replace(str(before), str(after))
    site.set(("listeners", moved), broker_id="1")
    site.broker.wait_for_log(f"stays where it is until a restart listener=OUTSIDE://127.0.0.1:{before}")
    assert is_served(client) and is_served(site.connect())
    assert not is_open(after)
    processes.wait_until(lambda: f"OUTSIDE://127.0.0.1:{after}" in endpoints(zookeeper, site.broker), "it is told")
    assert site.broker.stop() == 0
    site.broker.start()
    assert is_open(after) and not is_open(before)


def test_the_listener_that_brokers_use_stays(new_broker):
    site = Site(new_broker)
    assert "must name one of advertised.listeners" in site.refusal(
        "listeners", f"OUTSIDE://127.0.0.1:{site.outside}", broker_id="1")
    assert is_served(site.connect_inside())


def test_connections_that_come_all_at_once_while_listeners_come_and_go(new_broker):
    site = Site(new_broker)
    ours, port = site.broker.options["listeners"], processes.free_port()
    is_done = threading.Event()

    def storm():
        while not is_done.is_set():
            try:
                with wire.Connection(site.broker, port=port, timeout=5) as connection:
                    connection.tell(wire.API_VERSIONS, 0)
                    connection.read_frame()
            except OSError:
                time.sleep(0.001)
    clients = [threading.Thread(target=storm) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        for _ in range(5):
            site.set(("listeners", f"{ours},MORE://127.0.0.1:{port}"), broker_id="1")
            time.sleep(0.2)
            site.set(("listeners", ours), broker_id="1")
            processes.wait_until(lambda: site.connections().get("MORE", 0) == 0, "none is left of a closed listener")
    finally:
        is_done.set()
        for client in clients:
            client.join()
    assert is_served(site.connect())
