"""Many connections, and clients that don't read: what they take is bounded, and others are served."""

import os
import resource
import socket
import time

import pytest

import batches
import clients
import processes
import wire
from batches import Record

IDLE = 5_000


@pytest.fixture(scope="module", autouse=True)
def many_descriptors():
    """For this process and, by inheritance, for the broker."""
    wanted = IDLE + 1_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = max(hard, wanted) if hard != resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def test_five_thousand_idle_connections_are_held_while_a_client_works(broker, topic):
    wire.create_topic(broker, topic)
    before = broker.resident_bytes()
    idle = []
    try:
        for number in range(IDLE):
            idle.append(wire.Connection(broker))
            if number % 25 == 0:  # an answer shows that all before it are accepted, so the backlog never overflows
                assert idle[-1].ask(wire.API_VERSIONS, 0).error_code == 0
        client = clients.ConfluentKafka()
        client.produce(broker, topic, [Record(b"%d" % number) for number in range(1000)])
        assert len(client.consume(broker, topic, 1000)) == 1000
        assert idle[0].ask(wire.API_VERSIONS, 0).error_code == 0
        assert idle[-1].ask(wire.API_VERSIONS, 0).error_code == 0
        assert (broker.resident_bytes() - before) / IDLE < 50_000, "an idle connection is small"
    finally:
        for connection in idle:
            connection.socket.close()


def test_connections_that_are_closed_give_their_descriptors_back(broker):
    def descriptors():
        return len(os.listdir(f"/proc/{broker.pid}/fd"))
    wire.ask(broker, wire.API_VERSIONS)
    before = descriptors()
    for _ in range(200):
        wire.ask(broker, wire.API_VERSIONS)
    processes.wait_until(lambda: descriptors() <= before + 5, "closed connections are forgotten")


class Deaf:
    """A client that asks and asks, and never reads an answer."""

    def __init__(self, broker, frame):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", broker.port))
        self._socket.setblocking(False)
        self._data = len(frame).to_bytes(4, "big") + frame
        self._unsent = b""

    def asks_more(self, seconds):
        """Goes on asking for a while, and returns how many bytes of requests were taken."""
        taken, deadline = 0, time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._unsent = self._unsent or self._data
            try:
                sent = self._socket.send(self._unsent)
                self._unsent, taken = self._unsent[sent:], taken + sent
            except BlockingIOError:
                time.sleep(0.01)
        return taken

    def close(self):
        self._socket.close()


def requests_with_large_answers(topic):
    return {
        "fetch": wire.FETCH.encode(12, 1, topics=[{"topic": topic, "partitions": [{"partition": 0}]}]),
        "fetch-old": wire.FETCH.encode(4, 1, topics=[{"topic": topic, "partitions": [{"partition": 0}]}]),
        "metadata": wire.METADATA.encode(12, 1, topics=None),
    }


@pytest.mark.parametrize("kind", ["fetch", "fetch-old", "metadata"])
def test_clients_that_do_not_read_their_answers_take_bounded_memory(broker, topic, kind):
    wire.create_topic(broker, topic)
    wire.create_topic(broker, f"{topic}-wide", partitions=300)
    with wire.Connection(broker) as connection:
        for _ in range(12):
            assert wire.produce(connection, topic, batches.encode([Record(b"x" * 1_000_000)])).error_code == 0
        before = broker.resident_bytes()
        deaf = [Deaf(broker, requests_with_large_answers(topic)[kind]) for _ in range(10)]
        processes.wait_until(lambda: not sum([client.asks_more(0.05) for client in deaf]),
                             "the broker reads no more from who reads nothing")
        assert broker.resident_bytes() - before < 100_000_000
        assert wire.produce(connection, topic, batches.encode([Record(b"still served")])).error_code == 0
        for client in deaf:
            client.close()


def test_half_sent_requests_take_no_more_than_was_sent(broker):
    before = broker.resident_bytes()
    senders = [wire.Connection(broker) for _ in range(100)]
    for sender in senders:
        sender.send((100_000_000).to_bytes(4, "big") + b"\0" * 100)
    assert wire.ask(broker, wire.API_VERSIONS).error_code == 0
    assert broker.resident_bytes() - before < 50_000_000, "a length alone takes no memory"
    for sender in senders:
        sender.socket.close()


def test_pipelined_requests_are_answered_in_order(broker, topic):
    wire.create_topic(broker, topic)
    with wire.Connection(broker) as connection:
        batch = batches.encode([Record(b"x")])
        sent = []
        for number in range(50):
            sent.append((wire.PRODUCE, 9, connection.tell(wire.PRODUCE, 9, topic_data=[
                {"name": topic, "partition_data": [{"index": 0, "records": batch}]}])))
            sent.append((wire.METADATA, 12, connection.tell(wire.METADATA, 12, topics=[{"name": topic}])))
        answers = [connection.answer(*question) for question in sent]
        assert [a.responses[0].partition_responses[0].base_offset for a in answers[::2]] == list(range(50))


def test_idle_connections_are_closed_in_time(new_broker):
    broker = new_broker(connections_max_idle_ms=1000).start()
    with wire.Connection(broker) as connection:
        assert connection.ask(wire.API_VERSIONS, 0).error_code == 0
        began = time.monotonic()
        assert connection.is_closed()
        assert 0.5 < time.monotonic() - began < 10
