"""What keeps a broker from starting is said in one line of its log, and before it has done anything."""

import re
import socket
import subprocess

import pytest

from broker import PROGRAM


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


@pytest.mark.parametrize("arguments, unknown", [
    (["--config", "x"], "--config"), (["server.properties", "more.properties"], "more.properties"),
    (["--override", "a=b", "server.properties", "c=d"], "c=d")])
def test_an_unknown_argument_is_refused_by_its_name(arguments, unknown):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert done.stderr.endswith(f" critical unknown argument {unknown}, --help lists what there is\n")
    assert done.stderr.count("\n") == 1 and done.stdout == ""


def test_help_shows_one_value_for_each_override():
    done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0
    assert re.search(r"--override key=value  +One option", done.stdout), done.stdout


def test_overrides_count_more_than_the_file_and_a_later_one_more_than_an_earlier(tmp_path):
    file = tmp_path / "server.properties"
    file.write_text("zookeeper.connect=localhost:1\nnum.io.threads=3\n")
    overrides = ["--override", "num.io.threads=x", "--override=num.io.threads=0"]
    done = subprocess.run([PROGRAM, *overrides, file], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert " critical Invalid value 0 for configuration num.io.threads: " in done.stderr


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
