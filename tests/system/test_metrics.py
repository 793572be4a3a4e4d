"""/metrics tells what clients did, /healthz that the broker lives, /readyz what it waits for."""

import json
import re
import socket
import threading
import time
from pathlib import Path

import kafka
import pytest

import batches
import clients
import processes
import wire
from batches import Record
from metrics import Scrape

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/metrics.md"


def test_counters_of_a_topic_are_what_a_client_wrote_and_read(broker, topic):
    wire.create_topic(broker, topic)
    client = clients.ConfluentKafka()
    client.produce(broker, topic, [Record(b"%d" % number) for number in range(250)])
    client.consume(broker, topic, 250)
    scrape = Scrape(broker)
    assert scrape.of_topics("messagesin", topic=topic) == 250
    stored = scrape.value("kafka_log_log_size", topic=topic, partition="0")
    assert scrape.of_topics("bytesin", topic=topic) == stored
    assert scrape.of_topics("bytesout", topic=topic) >= stored
    assert scrape.of_topics("messagesin") >= 250


def test_one_request_counts_as_one(broker, topic):
    wire.create_topic(broker, topic)
    batch = batches.encode([Record(b"x" * 100), Record(b"y")])
    with wire.Connection(broker) as connection:
        before = Scrape(broker)
        for _ in range(3):
            wire.produce(connection, topic, batch, version=9)
        fetched = {"topics": [{"topic": topic, "partitions": [{"partition": 0}]}]}
        connection.ask(wire.FETCH, 12, **fetched)
        after = Scrape(broker)

    def change(name, **labels):
        return after.of_requests(name, **labels) - (before.of_requests(name, **labels) or 0)
    assert after.of_topics("totalproducerequests", topic=topic) == 3
    assert after.of_topics("messagesin", topic=topic) == 6
    assert after.of_topics("bytesin", topic=topic) == 3 * len(batch)
    assert after.of_topics("totalfetchrequests", topic=topic) == 1
    assert after.of_topics("bytesout", topic=topic) == 3 * len(batch)
    assert change("requests_total", request="Produce", version="9") == 3
    assert change("errors_total", request="Produce", error="NONE") == 3
    for request in ("Fetch", "FetchConsumer"):
        assert change("requests_total", request=request, version="12") == 1
        assert change("totaltimems_count", request=request) == 1
    assert change("errors_total", request="Fetch", error="NONE") == 2, "one of the answer, one of its partition"
    assert after.of_requests("requests_total", request="FetchFollower", version="12") is None


def test_errors_are_counted_by_their_names(broker, topic):
    wire.create_topic(broker, topic, max_message_bytes=1000)
    before = Scrape(broker)
    with wire.Connection(broker) as connection:
        batch = batches.encode([Record(b"x" * 2000)])
        assert wire.produce(connection, topic, batch).error_code == 10
        assert wire.produce(connection, topic, batches.encode([Record(b"x")], crc=7)).error_code == 2
        assert wire.produce(connection, topic, batches.encode([Record(b"x")], record_count=3)).error_code == 87
        assert wire.produce(connection, "no-such-topic", batch).error_code == 3
    after = Scrape(broker)

    def change(name, **labels):
        return after.of_topics(name, **labels) - (before.of_topics(name, **labels) or 0)
    assert after.of_topics("bytesrejected", topic=topic) == len(batch)
    assert after.of_topics("totalproducerequests", topic=topic) == 3
    assert after.of_topics("failedproducerequests", topic=topic) == 1, "the lie about records; others are ordinary"
    assert (change("invalidmessagecrcrecords"), change("invalidoffsetorsequencerecords")) == (1, 1)
    assert after.of_topics("messagesin", topic="no-such-topic") is None, "clients can't fill the memory with names"
    for error in ("MESSAGE_TOO_LARGE", "CORRUPT_MESSAGE", "INVALID_RECORD", "UNKNOWN_TOPIC_OR_PARTITION"):
        assert after.of_requests("errors_total", request="Produce", error=error) >= 1


def test_records_without_key_are_counted_where_a_topic_is_compacted(broker, topic):
    wire.create_topic(broker, topic, cleanup_policy="compact")
    before = Scrape(broker)
    with wire.Connection(broker) as connection:
        batch = batches.encode([Record(b"a", b"key"), Record(b"b"), Record(b"c")])
        assert wire.produce(connection, topic, batch).error_code == 87
    after = Scrape(broker)
    name = "nokeycompactedtopicrecords"
    assert after.of_topics(name) - before.of_topics(name) == 2


def test_conversions_for_old_clients_are_counted(broker, topic):
    wire.create_topic(broker, topic)
    producer = kafka.KafkaProducer(bootstrap_servers=broker.address, api_version=(0, 10), linger_ms=50)
    for number in range(20):
        producer.send(topic, b"%d" % number)
    producer.close()
    with wire.Connection(broker) as connection:
        wanted = {"topics": [{"topic": topic, "partitions": [{"partition": 0}]}]}
        connection.ask(wire.FETCH, 3, **wanted)
    scrape = Scrape(broker)
    assert scrape.of_topics("messagesin", topic=topic) == 20
    assert scrape.of_topics("producemessageconversions", topic=topic) == 20
    assert scrape.of_topics("fetchmessageconversions", topic=topic) == 20
    for request in ("Produce", "Fetch"):
        assert scrape.of_requests("messageconversionstimems_sum", request=request) > 0
        assert scrape.of_requests("temporarymemorybytes_sum", request=request) > 20


def test_time_of_a_waiting_fetch_is_remote(new_broker):
    broker = new_broker().start()
    wire.create_topic(broker, "quiet")
    with wire.Connection(broker) as connection:
        wanted = {"topics": [{"topic": "quiet", "partitions": [{"partition": 0}]}]}
        connection.ask(wire.FETCH, 12, max_wait_ms=400, **wanted)
    scrape = Scrape(broker)

    def seconds(name):
        return scrape.of_requests(f"{name}_sum", request="FetchConsumer") / 1000
    assert 0.39 <= seconds("remotetimems") < 5  # the first reading is no waiting
    assert seconds("localtimems") < 0.3
    parts = ("requestqueuetimems", "localtimems", "remotetimems", "responsequeuetimems", "responsesendtimems")
    assert sum(map(seconds, parts)) == pytest.approx(seconds("totaltimems"), abs=0.001)
    median = scrape.of_requests("remotetimems", request="FetchConsumer", quantile="0.50")
    assert 380 <= median < 5000


def test_waiting_fetches_stand_in_purgatory_while_they_wait(broker, topic):
    wire.create_topic(broker, topic)

    def waiting():
        return Scrape(broker).value("kafka_server_delayedoperationpurgatory_purgatorysize", delayedOperation="Fetch")
    with wire.Connection(broker) as connection:
        wanted = {"topics": [{"topic": topic, "partitions": [{"partition": 0}]}]}
        connection.tell(wire.FETCH, 12, max_wait_ms=20_000, **wanted)
        processes.wait_until(lambda: waiting() == 1, "the fetch waits")
    processes.wait_until(lambda: waiting() == 0, "who has gone waits no more")


def test_partitions_and_controller_are_told(new_broker):
    broker = new_broker().start()
    wire.create_topic(broker, "orders", partitions=3)
    wire.create_topic(broker, "users")
    with wire.Connection(broker) as connection:
        wire.produce(connection, "orders", batches.encode([Record(b"1"), Record(b"2")]), partition=2)
    scrape = Scrape(broker)
    expected = {
        "kafka_server_replicamanager_partitioncount": 4, "kafka_server_replicamanager_leadercount": 4,
        "kafka_server_replicamanager_offlinereplicacount": 0,
        "kafka_server_replicamanager_underreplicatedpartitions": 0,
        "kafka_server_replicamanager_underminisrpartitioncount": 0,
        "kafka_server_replicamanager_atminisrpartitioncount": 4,
        "kafka_controller_kafkacontroller_activecontrollercount": 1,
        "kafka_controller_kafkacontroller_activebrokercount": 1,
        "kafka_controller_kafkacontroller_globaltopiccount": 2,
        "kafka_controller_kafkacontroller_globalpartitioncount": 4,
        "kafka_controller_kafkacontroller_offlinepartitionscount": 0,
        "kafka_controller_kafkacontroller_preferredreplicaimbalancecount": 0,
        "kafka_controller_kafkacontroller_topicstodeletecount": 0,
        "kafka_server_kafkaserver_brokerstate": 3,
    }
    assert {name: scrape.value(name) for name in expected} == expected
    place = {"topic": "orders", "partition": "2"}
    assert scrape.value("kafka_log_log_logendoffset", **place) == 2
    assert scrape.value("kafka_log_log_logstartoffset", **place) == 0
    assert scrape.value("kafka_log_log_numlogsegments", **place) == 1
    on_disk = sum(file.stat().st_size for file in broker.partition_dir("orders", 2).glob("*.log"))
    assert scrape.value("kafka_log_log_size", **place) == on_disk
    assert scrape.value("kafka_cluster_partition_insyncreplicascount", **place) == 1
    assert len(scrape.labels("kafka_log_log_size")) == 4


def test_work_of_the_controller_is_told(new_broker):
    broker = new_broker(1).start()
    other = new_broker(2, broker.chroot).start()
    # What the arrival of the second brought about is over once it has been told.
    wire.create_topic(broker, "users", partitions=2)
    before = Scrape(broker)
    wire.create_topic(broker, "orders", partitions=2)
    after = Scrape(broker)

    def value(scrape, name, **labels):
        return scrape.value(f"kafka_controller_controller{name}", **labels)

    def change(name, **labels):
        return value(after, name, **labels) - value(before, name, **labels)
    assert change("stats_topicchangerateandtimems_count") >= 1
    assert change("stats_topicchangerateandtimems_sum") > 0
    assert change("stats_controllerchangerateandtimems_count") == 0
    assert change("stats_leaderelectionrateandtimems_count") == 0
    assert change("stats_topicdeletionrateandtimems_count") == 0
    assert change("eventmanager_eventqueuetimems_count") >= 1
    sent = "channelmanager_requestrateandqueuetimems_count"
    assert change(sent, broker_id="1") >= 2, "LeaderAndIsr and UpdateMetadata"
    processes.wait_until(lambda: value(Scrape(broker), sent, broker_id="2") >= value(before, sent, broker_id="2") + 2,
                         "the other broker is told as much")
    assert value(after, "stats_controllerchangerateandtimems_count") >= 1
    assert value(after, "stats_leaderelectionrateandtimems_count") >= 1, "the second broker came"
    assert value(after, "stats_uncleanleaderelections_total") == 0
    assert value(Scrape(other), "stats_topicchangerateandtimems_count") == 0, "it is not the controller"
    wire.ask(broker, wire.DELETE_TOPICS, 5, topic_names=["orders"])
    assert value(Scrape(broker), "stats_topicdeletionrateandtimems_count") >= 1
    other.stop()
    processes.wait_until(lambda: value(Scrape(broker), "channelmanager_queuesize", broker_id="2") is None,
                         "the channel of a broker that has gone is closed")
    assert value(Scrape(broker), "channelmanager_totalqueuesize") == 0
    assert (value(Scrape(broker), "stats_leaderelectionrateandtimems_count")
            > value(after, "stats_leaderelectionrateandtimems_count"))


def test_syncs_producers_and_logs_to_recover_are_told(broker, topic):
    wire.create_topic(broker, topic, flush_messages=1)
    before = Scrape(broker)
    with wire.Connection(broker) as connection:
        for producer in (9_000_001, 9_000_002):
            batch = batches.encode([Record(b"x", timestamp=int(time.time() * 1000))], producer_id=producer,
                                   producer_epoch=0, base_sequence=0)
            assert wire.produce(connection, topic, batch).error_code == 0
    after = Scrape(broker)

    def change(name):
        return after.value(name) - before.value(name)
    assert change("kafka_server_replicamanager_produceridcount") == 2
    assert change("kafka_log_logflushstats_logflushrateandtimems_count") == 2
    assert after.value("kafka_log_logmanager_remaininglogstorecover", dir=str(broker.log_dir)) == 0


def test_a_deleted_topic_is_told_no_more(broker, topic):
    wire.create_topic(broker, topic)
    with wire.Connection(broker) as connection:
        wire.produce(connection, topic, batches.encode([Record(b"x")]))
        assert Scrape(broker).of_topics("messagesin", topic=topic) == 1
        connection.ask(wire.DELETE_TOPICS, 5, topic_names=[topic])
    scrape = Scrape(broker)
    assert scrape.of_topics("messagesin", topic=topic) is None
    assert scrape.value("kafka_log_log_size", topic=topic, partition="0") is None


def test_series_of_topics_and_partitions_can_be_left_out(new_broker):
    broker = new_broker(gregor_metrics_topics="false", gregor_metrics_partitions="false").start()
    wire.create_topic(broker, "orders")
    with wire.Connection(broker) as connection:
        wire.produce(connection, "orders", batches.encode([Record(b"x")]))
    scrape = Scrape(broker)
    assert scrape.of_topics("messagesin") == 1
    assert 'topic="' not in scrape.text


def test_process_and_zookeeper_are_told(broker):
    scrape = Scrape(broker)
    assert abs(scrape.value("process_resident_memory_bytes") - broker.resident_bytes()) < 50_000_000
    assert abs(scrape.value("process_start_time_seconds") - time.time()) < 3600
    assert scrape.value("process_open_fds") > 5
    assert scrape.value("process_cpu_seconds_total") > 0
    assert scrape.value("kafka_server_sessionexpirelistener_zookeepersyncconnects_total") == 1
    assert scrape.value("kafka_server_zookeeperclientmetrics_zookeeperrequestlatencyms_count") > 10
    [info] = scrape.labels("kafka_server_app_info")
    assert info["id"] == "1" and info["version"] and info["cluster_id"]


def documented():
    """Name, type and labels of every metric that docs/metrics.md lists."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", DOCUMENT.read_text(), re.MULTILINE)
    assert len(rows) == len({name for name, _, _ in rows}), "no metric is listed twice"
    return {name: (kind, {label.strip(" `") for label in labels.split(",")} - {""}) for name, kind, labels in rows}


def test_the_document_lists_just_what_is_offered(broker, topic):
    wire.create_topic(broker, topic)
    with wire.Connection(broker) as connection:
        wire.produce(connection, topic, batches.encode([Record(b"x")]))
        connection.ask(wire.FETCH, 12, topics=[{"topic": topic, "partitions": [{"partition": 0}]}])
    scrape = Scrape(broker)
    offered = {}
    for family in scrape.families:
        suffix = "_total" if family.type == "counter" and not re.search("_(count|sum)$", family.name) else ""
        labels = set().union(*(sample.labels for sample in family.samples))
        offered[family.name + suffix] = (family.type, labels)
    # A distribution is one row of the document: the quantiles, _count and _sum.
    summaries = {name for name, (_, labels) in offered.items() if "quantile" in labels}
    for name in summaries:
        assert offered.pop(f"{name}_count")[0] == offered.pop(f"{name}_sum")[0] == "counter"
        offered[name] = ("distribution", offered[name][1] - {"quantile"})
    assert documented() == offered


def test_paths_and_methods_that_are_none(broker):
    assert broker.http("/")[0] == 404
    assert broker.http("/metrics/more")[0] == 404
    assert broker.http("/metrics", "POST")[0] == 405
    assert broker.http("/healthz") == (200, "ok\n")


def test_readiness_tells_what_is_missing(new_broker, zookeeper):
    broker = new_broker()
    with socket.socket() as silent:  # takes connections and says nothing, as a ZooKeeper that hangs
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        broker.options["zookeeper.connect"] = "127.0.0.1:%d" % silent.getsockname()[1]
        broker.launch()
        status, text = broker.http("/readyz")
        state = Scrape(broker).value("kafka_server_kafkaserver_brokerstate")
        broker.kill()
    missing = [row["name"] for row in json.loads(text)["conditions"] if not row["ok"]]
    assert (status, json.loads(text)["ready"], state) == (503, False, 1)
    assert missing == ["zookeeper", "registration", "cluster", "controller", "logs"]


def test_readiness_of_a_running_broker(broker):
    status, text = broker.http("/readyz")
    assert (status, json.loads(text)["ready"]) == (200, True)
    assert re.search(r" ready .* http=http://127.0.0.1:\d+ ", broker.log())


def test_a_port_that_is_taken_is_told_and_does_without(new_broker):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = "127.0.0.1:%d" % other.getsockname()[1]
        broker = new_broker(gregor_http_listener=address).start()
        assert re.search(rf"warning no metrics and health pages.*{re.escape(address)}", broker.log())
    off = new_broker(gregor_http_listener="").start()
    assert "serves metrics" not in off.log() and "http=" not in off.log()


@pytest.mark.parametrize("value, problem", [("here", "host:port"), ("127.0.0.1:", "host:port"), (":x", "host:port"),
                                            ("127.0.0.1:70000", "must be from 0 to 65535")])
def test_an_address_that_is_none_is_refused(new_broker, value, problem):
    broker = new_broker(gregor_http_listener=value).launch()
    assert broker.wait_for_exit() == 1
    assert "gregor.http.listener" in broker.log() and problem in broker.log()


def test_clients_of_http_that_are_slow_cost_only_themselves(broker):
    slow = [socket.create_connection(("127.0.0.1", http_port(broker))) for _ in range(100)]
    for connection in slow:
        connection.send(b"GET /metr")
    began = time.monotonic()
    assert broker.http("/healthz")[0] == 200
    assert wire.ask(broker, wire.API_VERSIONS).error_code == 0
    assert time.monotonic() - began < 5
    for connection in slow:
        connection.close()


def http_port(broker):
    return int(re.search(r"address=http://127.0.0.1:(\d+)", broker.log()).group(1))


def test_scraping_many_partitions_keeps_no_client_waiting(new_broker):
    broker = new_broker().start()
    wire.create_topic(broker, "wide", partitions=3000)
    stop, slowest = threading.Event(), [0]

    def ask_on_and_on():
        with wire.Connection(broker) as connection:
            while not stop.is_set():
                began = time.monotonic()
                connection.ask(wire.API_VERSIONS, 3)
                slowest[0] = max(slowest[0], time.monotonic() - began)
    asking = threading.Thread(target=ask_on_and_on)
    asking.start()
    texts = [broker.http("/metrics", timeout=30)[1] for _ in range(5)]
    stop.set()
    asking.join()
    assert all(text.count("kafka_log_log_size{") == 3000 for text in texts)
    assert slowest[0] < 0.5
