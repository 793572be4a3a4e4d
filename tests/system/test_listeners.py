"""Listeners that come, go and are moved while the broker runs."""

import json
import socket
import threading
import time

import processes
import wire
from configs import BROKER, SET, Heard
from two_listeners import Site, is_kept_waiting, is_served


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
    site = Site(new_broker, **{"max.connections": 4, "listener.name.inside.max.connections": 100})
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
