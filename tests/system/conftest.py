"""The fixtures: a ZooKeeper for the session, brokers for a test or for a file of tests."""

import itertools
import uuid

import pytest

from broker import PROGRAM, Broker
from zookeeper import ZooKeeper

_running = []  # brokers of the present test and file, newest last


def pytest_sessionstart():
    if not PROGRAM.exists():
        pytest.exit(f"{PROGRAM} does not exist; build it first, or say where it is with GREGOR_BROKER", returncode=1)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for broker in _running:
            if broker.log_file.exists():
                report.sections.append((f"end of the log of broker {broker.broker_id}", broker.log()[-3000:]))


@pytest.fixture(scope="session")
def zookeeper(tmp_path_factory):
    server = ZooKeeper(tmp_path_factory.mktemp("zookeeper"))
    yield server
    server.stop()


class _Brokers:
    """Makes brokers, each with its folder and its own root in ZooKeeper, and ends them: those still running must stop
    cleanly when asked."""

    def __init__(self, zookeeper, tmp_path_factory):
        self._zookeeper = zookeeper
        self._tmp_path_factory = tmp_path_factory
        self._made = []

    def __call__(self, broker_id=1, chroot=None, zookeeper=None, **options):
        """A broker that is not started yet. Brokers with one chroot are one cluster."""
        chroot = f"/{uuid.uuid4().hex[:8]}" if chroot is None else chroot
        address = (zookeeper or self._zookeeper).address
        broker = Broker(self._tmp_path_factory.mktemp("broker"), address + chroot, broker_id, **options)
        broker.chroot = chroot
        self._made.append(broker)
        _running.append(broker)
        return broker

    def end(self):
        codes = [broker.stop() for broker in self._made if broker.is_running()]
        for broker in self._made:
            _running.remove(broker)
        assert codes == [0] * len(codes), "a broker that is asked to stop ends with 0"


@pytest.fixture
def new_broker(zookeeper, tmp_path_factory):
    brokers = _Brokers(zookeeper, tmp_path_factory)
    yield brokers
    brokers.end()


@pytest.fixture(scope="module")
def new_shared_broker(zookeeper, tmp_path_factory):
    """Like new_broker, for a broker that all tests of a file look at."""
    brokers = _Brokers(zookeeper, tmp_path_factory)
    yield brokers
    brokers.end()


@pytest.fixture(scope="module")
def broker(new_shared_broker):
    """One broker for the whole file. It must be as well at the end as it was at the beginning."""
    return new_shared_broker(message_max_bytes=12_000_000).start()


_topic_numbers = itertools.count(1)


@pytest.fixture
def topic(request):
    """A topic name that no other test uses."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:80].strip("-")
    return f"{name}-{next(_topic_numbers)}"
