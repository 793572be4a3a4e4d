"""What the command line and the environment may say."""

import argparse
import subprocess
from pathlib import Path

import pytest

import arguments

HERE = Path(__file__).resolve().parent


@pytest.mark.parametrize("text", ["localhost:9092", "10.0.0.1:1", "a.b:65535"])
def test_address_is_a_name_or_ipv4_and_a_port(text):
    assert arguments.address(text) == text


@pytest.mark.parametrize("text", ["localhost", ":9092", "localhost:", "localhost:0", "localhost:99999", "a:b",
                                  "[::1]:9092", "::1:9092"])
def test_address_without_host_or_port_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match=r"not HOST:PORT: a name or an IPv4 address"):
        arguments.address(text)


@pytest.mark.parametrize("text, what", [("1.5", "not a whole number"), ("x", "not a whole number"),
                                        ("", "not a whole number"), ("0", "0 is less than 1"), ("-3", "-3 is less")])
def test_number_is_whole_and_large_enough(text, what):
    assert arguments.at_least(1)("7") == 7
    with pytest.raises(argparse.ArgumentTypeError, match=what):
        arguments.at_least(1)(text)


@pytest.mark.parametrize("given, what", [
    (["localhost"], "HOST:PORT: localhost is not HOST:PORT"),
    (["h:1", "--seconds", "1.5"], "--seconds: 1.5 is not a whole number"),
    (["h:1", "--peer-pid", "99999999"], "--peer-pid: there is no process 99999999"),
    (["h:1", "--crowd-size", "2000"], "every consumer of the crowd needs a partition: "
     "--crowd-partitions 1000 is less than --crowd-size 2000"),
    (["h:1", "--topic-prefix", "a b"], "--topic-prefix: a b: a topic's name"),
    (["h:1", "--json", "/nowhere/x.json"], "--json: /nowhere is not a directory"),
    (["h:1", "--json", "/tmp"], "--json: /tmp is no file")])
def test_compare_ends_with_2_for_arguments_that_cant_be(given, what):
    done = subprocess.run([HERE / "compare", *given], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "") and f"error: {what}" in done.stderr.replace("argument ", "")


@pytest.mark.parametrize("program, given", [("run", []), ("compare", ["h:1"])])
def test_temporary_folder_that_is_none_is_refused(program, given, tmp_path):
    file = tmp_path / "file"
    file.touch()
    for folder in (file, tmp_path / "nothing"):
        done = subprocess.run([HERE / program, *given], capture_output=True, text=True, env={"TMPDIR": str(folder)})
        assert (done.returncode, done.stdout) == (2, "")
        assert f"error: TMPDIR: {folder} is not a directory" in done.stderr


def test_folder_of_the_pages_is_looked_for_before_the_run(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(arguments.record, "FOLDER", tmp_path / "docs")
    options = argparse.Namespace(json=None, record=True)
    with pytest.raises(SystemExit) as exit_of:
        arguments.check_places(argparse.ArgumentParser(), options)
    assert exit_of.value.code == 2 and "--record: " in capsys.readouterr().err
