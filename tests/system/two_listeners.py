"""A broker with a listener for brokers and one for clients, and what connections to it are told."""

import socket
import struct

import processes
import wire
from configs import BROKER, SET, Heard, incremental
from metrics import Scrape

NONE, INVALID_REQUEST = 0, 42


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
        return connections_of(self.broker)

    def is_held(self, listener, reason):
        return Scrape(self.broker).value("gregor_network_listener_held", listener=listener, reason=reason) == 1

    def refused(self, reason, listener="OUTSIDE"):
        return Scrape(self.broker).value("gregor_network_refused_connections_total", listener=listener, reason=reason)


def connections_of(broker):
    """How many there are, by listener."""
    scrape, name = Scrape(broker), "kafka_server_socket_server_metrics_connection_count"
    counts = {}
    for labels in scrape.labels(name):
        counts[labels["listener"]] = counts.get(labels["listener"], 0) + int(scrape.value(name, **labels))
    return counts


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
    """Ends it with an RST."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.socket.close()
