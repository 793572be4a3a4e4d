"""A listener that answers Kafka's requests as a test tells it to."""

import socket
import struct
import threading

import wire

APIS = {api.key: api for api in (wire.API_VERSIONS, wire.METADATA, wire.CREATE_TOPICS, wire.DELETE_TOPICS)}
SERVED = {wire.PRODUCE: (3, 11), wire.FETCH: (4, 17), wire.METADATA: (0, 12), wire.CREATE_TOPICS: (0, 7),
          wire.DELETE_TOPICS: (0, 6), wire.API_VERSIONS: (0, 4)}


class Listener:
    """Runs `serve(connection)` for every connection, each in a thread of its own."""

    def __init__(self, serve):
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=[connection], daemon=True).start()

    def _serve_one(self, connection):
        with connection:
            self._serve(connection)


class FakeBroker(Listener):
    """Serves what `served` says, and says of itself what `nodes` and `features` say; `errors` are what topics are
    created and deleted with."""

    def __init__(self, served=SERVED, nodes=None, features=(), create_error=0, delete_error=0, leaders=(1,),
                 serves_metadata=True):
        super().__init__(self._answer_all)
        self._nodes = nodes or [{"node_id": 1, "host": "127.0.0.1", "port": self.port}]
        self._served = [{"api_key": api.key, "min_version": least, "max_version": most}
                        for api, (least, most) in served.items()]
        self._features, self._leaders = features, leaders
        self._create_error, self._delete_error = create_error, delete_error
        self._serves_metadata = serves_metadata
        self.topics = set()
        self.asked = []  # (API key, version)
        self._is_frozen = False

    def freeze(self):
        """From now on it reads requests and answers none."""
        self._is_frozen = True

    def _answer_all(self, connection):
        while head := connection.recv(4):
            frame = connection.recv(struct.unpack(">i", head)[0])
            key, version, correlation_id = struct.unpack(">hhi", frame[:8])
            self.asked.append((key, version))
            if self._is_frozen:
                continue
            answer = self._answer(APIS[key], version, frame)
            if answer is None:
                return
            flexible = version >= APIS[key].flexible
            header = struct.pack(">i", correlation_id) + (b"\0" if flexible and key != wire.API_VERSIONS.key else b"")
            body = APIS[key].response.write(answer, flexible, version)
            connection.sendall(struct.pack(">i", len(header + body)) + header + body)

    def _answer(self, api, version, frame):
        if api is wire.API_VERSIONS:
            return {"api_keys": self._served, "supported_features": self._features}
        if api is wire.METADATA:
            return self._metadata(read_topics(api, version, frame)) if self._serves_metadata else None
        names = read_topics(api, version, frame)
        if api is wire.CREATE_TOPICS:
            if self._create_error == 0:
                self.topics |= set(names)
            return {"topics": [{"name": name, "error_code": self._create_error, "error_message": "no, thanks"}
                               for name in names]}
        if self._delete_error == 0:
            self.topics -= set(names)
        return {"responses": [{"name": name, "error_code": self._delete_error} for name in names]}

    def _metadata(self, names):
        partitions = [{"partition_index": number, "leader_id": leader} for number, leader in enumerate(self._leaders)]
        return {"brokers": self._nodes, "cluster_id": "a-cluster", "topics": [
            {"name": name, "error_code": 0, "partitions": partitions} if name in self.topics else
            {"name": name, "error_code": 3} for name in names]}


def read_topics(api, version, frame):
    """The topics' names in a request."""
    source = wire.Source(frame)
    source.take(8)
    wire.string.read(source, False, 1)
    flexible = version >= api.flexible
    if flexible:
        source.take(1)
    request = api.request.read(source, flexible, version)
    return list(getattr(request, "topic_names", ())) or [topic.name for topic in request.topics or ()]
