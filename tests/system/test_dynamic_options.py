"""Every option that may change while brokers run and has an effect: that it takes effect then, and goes again."""

import sys
import threading
from pathlib import Path

import pytest

import batches
import processes
import wire
from batches import Record
from broker import ROOT
from configs import BROKER, DELETE, SET, TOPIC, Heard, described, incremental
from effects import EFFECTS

# What is shown elsewhere: it concerns no topic.
ELSEWHERE = {
    "listeners": "test_dynamic_config.py", "advertised.listeners": "test_dynamic_config.py",
    "listener.security.protocol.map": "test_dynamic_config.py",
    "max.connections": "test_limits.py", "max.connections.per.ip": "test_limits.py",
    "max.connections.per.ip.overrides": "test_limits.py", "max.connection.creation.rate": "test_limits.py",
    "replica.alter.log.dirs.io.max.bytes.per.second": "test_log_dirs.py",
    "background.threads": "here", "num.recovery.threads.per.data.dir": "here",
}


def table():
    sys.path.insert(0, str(ROOT / "tools"))
    import options_codegen
    return options_codegen.read_table(ROOT / "broker/config/options.table")


def of_broker():
    return {option.name: option for option in table()["broker"]}


def of_topic():
    """The broker's option by the name of the topic's."""
    names = list(of_broker())
    return {option.name: option.source for option in table()["topic"]
            if option.has_effect and option.source in EFFECTS and option.source in names}


def test_every_dynamic_option_with_an_effect_is_shown_here_or_elsewhere():
    dynamic = {name for name, option in of_broker().items() if option.has_effect and option.update != "read-only"}
    assert dynamic == set(EFFECTS) | set(ELSEWHERE)
    for name, file in ELSEWHERE.items():
        text = Path(__file__ if file == "here" else Path(__file__).with_name(file)).read_text()
        assert f'"{name}"' in text or name.replace(".", "_") in text, f"{file} has nothing about {name}"


def test_every_option_of_a_topic_with_an_effect_is_shown():
    with_effect = {option.name for option in table()["topic"] if option.has_effect}
    assert with_effect == set(of_topic())


@pytest.fixture(scope="module")
def broker(new_shared_broker):
    return new_shared_broker(log_retention_check_interval_ms=100, log_flush_scheduler_interval_ms=100,
                             log_flush_interval_ms=2**63 - 1, log_flush_offset_checkpoint_interval_ms=100,
                             producer_id_expiration_check_interval_ms=100).start()


@pytest.mark.parametrize("option", EFFECTS)
def test_an_option_of_the_cluster_takes_effect_and_goes_again(broker, topic, option):
    value, own, look, before, during = EFFECTS[option]
    wire.create_topic(broker, topic, **own)
    assert look(broker, topic) == before
    with Heard(broker, "the broker's options changed level=cluster"):
        assert incremental(broker, BROKER, "", (option, SET, value)).error_code == 0
    try:
        shown = described(broker, BROKER, "1").configs[option]
        assert (shown.value, shown.config_source) == (value, 3)
        assert look(broker, topic) == during
    finally:
        with Heard(broker, "the broker's options changed level=cluster"):
            assert incremental(broker, BROKER, "", (option, DELETE, None)).error_code == 0
    assert described(broker, BROKER, "1").configs[option].config_source in (4, 5)
    other = topic + "-after"
    wire.create_topic(broker, other, **own)
    assert look(broker, other) == before


@pytest.mark.parametrize("option", of_topic())
def test_an_option_of_a_topic_takes_effect_and_goes_again(broker, topic, option):
    value, own, look, before, during = EFFECTS[of_topic()[option]]
    if look.__name__ in ("has_index_entries", "rolls_earlier_now_and_then"):
        pytest.skip("it is seen in segments that are begun with it: of topics made with it")
    wire.create_topic(broker, topic, **own)
    assert look(broker, topic) == before
    with Heard(broker):
        assert incremental(broker, TOPIC, topic, (option, SET, value)).error_code == 0
    shown = described(broker, TOPIC, topic).configs[option]
    assert (shown.value, shown.config_source) == (value, 1)
    assert look(broker, topic) == during


def background_threads(broker):
    """But for the two of the ZooKeeper client, which have the name of the thread that made them."""
    names = [path.read_text().strip() for path in Path(f"/proc/{broker.pid}/task").glob("*/comm")]
    return names.count("background") - 2


def test_background_threads(new_broker, topic):
    """How many there are while many partitions want to be synced at once."""
    broker = new_broker().start()
    wire.create_topic(broker, topic, 24, flush_messages=1)
    most = 0

    def write(partition):
        with wire.Connection(broker) as connection:
            for _ in range(30):
                answer = wire.produce(connection, topic, batches.encode([Record(b"v" * 20_000)]), partition)
                assert answer.error_code == 0

    def load():
        nonlocal most
        most = 0
        writers = [threading.Thread(target=write, args=(partition,)) for partition in range(24)]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            most = max(most, background_threads(broker))
        return most
    assert load() > 5
    with Heard(broker, "level=cluster"):
        assert incremental(broker, BROKER, "", ("background.threads", SET, "5")).error_code == 0
    processes.wait_until(lambda: background_threads(broker) <= 5, "those too many end")
    assert load() <= 5


def test_num_recovery_threads_per_data_dir(new_broker, topic):
    """It is read from ZooKeeper before the logs are."""
    broker = new_broker(zookeeper_session_timeout_ms=1500).start()
    assert "threads=1 " in broker.wait_for_log("loaded log directory.*").group()
    with Heard(broker, "level=cluster"):
        assert incremental(broker, BROKER, "", ("num.recovery.threads.per.data.dir", SET, "2")).error_code == 0
    broker.kill()
    broker.start()
    assert "threads=2 " in broker.wait_for_log("loaded log directory.*").group()


def test_without_num_recovery_threads_every_shard_has_one(new_broker):
    broker = new_broker(num_shards=3).start()
    wire.create_topic(broker, "some", 4)
    broker.kill()
    broker.start()
    assert "threads=3 " in broker.wait_for_log("loaded log directory.*").group()
    broker.options["num.recovery.threads.per.data.dir"] = 1
    broker.kill()
    broker.start()
    assert "threads=1 " in broker.wait_for_log("loaded log directory.*").group()
