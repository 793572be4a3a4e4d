"""Every client produces and consumes with every codec that it has, and reads what every other one wrote."""

import os

import pytest

import clients
import log_files
import wire
from batches import CODECS, Record

CLIENTS = pytest.mark.parametrize("client", clients.ALL, ids=lambda client: client.name)
FIND_COORDINATOR = 10
CODEC_NAMES = pytest.mark.parametrize("codec", CODECS)


@pytest.fixture(autouse=True)
def skip_clients_too_old_to_run(request):
    client = request.node.callspec.params.get("client") if hasattr(request.node, "callspec") else None
    if client and (reason := clients.too_old(client)):
        pytest.skip(reason)


def records():
    """Records with headers, with null and with empty keys and values."""
    records = [
        Record(b"plain"),
        Record(b"with a key", key=b"key"),
        Record("smörgås 漢字".encode(), key="ключ".encode(), headers=[("trace", b"42"), ("näme", "wert ü".encode())]),
        Record(None, key=b"tombstone"),
        Record(b"x" * 5000, headers=[("a", b"1"), ("empty", b"")]),
        Record(b"", key=b""),
        Record(b"", key=b"empty value"),
        Record(b"empty key", key=b""),
    ]
    for number, record in enumerate(records):
        record.timestamp = 1_600_000_000_000 + number * 1000
    return records


def advertises(broker, api_key):
    return api_key in [api.api_key for api in wire.ask(broker, wire.API_VERSIONS).api_keys]


def content(records, with_timestamps):
    """What must be equal; a writer that takes the time of day itself is not asked for its timestamps."""
    return [(r.value, r.key, list(r.headers), r.timestamp if with_timestamps else None) for r in records]


@CLIENTS
@CODEC_NAMES
def test_reads_back_what_it_produced(broker, topic, client, codec):
    if codec not in client.codecs:
        pytest.skip(f"{client.name} has no {codec}")
    wire.create_topic(broker, topic)
    produced = records()
    client.produce(broker, topic, produced, codec)
    consumed = client.consume(broker, topic, len(produced))
    assert content(consumed, client.sets_timestamps) == content(produced, client.sets_timestamps)
    assert [record.offset for record in consumed] == list(range(len(produced)))


@CLIENTS
@CODEC_NAMES
def test_batches_lie_on_disk_as_the_client_compressed_them(broker, topic, client, codec):
    if codec not in client.codecs:
        pytest.skip(f"{client.name} has no {codec}")
    if codec == "lz4" and client.name in ("kcat", "confluent-kafka") and not advertises(broker, FIND_COORDINATOR):
        pytest.skip("librdkafka uses lz4 only with a broker that advertises FindCoordinator")
    wire.create_topic(broker, topic)
    # Something that compresses, else some clients send it as it is.
    produced = [Record(b"again and again " * 500, timestamp=1_600_000_000_000)]
    client.produce(broker, topic, produced, codec)
    [(_, batch)] = log_files.read_batches(broker.partition_dir(topic), 0)
    assert batch.attributes & 7 == CODECS[codec]
    assert batch.crc == batch.computed_crc
    assert content(batch.records(), client.sets_timestamps) == content(produced, client.sets_timestamps)


@CLIENTS
@pytest.mark.parametrize("acks", [0, 1, -1])
def test_every_acks_writes_the_records(broker, topic, client, acks):
    wire.create_topic(broker, topic)
    produced = [Record(b"number %d" % number) for number in range(3)]
    client.produce(broker, topic, produced, acks=acks)
    assert [record.value for record in client.consume(broker, topic, 3)] == [b"number 0", b"number 1", b"number 2"]


@CLIENTS
def test_ten_megabytes_in_one_message(broker, topic, client):
    wire.create_topic(broker, topic, max_message_bytes=11_000_000)
    value = os.urandom(3_750_000).hex().encode() + b"." * 2_500_000
    assert len(value) == 10_000_000
    client.produce(broker, topic, [Record(value)])
    [consumed] = client.consume(broker, topic, 1)
    assert consumed.value == value


@pytest.fixture(scope="module")
def written(broker):
    """(writer, codec, topic) for everything that every client can write."""
    done = []
    for writer in clients.ALL:
        for codec in [] if clients.too_old(writer) else writer.codecs:
            topic = f"written-by-{writer.name}-with-{codec}"
            wire.create_topic(broker, topic)
            writer.produce(broker, topic, records(), codec)
            done.append((writer, codec, topic))
    return done


@CLIENTS
def test_reads_what_every_other_client_wrote(broker, written, client):
    for writer, codec, topic in written:
        if codec in client.codecs and (writer.name, codec) not in client.cannot_read:
            consumed = client.consume(broker, topic, len(records()))
            assert content(consumed, writer.sets_timestamps) == content(records(), writer.sets_timestamps), topic


@CLIENTS
def test_a_topic_is_made_for_a_producer_that_names_it(broker, topic, client):
    client.produce(broker, topic, [Record(b"first")])
    assert [record.value for record in client.consume(broker, topic, 1)] == [b"first"]
