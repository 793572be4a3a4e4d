"""What lies in ZooKeeper is what Kafka puts there, and the broker lives with whatever happens to its session."""

import json
import re
import socket
import struct
import time
from contextlib import contextmanager

import pytest
from kazoo.exceptions import NoNodeError

import batches
import processes
import wire
from batches import Record
from zookeeper import ZooKeeper

SESSION_TIMEOUT_MS = 2000
SESSION_FILE = ".zookeeper-session"
ROOT = ("[admin, brokers, cluster, config, consumers, controller, controller_epoch, feature, isr_change_notification, "
        "latest_producer_id_block, log_dir_event_notification, zookeeper]")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A ZooKeeper that holds one broker's znodes and nothing else."""
    server = ZooKeeper(tmp_path_factory.mktemp("zookeeper"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def root_broker(root, new_shared_broker):
    """A broker that uses ZooKeeper's root, and whose topic is called orders."""
    broker = new_shared_broker(zookeeper=root, chroot="").start()
    broker.topic_id = wire.create_topic(broker, "orders", 2, retention_ms=1234)
    yield broker
    broker.stop()


@pytest.fixture
def root_znodes(root):
    with connected(root) as client:
        yield client


@pytest.fixture
def znodes(zookeeper):
    with connected(zookeeper) as client:
        yield client


@contextmanager
def connected(zookeeper):
    client = zookeeper.client()
    yield client
    client.stop()
    client.close()


def read(znodes, path):
    return json.loads(znodes.get(path)[0])


def test_zkcli_lists_the_root_as_kafkas(root_broker, root):
    assert root.zkcli("ls", "/") == [ROOT]


def test_zkcli_shows_the_broker(root_broker, root):
    [line] = root.zkcli("get", "/brokers/ids/1")
    registration = json.loads(line)
    assert abs(int(registration.pop("timestamp")) / 1000 - time.time()) < 600
    assert registration == {
        "version": 5, "host": "127.0.0.1", "port": root_broker.port, "jmx_port": -1, "features": {},
        "endpoints": [f"PLAINTEXT://127.0.0.1:{root_broker.port}"],
        "listener_security_protocol_map": {"PLAINTEXT": "PLAINTEXT"}}


def test_zkcli_shows_the_controller(root_broker, root):
    [line] = root.zkcli("get", "/controller")
    controller = json.loads(line)
    assert controller.pop("timestamp").isdigit()
    assert controller == {"version": 2, "brokerid": 1, "kraftControllerEpoch": -1}


def test_zkcli_lists_the_topics(root_broker, root):
    assert root.zkcli("ls", "/brokers/topics") == ["[orders]"]


def test_the_controller_epoch_is_a_plain_number(root_broker, root_znodes):
    assert root_znodes.get("/controller_epoch")[0] == b"1"


def test_topic_and_partition_states_are_kafkas(root_broker, root_znodes):
    topic = read(root_znodes, "/brokers/topics/orders")
    assert len(topic.pop("topic_id")) == 22
    assert topic == {"version": 3, "partitions": {"0": [1], "1": [1]}, "adding_replicas": {}, "removing_replicas": {}}
    assert sorted(root_znodes.get_children("/brokers/topics/orders/partitions")) == ["0", "1"]
    assert read(root_znodes, "/brokers/topics/orders/partitions/1/state") == {
        "version": 1, "leader": 1, "leader_epoch": 0, "controller_epoch": 1, "isr": [1]}
    assert read(root_znodes, "/config/topics/orders") == {"version": 1, "config": {"retention.ms": "1234"}}


def test_json_has_no_spaces(root_broker, root_znodes):
    for path in ("/brokers/ids/1", "/controller", "/cluster/id", "/brokers/topics/orders",
                 "/brokers/topics/orders/partitions/0/state", "/config/topics/orders"):
        assert b" " not in root_znodes.get(path)[0], path


def test_broker_and_controller_are_ephemeral_and_the_rest_is_not(root_broker, root_znodes):
    owners = {path: root_znodes.exists(path).ephemeralOwner for path in
              ("/brokers/ids/1", "/controller", "/controller_epoch", "/cluster/id", "/brokers/topics/orders")}
    assert owners["/brokers/ids/1"] == owners["/controller"] != 0
    assert owners["/controller_epoch"] == owners["/cluster/id"] == owners["/brokers/topics/orders"] == 0


def test_persistent_paths_are_there_and_empty(root_broker, root_znodes):
    for path in ("/consumers", "/brokers/seqid", "/admin/delete_topics", "/isr_change_notification", "/config/changes",
                 "/log_dir_event_notification", "/latest_producer_id_block", "/config/clients", "/config/users",
                 "/config/brokers", "/config/ips"):
        assert root_znodes.get_children(path) == [], path


def test_a_deleted_topic_leaves_no_znode(root_broker, root_znodes):
    wire.create_topic(root_broker, "passing")
    wire.ask(root_broker, wire.DELETE_TOPICS, topics=[{"name": "passing"}])
    for path in ("/brokers/topics/passing", "/config/topics/passing", "/admin/delete_topics/passing"):
        processes.wait_until(lambda: not root_znodes.exists(path), f"{path} is gone")


def test_a_topic_created_in_zookeeper_gets_leaders(root_broker, root_znodes):
    """What an old script does; the controller gives such a topic its id."""
    root_znodes.create("/brokers/topics/by-script", b'{"version":1,"partitions":{"0":[1]}}')
    processes.wait_until(lambda: is_led(root_broker, "by-script"), "the partition has a leader")
    assert len(read(root_znodes, "/brokers/topics/by-script")["topic_id"]) == 22
    wire.ask(root_broker, wire.DELETE_TOPICS, topics=[{"name": "by-script"}])
    processes.wait_until(lambda: not root_znodes.exists("/brokers/topics/by-script"), "it is gone again")


def is_led(broker, topic):
    [found] = wire.ask(broker, wire.METADATA, topics=[{"name": topic}]).topics
    return found.error_code == 0 and all(p.leader_id == broker.broker_id for p in found.partitions)


def test_a_chroot_is_made_and_everything_stays_beneath_it(new_broker, znodes):
    broker = new_broker(chroot="/far/down/kafka").start()
    wire.create_topic(broker, "inside")
    assert znodes.exists("/far/down/kafka/brokers/topics/inside")
    assert znodes.exists("/far/down/kafka/brokers/ids/1")
    assert not znodes.exists("/brokers/topics/inside")


def test_a_clean_stop_takes_the_broker_out_at_once(new_broker, znodes):
    broker = new_broker().start()
    assert znodes.exists(f"{broker.chroot}/brokers/ids/1")
    assert broker.stop() == 0
    assert not znodes.exists(f"{broker.chroot}/brokers/ids/1")
    assert not znodes.exists(f"{broker.chroot}/controller")


def test_a_killed_broker_is_back_before_anybody_missed_its_session(new_broker, topic, znodes):
    broker = new_broker(zookeeper_session_timeout_ms=30_000).start()
    wire.create_topic(broker, topic)
    old_session = znodes.exists(f"{broker.chroot}/brokers/ids/1").ephemeralOwner
    broker.kill()
    began = time.monotonic()
    broker.start()
    assert time.monotonic() - began < 10
    assert "ended the session of our killed predecessor" in broker.log()
    assert znodes.exists(f"{broker.chroot}/brokers/ids/1").ephemeralOwner != old_session
    broker.stop()
    assert not (broker.log_dir / SESSION_FILE).exists(), "a session that was closed need not be remembered"


def test_a_broker_restarted_while_its_old_znode_lives_waits_and_then_starts(new_broker, topic, znodes):
    broker = new_broker(zookeeper_session_timeout_ms=12_000).start()
    wire.create_topic(broker, topic)
    old_session = znodes.exists(f"{broker.chroot}/brokers/ids/1").ephemeralOwner
    broker.kill()
    (broker.log_dir / SESSION_FILE).unlink()
    broker.options["zookeeper.session.timeout.ms"] = SESSION_TIMEOUT_MS  # the old session lasts longer than that
    broker.start()
    assert znodes.exists(f"{broker.chroot}/brokers/ids/1").ephemeralOwner != old_session
    assert "wait" in broker.log(), "it says what it waits for"
    write_and_read(broker, topic)


def test_another_live_broker_with_the_same_id_is_refused(new_broker, topic):
    broker = new_broker(zookeeper_session_timeout_ms=SESSION_TIMEOUT_MS).start()
    second = new_broker(chroot=broker.chroot, zookeeper_session_timeout_ms=SESSION_TIMEOUT_MS)
    second.launch()
    assert second.wait_for_exit() == 1
    assert broker.address in second.log(), "it names the other broker's address"
    wire.create_topic(broker, topic)
    write_and_read(broker, topic)


def write_and_read(broker, topic):
    with wire.Connection(broker) as connection:
        answer = wire.produce(connection, topic, batches.encode([Record(b"written")]))
        assert answer.error_code == 0
        fetched = connection.ask(wire.FETCH, 12, topics=[{"topic": topic, "partitions": [
            {"partition": 0, "fetch_offset": answer.base_offset}]}]).responses[0].partitions[0]
        assert [record.value for batch in batches.decode(fetched.records) for record in batch.records()] == [b"written"]


def session_password(session_id):
    """ZooKeeper makes a session's password from its id alone: 16 bytes of java.util.Random seeded with
    id ^ 0xB3415C00. It lets a second client take a session over, and end it."""
    state = (session_id ^ 0xB3415C00 ^ 0x5DEECE66D) & (1 << 48) - 1
    password = b""
    for _ in range(4):
        state = (state * 0x5DEECE66D + 0xB) & (1 << 48) - 1
        password += (state >> 16).to_bytes(4, "little")
    return password


def end_session(zookeeper, session_id):
    """Takes the session over and closes it, in one write; its first owner may still take it back in between."""
    connect = struct.pack(">iqiqi16s?", 0, 0, 10_000, session_id, 16, session_password(session_id), False)
    close = struct.pack(">ii", 1, -11)
    with socket.create_connection(("127.0.0.1", zookeeper.port), timeout=10) as connection:
        connection.sendall(b"".join(struct.pack(">i", len(frame)) + frame for frame in (connect, close)))
        while connection.recv(1000):
            pass


def owner(znodes, path):
    try:
        return znodes.get(path)[1].ephemeralOwner
    except NoNodeError:
        return None


def wait_until_registered_anew(znodes, broker, old_session):
    for path in ("/brokers/ids/1", "/controller"):
        processes.wait_until(lambda: owner(znodes, broker.chroot + path) not in (None, old_session),
                             f"{path} belongs to a new session")


def wait_until_writable(broker, topic):
    def writes():
        with wire.Connection(broker) as connection:
            return wire.produce(connection, topic, batches.encode([Record(b"again")])).error_code == 0
    processes.wait_until(writes, "the broker takes records again")


def test_a_lost_session_is_replaced_and_the_broker_goes_on(new_broker, zookeeper, znodes, topic):
    broker = new_broker(zookeeper_session_timeout_ms=SESSION_TIMEOUT_MS).start()
    wire.create_topic(broker, topic)
    write_and_read(broker, topic)
    for expected_epoch in (b"2", b"3"):
        old_session = owner(znodes, f"{broker.chroot}/brokers/ids/1")
        processes.wait_until(lambda: end_session(zookeeper, old_session) or
                             owner(znodes, f"{broker.chroot}/brokers/ids/1") != old_session, "the session has ended")
        wait_until_registered_anew(znodes, broker, old_session)
        assert znodes.get(f"{broker.chroot}/controller_epoch")[0] == expected_epoch
        wait_until_writable(broker, topic)
        write_and_read(broker, topic)
        wire.create_topic(broker, f"{topic}-{expected_epoch.decode()}")


def test_a_broker_paused_past_its_session_registers_again(new_broker, znodes, topic):
    broker = new_broker(zookeeper_session_timeout_ms=SESSION_TIMEOUT_MS).start()
    wire.create_topic(broker, topic)
    old_session = owner(znodes, f"{broker.chroot}/brokers/ids/1")
    broker.pause()
    processes.wait_until(lambda: owner(znodes, f"{broker.chroot}/brokers/ids/1") is None, "its session ends")
    broker.resume()
    wait_until_registered_anew(znodes, broker, old_session)
    wait_until_writable(broker, topic)
    write_and_read(broker, topic)


def test_no_zookeeper_is_said_and_the_broker_does_not_start(new_broker):
    broker = new_broker(zookeeper_connection_timeout_ms=1500)
    broker.options["zookeeper.connect"] = f"127.0.0.1:{processes.free_port()}"
    broker.launch()
    assert broker.wait_for_exit() == 1
    assert broker.options["zookeeper.connect"] in broker.log()
    assert "Connection refused" in broker.log(), "it says why"


def test_an_outage_is_told_when_it_begins_and_ends_and_seldom_in_between(new_broker, tmp_path, topic):
    server = ZooKeeper(tmp_path)
    try:
        broker = new_broker(zookeeper=server, zookeeper_session_timeout_ms=12_000).start()
        begin = len(broker.log())
        server.stop()
        broker.wait_for_log("no connection to ZooKeeper.*for_s=5 .*Connection refused")
        time.sleep(3)
        lines = broker.log()[begin:].splitlines()
        assert len(lines) == 2 and "connection lost" in lines[0], lines
        server.start()
        broker.wait_for_log("(?s)connection lost.*session connected", timeout=30)
        lines = broker.log()[begin:].splitlines()
        assert len(lines) <= 4 and all(re.match(r"\[\d{4}-\d\d-\d\d .*\] \w+ \w", line) for line in lines), lines
        assert broker.stop() == 0
    finally:
        server.stop()


def test_a_stop_without_zookeeper_says_what_stays_there_and_the_next_start_ends_it(new_broker, tmp_path):
    server = ZooKeeper(tmp_path)
    try:
        broker = new_broker(zookeeper=server, zookeeper_session_timeout_ms=30_000).start()
        with connected(server) as znodes:
            old_session = owner(znodes, f"{broker.chroot}/brokers/ids/1")
        server.stop()
        broker.wait_for_log("connection lost")
        status, text = broker.http("/readyz")
        rows = {row["name"]: row for row in json.loads(text)["conditions"]}
        assert status == 503
        for name in ("zookeeper", "registration", "controller"):
            assert not rows[name]["ok"] and "no connection to ZooKeeper" in rows[name]["detail"], rows
        assert rows["cluster"]["ok"]
        assert broker.stop() == 0
        [line] = [line for line in broker.log().splitlines() if "the registration there stays until the session" in line]
        assert " warning " in line and f"session=0x{old_session:x} timeout_ms=30000" in line
        server.start()
        began = time.monotonic()
        broker.start()
        assert time.monotonic() - began < 10
        assert f"ended the session of our killed predecessor session=0x{old_session:x}" in broker.log()
    finally:
        server.stop()


def test_a_second_broker_joins_the_cluster(new_broker):
    first = new_broker().start()
    second = new_broker(broker_id=2, chroot=first.chroot).start()

    def brokers_seen_by(broker):
        return sorted(b.node_id for b in wire.ask(broker, wire.METADATA, topics=[]).brokers)
    processes.wait_until(lambda: brokers_seen_by(first) == brokers_seen_by(second) == [1, 2], "both see both")
