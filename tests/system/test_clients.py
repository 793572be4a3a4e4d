"""Every client produces and consumes with every codec that it has, and reads what every other one wrote."""

import os

import pytest

import clients
import log_files
import wire
from batches import CODECS, Record

CLIENTS = pytest.mark.parametrize("client", clients.ALL, ids=lambda client: client.name)
CODEC_NAMES = pytest.mark.parametrize("codec", CODECS)


@pytest.fixture(autouse=True)
def skip_clients_too_old_to_run(request):
    client = request.node.callspec.params.get("client") if hasattr(request.node, "callspec") else None
    if client and (reason := clients.too_old(client)):
        pytest.skip(reason)


def records_for(client):
    """Records with all that this client can say."""
    records = [
        Record(b"plain"),
        Record(b"with a key", key=b"key"),
        Record("smörgås 漢字".encode(), key="ключ".encode(), headers=[("trace", b"42"), ("näme", "wert ü".encode())]),
        Record(None, key=b"tombstone"),
        Record(b"x" * 5000, headers=[("a", b"1")]),
    ]
    if client.knows_empty:
        records += [Record(b"", key=b""), Record(b"", key=b"k", headers=[("empty", b"")]), Record(b"v", key=b"")]
    for number, record in enumerate(records):
        record.timestamp = 1_600_000_000_000 + number * 1000
    return records


def content(records, with_timestamps=True):
    return [(r.value, r.key, list(r.headers), r.timestamp if with_timestamps else None) for r in records]


@CLIENTS
@CODEC_NAMES
def test_reads_back_what_it_produced(broker, topic, client, codec):
    if codec not in client.codecs:
        pytest.skip(f"{client.name} has no {codec}")
    wire.create_topic(broker, topic)
    produced = records_for(client)
    client.produce(broker, topic, produced, codec)
    consumed = client.consume(broker, topic, len(produced))
    assert content(consumed, client.sets_timestamps) == content(produced, client.sets_timestamps)
    assert [record.offset for record in consumed] == list(range(len(produced)))


@CLIENTS
@CODEC_NAMES
def test_batches_lie_on_disk_as_the_client_compressed_them(broker, topic, client, codec):
    if codec not in client.codecs:
        pytest.skip(f"{client.name} has no {codec}")
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


@CLIENTS
def test_reads_what_every_other_client_produced(broker, topic, client):
    for writer in clients.ALL:
        if clients.too_old(writer):
            continue
        for codec in set(writer.codecs) & set(client.codecs):
            name = f"{topic}-{writer.name}-{codec}"
            wire.create_topic(broker, name)
            produced = records_for(writer)
            writer.produce(broker, name, produced, codec)
            consumed = client.consume(broker, name, len(produced))
            assert _as_read_by(client, consumed) == _as_read_by(client, produced), f"{client.name} reads {name}"


def _as_read_by(client, records):
    """Without timestamps, of which the writer may have taken its own. kcat shows an empty key or value as null."""
    def visible(data):
        return (data or None) if not client.knows_empty else data
    return [(visible(r.value), visible(r.key), [(n, visible(v)) for n, v in r.headers]) for r in records]


@CLIENTS
def test_a_topic_is_made_for_a_producer_that_names_it(broker, topic, client):
    client.produce(broker, topic, [Record(b"first")])
    assert [record.value for record in client.consume(broker, topic, 1)] == [b"first"]
