"""A broker of any make that ours is compared with: reached, checked, and its process looked for."""

import bisect
import socket
import struct

import proc
import wire
from negotiated import Negotiated, Refused
from target import Target

ANSWER_TIMEOUT_S = 10
NEEDED = [
    (wire.PRODUCE, "Produce", 3), (wire.FETCH, "Fetch", 4),  # as load_client sends them
    (wire.METADATA, "Metadata", None), (wire.CREATE_TOPICS, "CreateTopics", None),
    (wire.DELETE_TOPICS, "DeleteTopics", None)]
# The last metadata.version of each release of Apache Kafka.
RELEASES = [(7, "3.3"), (8, "3.4"), (11, "3.5"), (14, "3.6"), (19, "3.7"), (20, "3.8"), (21, "3.9"), (25, "4.0"),
            (27, "4.1"), (29, "4.2")]


class PeerError(Exception):
    """Why nothing can be compared with the peer."""


class Peer:
    """The target that the peer is, what it says of itself, and what is to be remarked on the comparison."""

    def __init__(self, address, topic_prefix, pid=None):
        self.host, self.port = resolve(address)
        negotiated = negotiate(self.host, self.port)
        cluster = ask_for_cluster(negotiated)
        check_advertised(cluster.brokers)
        self.identity = identity(negotiated, cluster)
        self.remarks = []
        node_id = own_node(cluster.brokers, self.host, self.port)
        if len(cluster.brokers) > 1:
            self.remarks.append(several_nodes(cluster.brokers, node_id))
        if not proc.is_of_this_machine(self.host):
            self.remarks.append("The peer is on another machine: what it reaches depends on the network and on that "
                                "machine too.")
        pid = self._find_process(pid, len(cluster.brokers))
        self.target = Target("peer", negotiated, node_id, topic_prefix, pid)

    def check_topics(self):
        """Makes a topic and deletes it: whatever keeps the loads from that had better be known now."""
        try:
            with self.target.topic("first"):
                pass
        except (Refused, AssertionError) as refusal:
            raise PeerError(f"the peer refuses what every load needs: {refusal}") from None

    def _find_process(self, pid, node_count):
        """None, and a remark, where its processor time and memory can't be measured."""
        try:
            if pid is None and node_count > 1:
                raise proc.NotFound("one process of several nodes says little")
            pid = pid or proc.listening_process(self.host, self.port)
        except proc.NotFound as reason:
            self.remarks.append(f"The peer's processor time and memory are not measured: {reason}. "
                                "--peer-pid names a process of this machine.")
            return None
        self.remarks.append(f"The peer's process: {pid} ({proc.name_of(pid)}).")
        return pid


def resolve(address):
    """The IPv4 address and the port of HOST:PORT: load_client speaks nothing else."""
    host, _, port = address.rpartition(":")
    try:
        return socket.getaddrinfo(host, int(port), socket.AF_INET, socket.SOCK_STREAM)[0][4]
    except OSError as error:
        raise PeerError(f"{address}: {host} has no IPv4 address ({error.strerror or error})") from None


def negotiate(host, port):
    try:
        first_answer(host, port)
        negotiated = Negotiated(host, port)
        for api, name, version in NEEDED:
            negotiated.require(api, name, version)
        return negotiated
    except Refused as refusal:
        raise PeerError(f"{host}:{port}: {refusal}") from None


def first_answer(host, port):
    """Whether somebody is there, and answers an ApiVersions request as a broker does."""
    address = f"{host}:{port}"
    try:
        connection = socket.create_connection((host, port), timeout=ANSWER_TIMEOUT_S)
    except OSError as error:
        raise PeerError(f"{address} can't be reached: {error.strerror or error}") from None
    with connection:
        request = wire.API_VERSIONS.encode(0, 1)
        try:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.makefile("rb").read(8)
        except TimeoutError:
            raise not_kafka(address, f"it has not answered an ApiVersions request for {ANSWER_TIMEOUT_S} s") from None
        except OSError as error:
            raise not_kafka(address, f"an ApiVersions request ended with: {error.strerror or error}") from None
    if not answer:
        raise not_kafka(address, "it closed the connection on an ApiVersions request")
    if len(answer) < 8 or not 10 <= struct.unpack(">i", answer[:4])[0] <= 1 << 20 or answer[4:] != b"\0\0\0\1":
        raise not_kafka(address, f"it answered an ApiVersions request with {answer!r}...")


def not_kafka(address, why):
    return PeerError(f"{address} does not speak Kafka's protocol, or not without TLS: {why}")


def ask_for_cluster(negotiated):
    """Its nodes; of a listener that wants to know who asks, this is where it ends."""
    try:
        # Of no topics, but those of version 0, which knows no such thing.
        return negotiated.ask(wire.METADATA, topics=())
    except (OSError, AssertionError) as error:
        raise PeerError(f"{negotiated.host}:{negotiated.port} answers ApiVersions, but not Metadata ({error}); "
                        "does the listener want authentication? Only one without can be measured") from None


def check_advertised(brokers):
    """Clients follow the addresses that the nodes say of themselves."""
    for broker in brokers:
        try:
            socket.create_connection((broker.host, broker.port), timeout=ANSWER_TIMEOUT_S).close()
        except OSError as error:
            raise PeerError(f"node {broker.node_id} of the peer says that it is at {broker.host}:{broker.port} "
                            f"(advertised.listeners), and that can't be reached: {error.strerror or error}") from None


def own_node(brokers, host, port):
    """The id of the node at the address, None where that can't be told."""
    if len(brokers) == 1:
        return brokers[0].node_id
    here = [broker.node_id for broker in brokers if broker.port == port and host in addresses(broker.host)]
    return here[0] if len(here) == 1 else None


def addresses(host):
    try:
        return {found[4][0] for found in socket.getaddrinfo(host, None, socket.AF_INET)}
    except OSError:
        return set()


def several_nodes(brokers, node_id):
    here = "not known which one is at this address" if node_id is None else f"{node_id} is at this address"
    return (f"The peer has {len(brokers)} nodes ({here}). Only leaders on one node are compared fairly; the topics "
            "have one replica.")


def identity(negotiated, cluster):
    """What a broker says of itself without being asked for a name, which the protocol does not know."""
    _, produce = negotiated.served[wire.PRODUCE.key]
    _, fetch = negotiated.served[wire.FETCH.key]
    parts = [release(metadata_version(negotiated)),
             f"{len(negotiated.served)} APIs, Produce up to version {produce}, Fetch up to {fetch}",
             f"cluster {cluster.cluster_id}" if getattr(cluster, "cluster_id", None) else None]
    return "; ".join(filter(None, parts))


def metadata_version(negotiated):
    """The newest that it supports, or None: Kafka without ZooKeeper tells it."""
    if negotiated.version(wire.API_VERSIONS) < 3:
        return None
    features = negotiated.ask(wire.API_VERSIONS).supported_features or ()
    return next((feature.max_version for feature in features if feature.name == "metadata.version"), None)


def release(level):
    if level is None:
        return None
    at = bisect.bisect_left(RELEASES, (level, ""))
    name = f" (Apache Kafka {RELEASES[at][1]})" if RELEASES[0][0] <= level and at < len(RELEASES) else ""
    return f"metadata.version up to {level}{name}"
