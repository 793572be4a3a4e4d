"""What keeps a broker from starting is said in one line of its log, and before it has done anything."""

import re
import socket

import pytest


def refusal(broker):
    """The last line that a broker prints that does not start."""
    broker.launch()
    assert broker.wait_for_exit() == 1
    line = broker.log().splitlines()[-1]
    found = re.fullmatch(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\] critical (.*)", line)
    assert found, broker.log()
    return found.group(1)


def with_options(broker, **options):
    broker.options.update({key.replace("_", "."): value for key, value in options.items()})
    return broker


@pytest.mark.parametrize("option, value, allowed", [
    ("authorizer.class.name", "kafka.security.authorizer.AclAuthorizer", "unset"),
    ("zookeeper.set.acl", "true", "false"),
    ("zookeeper.ssl.client.enable", "true", "false"),
])
def test_a_protection_that_is_not_there_is_not_ignored(new_broker, option, value, allowed):
    broker = new_broker()
    broker.options[option] = value
    assert refusal(broker).startswith(f"Invalid value {value} for configuration {option}: must be {allowed} so far")


def test_a_log_directory_that_comes_twice_is_refused(new_broker):
    broker = new_broker()
    folder = broker.folder
    (folder / "d1").mkdir()
    (folder / "link").symlink_to(folder / "d1")
    for other in (folder / "d1", f"{folder}/d1/.", folder / "link"):
        broker.options["log.dirs"] = f"{folder}/d1,{other}"
        assert "for configuration log.dirs: " in refusal(broker)
        assert list((folder / "d1").iterdir()) == [], "nothing was made in it"


def test_a_port_in_use_is_found_before_the_logs_are_read(new_broker):
    broker = new_broker()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", broker.port))
        taken.listen()
        assert str(broker.port) in refusal(broker)
        assert "loaded log directory" not in broker.log()
    broker.start()


def test_an_unknown_option_is_told_with_the_one_that_was_meant(new_broker):
    broker = with_options(new_broker(), log_retention_hour=5).start()
    assert "unknown option, ignored option=log.retention.hour did_you_mean=log.retention.hours" in broker.log()


def test_a_broker_without_http_says_nothing_of_it(new_broker):
    broker = new_broker()
    broker.options["gregor.http.listener"] = ""
    broker.start()
    [ready] = [line for line in broker.log().splitlines() if " ready " in line]
    assert "http" not in ready
