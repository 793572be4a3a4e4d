"""Disks that fail, fill up or become read-only: only what lies on them suffers, and nothing that was acknowledged."""

import errno
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import batches
import processes
import wire
from batches import Record

STORAGE_ERROR = 56
BUILD = Path(os.environ.get("GREGOR_BUILD", Path(__file__).resolve().parents[2] / "build"))


class Disk:
    """A log directory whose disk can be told to fail."""

    def __init__(self, broker, path):
        self.path = path
        self.control = broker.folder / "disk-error"
        broker.environment |= {"LD_PRELOAD": str(BUILD / "bin/failing_disk.so"), "FAILING_DISK_PATH": str(path),
                               "FAILING_DISK_CONTROL": str(self.control)}

    def fail(self, number):
        replacement = self.control.with_suffix(".new")
        replacement.write_text(str(number))
        replacement.rename(self.control)

    def recover(self):
        self.control.unlink()


@pytest.fixture
def two_disks(new_broker, topic):
    """A broker with two log directories, the second of which may fail, and a topic with partitions on both."""
    broker = new_broker(log_flush_offset_checkpoint_interval_ms=200)
    good, bad = broker.folder / "good", broker.folder / "bad"
    broker.options["log.dirs"] = f"{good},{bad}"
    broker.disk = Disk(broker, bad)
    broker.start()
    wire.create_topic(broker, topic, 4)
    broker.on_good = sorted(int(path.name.rsplit("-", 1)[1]) for path in good.glob(f"{topic}-*"))
    broker.on_bad = sorted(int(path.name.rsplit("-", 1)[1]) for path in bad.glob(f"{topic}-*"))
    assert len(broker.on_good) == len(broker.on_bad) == 2, "new logs go where the fewest are"
    return broker


def produce(broker, topic, partition, value=b"value"):
    with wire.Connection(broker) as connection:
        return wire.produce(connection, topic, batches.encode([Record(b"key", value)]), partition)


def fetch(broker, topic, partition, offset=0):
    with wire.Connection(broker) as connection:
        answer = connection.ask(wire.FETCH, 11, max_wait_ms=0, topics=[
            {"topic": topic, "partitions": [{"partition": partition, "fetch_offset": offset}]}])
        return answer.responses[0].partitions[0]


def describe(broker, path):
    answer = wire.ask(broker, wire.DESCRIBE_LOG_DIRS, 4, topics=None)
    return next(row for row in answer.results if row.log_dir == str(path))


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.EBADMSG], ids=["EIO", "EROFS", "EBADMSG"])
def test_a_disk_that_fails_takes_its_directory_offline_and_nothing_else(two_disks, topic, zookeeper, number):
    broker = two_disks
    for partition in range(4):
        assert produce(broker, topic, partition).error_code == 0
    broker.disk.fail(number)
    first, second = broker.on_bad
    assert produce(broker, topic, first).error_code == STORAGE_ERROR
    processes.wait_until(lambda: produce(broker, topic, second).error_code == STORAGE_ERROR, "the other follows")
    assert fetch(broker, topic, second).error_code == STORAGE_ERROR
    for partition in broker.on_good:
        answer = produce(broker, topic, partition)
        assert (answer.error_code, answer.base_offset) == (0, 1)
        assert len(batches.decode(fetch(broker, topic, partition).records)) == 2

    lines = re.findall(r".* went offline.*", broker.log())
    assert len(lines) == 1 and str(broker.disk.path) in lines[0] and os.strerror(number) in lines[0]
    status, text = broker.http("/readyz")
    details = {row["name"]: (row["ok"], row["detail"]) for row in json.loads(text)["conditions"]}
    assert status == 200, "the other directory is served"
    ok, detail = details[f"logs of {broker.disk.path}"]
    assert ok and "offline" in detail and os.strerror(number) in detail
    assert details[f"logs of {broker.folder / 'good'}"] == (True, "online")
    assert describe(broker, broker.disk.path).error_code == STORAGE_ERROR
    assert describe(broker, broker.folder / "good").error_code == 0
    client = zookeeper.client(broker.chroot)
    try:
        events = processes.wait_until(lambda: client.get_children("/log_dir_event_notification"), "the event is there")
        data, _ = client.get(f"/log_dir_event_notification/{events[0]}")
        assert json.loads(data) == {"version": 1, "broker": broker.broker_id, "event": 1}
        assert re.fullmatch(r"log_dir_event_\d{10}", events[0])
    finally:
        client.stop()
        client.close()

    broker.disk.recover()
    assert produce(broker, topic, first).error_code == STORAGE_ERROR, "a disk that failed is not trusted again"
    assert broker.stop() == 0
    assert broker.log().endswith(f" warning stopped, the next start will recover log directories "
                                 f"paths={broker.disk.path}\n")
    broker.start()
    for partition in range(4):
        kept = 2 if partition in broker.on_good else 1
        assert len(batches.decode(fetch(broker, topic, partition).records)) == kept, "what was acknowledged is there"
        assert produce(broker, topic, partition).error_code == 0


def test_a_disk_that_fails_while_a_consumer_reads_takes_its_directory_offline(two_disks, topic):
    broker = two_disks
    partition = broker.on_bad[0]
    assert produce(broker, topic, partition).error_code == 0
    broker.disk.fail(errno.EIO)
    try:
        assert fetch(broker, topic, partition).error_code == STORAGE_ERROR
    except (ConnectionError, AssertionError, OSError):
        pass  # the answer had begun, and could not be ended
    broker.wait_for_log(f"went offline.*{re.escape(str(broker.disk.path))}")
    assert fetch(broker, topic, partition).error_code == STORAGE_ERROR


@pytest.mark.parametrize("put_back", [False, True], ids=["gone", "replaced"])
def test_a_directory_that_vanishes_goes_offline_though_nothing_is_written_to_it(two_disks, topic, put_back):
    broker = two_disks
    for partition in range(4):
        assert produce(broker, topic, partition).error_code == 0
    away = broker.disk.path.with_name("away")
    broker.disk.path.rename(away)
    if put_back:
        broker.disk.path.mkdir()
    broker.wait_for_log(f"went offline.*path={re.escape(str(broker.disk.path))} .*No such file")
    details = {row["name"]: row["detail"] for row in json.loads(broker.http("/readyz")[1])["conditions"]}
    assert "offline" in details[f"logs of {broker.disk.path}"]
    for partition in range(4):
        assert produce(broker, topic, partition).error_code == (0 if partition in broker.on_good else STORAGE_ERROR)
    assert broker.stop() == 0
    if put_back:
        shutil.rmtree(broker.disk.path)
    away.rename(broker.disk.path)
    broker.start()
    for partition in range(4):
        kept = 2 if partition in broker.on_good else 1
        assert len(batches.decode(fetch(broker, topic, partition).records)) == kept


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOMEM], ids=["EMFILE", "ENOMEM"])
def test_want_of_descriptors_or_memory_passes(two_disks, topic, number):
    broker = two_disks
    partition = broker.on_bad[0]
    assert produce(broker, topic, partition).error_code == 0
    broker.disk.fail(number)
    assert produce(broker, topic, partition).error_code == STORAGE_ERROR
    broker.disk.recover()
    answer = produce(broker, topic, partition)
    assert (answer.error_code, answer.base_offset) == (0, 1)
    assert len(batches.decode(fetch(broker, topic, partition).records)) == 2
    assert describe(broker, broker.disk.path).error_code == 0
    assert "offline" not in broker.log()


def test_a_failed_sync_is_not_tried_again(two_disks, topic, new_broker):
    broker = two_disks
    name = f"{topic}-synced"
    wire.create_topic(broker, name, 4, flush_messages=1)
    partition = next(p for p in range(4) if (broker.disk.path / f"{name}-{p}").exists())
    assert produce(broker, name, partition).error_code == 0
    broker.disk.fail(errno.EIO)
    assert produce(broker, name, partition).error_code == STORAGE_ERROR
    broker.disk.recover()
    assert produce(broker, name, partition).error_code == STORAGE_ERROR


def test_a_restart_with_a_dead_disk_serves_the_rest_and_makes_no_new_logs_for_the_lost_ones(two_disks, topic):
    broker = two_disks
    for partition in range(4):
        assert produce(broker, topic, partition).error_code == 0
    broker.stop()
    broker.disk.fail(errno.EIO)
    broker.start()
    for partition in broker.on_good:
        assert produce(broker, topic, partition).base_offset == 1
    for partition in broker.on_bad:
        assert produce(broker, topic, partition).error_code == STORAGE_ERROR
        assert not (broker.folder / "good" / f"{topic}-{partition}").exists()
    wire.create_topic(broker, f"{topic}-new", 2)
    for partition in range(2):
        assert produce(broker, f"{topic}-new", partition).error_code == 0, "new topics live on the disk that is left"
    broker.disk.recover()
    assert broker.stop() == 0
    broker.start()
    for partition in broker.on_bad:
        assert len(batches.decode(fetch(broker, topic, partition).records)) == 1


def test_without_any_directory_left_the_broker_ends(new_broker, topic):
    broker = new_broker()
    disk = Disk(broker, broker.log_dir)
    broker.start()
    wire.create_topic(broker, topic)
    assert produce(broker, topic, 0).error_code == 0
    disk.fail(errno.EIO)
    assert produce(broker, topic, 0).error_code == STORAGE_ERROR
    assert broker.wait_for_exit() == 1
    assert "all log directories are offline" in broker.log()
    disk.recover()
    broker.start()
    assert len(batches.decode(fetch(broker, topic, 0).records)) == 1


def test_a_partition_in_two_directories_refuses_the_start_naming_both(two_disks, topic):
    broker = two_disks
    broker.stop()
    twin = broker.disk.path / f"{topic}-{broker.on_good[0]}"
    twin.mkdir()
    broker.launch()
    assert broker.wait_for_exit() == 1
    assert str(twin) in broker.log() and str(broker.folder / "good" / twin.name) in broker.log()
    twin.rmdir()
    broker.start()


@pytest.fixture
def small_disk(new_broker, topic):
    """A broker with a log directory of its own on a file system of 24 MiB, and a topic there."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    broker = new_broker(log_retention_check_interval_ms=300)
    mounted = broker.folder / "small"
    mounted.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", mounted], check=True)
    try:
        broker.small = mounted
        broker.options["log.dirs"] = str(mounted)
        broker.start()
        wire.create_topic(broker, topic, 2, segment_bytes=2 << 20, file_delete_delay_ms=0, retention_ms=-1)
        yield broker
        assert broker.stop() == 0
    finally:
        subprocess.run(["umount", "-l", mounted], check=True)


def fill(broker, topic):
    """Produces until there is no room; returns how many records were acknowledged."""
    value = os.urandom(500_000)
    with wire.Connection(broker) as connection:
        for count in range(100):
            answer = wire.produce(connection, topic, batches.encode([Record(b"key", value)]), 0)
            if answer.error_code != 0:
                assert answer.error_code == STORAGE_ERROR
                return count
    raise AssertionError("the disk never was full")


def read_all(broker, topic):
    """How many records there are from the beginning on."""
    read = 0
    while found := batches.decode(fetch(broker, topic, 0, read).records):
        read += len(found)
    return read


def test_a_full_disk_takes_no_records_and_serves_everything_else(small_disk, topic, zookeeper):
    broker = small_disk
    count = fill(broker, topic)
    assert count > 30
    broker.wait_for_log("log directory is full")
    assert f'gregor_log_directory_full{{logDirectory="{broker.small}"}} 1' in broker.http("/metrics")[1]
    status, text = broker.http("/readyz")
    [row] = [row for row in json.loads(text)["conditions"] if row["name"] == f"logs of {broker.small}"]
    assert status == 200 and row["ok"] and "is full" in row["detail"] and "take no records" in row["detail"]
    time.sleep(3)
    assert "has room again" not in broker.log(), "it stays full until something is deleted"
    assert produce(broker, topic, 1).error_code == STORAGE_ERROR
    assert read_all(broker, topic) == count
    assert fetch(broker, topic, 0, count - 1).high_watermark == count
    assert describe(broker, broker.small).error_code == 0

    answer = wire.ask(broker, wire.DELETE_RECORDS, 2, topics=[
        {"name": topic, "partitions": [{"partition_index": 0, "offset": count - 1}]}])
    assert answer.topics[0].partitions[0].low_watermark == count - 1
    broker.wait_for_log("has room again")
    again = wire.ask(broker, wire.DELETE_RECORDS, 2, topics=[
        {"name": topic, "partitions": [{"partition_index": 0, "offset": count - 1}]}])
    assert again.topics[0].partitions[0].low_watermark == count - 1
    assert broker.log().count("deleted records") == 1, "the second time nothing changed"
    answer = produce(broker, topic, 0)
    assert (answer.error_code, answer.base_offset) == (0, count)
    assert "offline" not in broker.log()


def test_retention_and_topic_deletion_make_room_on_a_full_disk(small_disk, topic):
    broker = small_disk
    old = f"{topic}-old"
    wire.create_topic(broker, old, 1, segment_bytes=2 << 20, retention_bytes=3 << 20, retention_ms=-1,
                      file_delete_delay_ms=0)
    fill(broker, topic)
    wire.ask(broker, wire.DELETE_TOPICS, topics=[{"name": topic}])
    broker.wait_for_log("has room again")
    for _ in range(60):
        value = os.urandom(500_000)
        answer = produce(broker, old, 0, value)
        processes.wait_until(lambda: answer.error_code == 0 or produce(broker, old, 0, value).error_code == 0,
                             "retention makes room")

    def size():
        return next(row.partitions[0].partition_size for row in describe(broker, broker.small).topics if row.name == old)

    processes.wait_until(lambda: size() < 5 << 20, "less than a segment more than retention.bytes is left")


def test_a_stop_without_any_room_says_what_the_next_start_will_recover(small_disk, topic):
    broker = small_disk
    assert produce(broker, topic, 0).error_code == 0
    filler = broker.small / "filler"
    with open(filler, "wb") as file, pytest.raises(OSError):
        while True:
            file.write(bytes(1 << 16))
            file.flush()
    assert broker.stop() == 1
    last = broker.log().splitlines()[-1]
    assert last.endswith(f" warning stopped, the next start will recover log directories paths={broker.small}")
    assert "critical" not in broker.log()
    filler.unlink()
    broker.start()
    assert read_all(broker, topic) == 1


def test_nothing_acknowledged_is_lost_on_a_full_disk_by_kill_9(small_disk, topic):
    broker = small_disk
    broker.options["zookeeper.session.timeout.ms"] = 1500
    count = fill(broker, topic)
    broker.kill()
    broker.start()
    assert fetch(broker, topic, 0).high_watermark == count
    assert read_all(broker, topic) == count
