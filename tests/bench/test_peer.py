"""Whether a peer is reached and understood, and what is said where it is not."""

import socket
import subprocess
import time

import pytest

import peer
import topics as topics_module
import wire
from ending import Ended
from fake_broker import SERVED, FakeBroker, Listener
from negotiated import Negotiated, Refused
from peer import Peer, PeerError
from target import Gone, LeftOut, Target
from topics import LeftBehind, Topics


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_peer_that_nobody_listens_for_is_named():
    with pytest.raises(PeerError, match=r"127\.0\.0\.1:\d+ can't be reached: Connection refused"):
        Peer(f"127.0.0.1:{closed_port()}", "prefix-")


@pytest.mark.parametrize("answer, what", [
    (b"", "closed the connection"),
    (b"HTTP/1.1 400 Bad Request\r\n", "answered an ApiVersions request with b'HTTP/1.1'"),
    (b"\x15\x03\x03\x00\x02\x02\x50", "or not without TLS"),
    (b"\0\0\0\x0a\0\0\0\x07", "answered an ApiVersions request with"),
])
def test_peer_that_speaks_something_else_is_told_from_a_broker(answer, what):
    def serve(connection):
        connection.recv(100)
        connection.sendall(answer)
    with Listener(serve) as listener, pytest.raises(PeerError, match="does not speak Kafka's protocol") as error:
        Peer(listener.address, "prefix-")
    assert what in str(error.value)


def test_peer_that_says_nothing_is_not_waited_for_long(monkeypatch):
    monkeypatch.setattr(peer, "ANSWER_TIMEOUT_S", 0.2)
    with Listener(lambda connection: connection.recv(1000) and connection.recv(1000)) as listener:
        with pytest.raises(PeerError, match="has not answered an ApiVersions request for 0.2 s"):
            Peer(listener.address, "prefix-")


@pytest.mark.parametrize("served, what", [
    (SERVED | {wire.PRODUCE: (0, 2)}, "Produce is needed in version 3, but the broker serves its versions 0 to 2"),
    (SERVED | {wire.FETCH: (5, 20)}, "Fetch is needed in version 4, but the broker serves its versions 5 to 20"),
    (SERVED | {wire.CREATE_TOPICS: (8, 9)}, "CreateTopics is needed in version 0 to 7, but"),
    ({api: span for api, span in SERVED.items() if api is not wire.DELETE_TOPICS},
     "DeleteTopics is needed in version 0 to 6, but the broker does not serve it"),
])
def test_peer_that_lacks_a_version_is_refused(served, what):
    with FakeBroker(served=served) as broker, pytest.raises(PeerError) as error:
        Peer(broker.address, "prefix-")
    assert what in str(error.value)


def test_peer_that_answers_no_metadata_may_want_authentication():
    with FakeBroker(serves_metadata=False) as broker, pytest.raises(PeerError, match="want authentication"):
        Peer(broker.address, "prefix-")


def test_peer_whose_advertised_address_leads_nowhere_is_refused():
    port = closed_port()
    with FakeBroker(nodes=[{"node_id": 7, "host": "127.0.0.1", "port": port}]) as broker:
        with pytest.raises(PeerError, match=rf"node 7 .* 127\.0\.0\.1:{port} .* can't be reached"):
            Peer(broker.address, "prefix-")


def test_peer_that_refuses_topics_says_why():
    with FakeBroker(create_error=29) as broker:
        with pytest.raises(PeerError, match="a topic with 1 partition.* is not created: error 29, no, thanks"):
            Peer(broker.address, "prefix-").check_topics()


def test_old_peer_is_asked_in_its_own_versions():
    old = {wire.PRODUCE: (0, 3), wire.FETCH: (0, 4), wire.METADATA: (0, 4), wire.CREATE_TOPICS: (0, 2),
           wire.DELETE_TOPICS: (0, 1), wire.API_VERSIONS: (0, 1)}
    with FakeBroker(served=old) as broker:
        Peer(broker.address, "prefix-").check_topics()
    assert {(wire.METADATA.key, 4), (wire.CREATE_TOPICS.key, 2), (wire.DELETE_TOPICS.key, 1)} <= set(broker.asked)
    assert broker.topics == set()


def test_identity_names_the_release_that_the_features_tell():
    features = [{"name": "group.version", "min_version": 0, "max_version": 1},
                {"name": "metadata.version", "min_version": 1, "max_version": 21}]
    with FakeBroker(features=features) as broker:
        assert Peer(broker.address, "prefix-").identity == (
            "metadata.version up to 21 (Apache Kafka 3.9); 6 APIs, Produce up to version 11, Fetch up to 17; "
            "cluster a-cluster")


@pytest.mark.parametrize("level, name", [
    (None, None), (6, "metadata.version up to 6"), (7, "metadata.version up to 7 (Apache Kafka 3.3)"),
    (9, "metadata.version up to 9 (Apache Kafka 3.5)"), (25, "metadata.version up to 25 (Apache Kafka 4.0)"),
    (999, "metadata.version up to 999")])
def test_release_is_named_where_it_is_known(level, name):
    assert peer.release(level) == name


def nodes_beside(own_port, other_port):
    return [{"node_id": node_id, "host": "127.0.0.1", "port": port}
            for node_id, port in enumerate((own_port, other_port), start=1)]


def test_of_a_peer_with_several_nodes_no_single_process_is_measured():
    with FakeBroker() as other, FakeBroker() as broker:
        broker._nodes = nodes_beside(broker.port, other.port)
        found = Peer(broker.address, "prefix-")
    assert found.target.node_id == 1 and found.target.pid is None
    assert "The peer has 2 nodes (1 is at this address)." in found.remarks[0]
    assert "not measured: one process of several nodes says little" in found.remarks[1]


def test_process_of_a_peer_on_this_machine_is_found():
    with FakeBroker() as broker:
        found = Peer(broker.address, "prefix-")
    assert found.target.resident_bytes() > 0 and found.target.cpu_seconds() > 0


def test_load_for_one_node_is_left_out_where_others_lead():
    with FakeBroker(leaders=(1, 2, 3)) as broker:
        target = Target("peer", Negotiated("127.0.0.1", broker.port), 1)
        with target.topic("crowd", 3) as topic, pytest.raises(LeftOut, match="led by the nodes 1, 2, 3"):
            target.require_leaders_here(topic)


def test_topics_are_deleted_when_a_load_is_interrupted():
    with FakeBroker() as broker:
        with pytest.raises(KeyboardInterrupt), Topics(Negotiated("127.0.0.1", broker.port), "mine-") as topics:
            with topics.new("one") as name:
                assert name.startswith("mine-") and broker.topics == {name}
                raise KeyboardInterrupt
        assert broker.topics == set()


def test_topics_that_stay_are_named():
    with FakeBroker(delete_error=73) as broker:
        with pytest.raises(LeftBehind, match=r"mine-\w+-one-1: topic .* is not deleted: error 73"):
            with Topics(Negotiated("127.0.0.1", broker.port), "mine-") as topics, pytest.raises(Refused):
                with topics.new("one"):
                    pass


def test_deletion_at_the_end_has_a_limit(monkeypatch, capsys):
    monkeypatch.setattr(topics_module, "AT_THE_END_S", 0.3)
    with FakeBroker() as broker:
        began = time.monotonic()
        with pytest.raises(LeftBehind, match=r"left behind are the topics mine-\w+-one-1, mine-\w+-two-2: ") as error:
            with Topics(Negotiated("127.0.0.1", broker.port), "mine-") as topics:
                topics.existing += ["mine-0-one-1", "mine-0-two-2"]
                broker.freeze()
        assert time.monotonic() - began < 5
    assert "timed out" in str(error.value)
    assert "deleting mine-0-one-1, mine-0-two-2, for 0.3 s at most" in capsys.readouterr().err


def test_second_signal_ends_the_deletion(monkeypatch):
    def interrupted(*_):
        raise Ended("SIGINT")
    with FakeBroker() as broker:
        with pytest.raises(LeftBehind, match="the topics mine-0-one-1: SIGINT has ended their deletion"):
            with Topics(Negotiated("127.0.0.1", broker.port), "mine-") as topics:
                topics.existing.append("mine-0-one-1")
                monkeypatch.setattr(topics, "delete", interrupted)


def test_broker_that_has_gone_is_noticed_by_its_process_or_its_port():
    with subprocess.Popen(["sleep", "60"]) as process, FakeBroker() as broker:
        negotiated = Negotiated("127.0.0.1", broker.port)
        known, unknown = Target("peer", negotiated, 1, pid=process.pid), Target("peer", negotiated, 1)
        known.check()
        unknown.check()
        process.kill()
        with pytest.raises(Gone, match=f"its process {process.pid} has ended"):
            wait_until(known.check)
    unknown.port = closed_port()
    with pytest.raises(Gone, match="nobody listens on"):
        unknown.check()


def wait_until(fails):
    for _ in range(500):
        fails()
        time.sleep(0.01)
