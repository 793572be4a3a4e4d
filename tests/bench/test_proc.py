"""What the kernel tells of processes."""

import ipaddress
import os
import socket
import subprocess
import sys

import pytest

import proc

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41001 1 0000000000000000 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41002 1 0000000000000000 100 0 0 10 0
   2: 0100007F:2384 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 41003 1 0000000000000000 20 4 30 10 -1
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:2384 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 51001 1 0000000000000000 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:2385 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 51002 1 0000000000000000 100 0 0 10 0
   2: 00000000000000000000000001000000:2386 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 51003 1 0000000000000000 100 0 0 10 0
"""
BURN = """
import sys, threading, time
def burn():
    while time.process_time() < 0.2: pass
thread = threading.Thread(target=burn)
thread.start()
thread.join()
print(time.process_time(), flush=True)
sys.stdin.read()
"""
little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the tables here are of a little-endian machine")


@little_endian
def test_listeners_are_read_with_address_port_and_inode():
    assert proc.parse_listeners(TCP) == [
        (ipaddress.ip_address("127.0.0.1"), 9092, 41001), (ipaddress.ip_address("0.0.0.0"), 80, 41002)]
    assert proc.parse_listeners(TCP6) == [
        (ipaddress.ip_address("::"), 9092, 51001), (ipaddress.ip_address("127.0.0.1"), 9093, 51002),
        (ipaddress.ip_address("::1"), 9094, 51003)]


@little_endian
def test_listener_on_every_address_takes_connections_to_one():
    listeners = proc.parse_listeners(TCP) + proc.parse_listeners(TCP6)
    assert proc.inodes_listening(listeners, "127.0.0.1", 9092) == {41001, 51001}
    assert proc.inodes_listening(listeners, "192.0.2.1", 9092) == {51001}
    assert proc.inodes_listening(listeners, "127.0.0.1", 9093) == {51002}
    assert proc.inodes_listening(listeners, "127.0.0.1", 9094) == set()


def test_processor_time_is_that_of_a_process_and_its_ended_threads():
    child = subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        own = float(child.stdout.readline())
        assert own >= 0.2 and proc.cpu_seconds(child.pid) == pytest.approx(own, abs=0.05)
        child.stdin.close()


def test_processor_time_of_no_process_is_an_error():
    child = subprocess.Popen(["true"])
    child.wait()
    with pytest.raises(OSError, match=f"process {child.pid}"):
        proc.cpu_seconds(child.pid)


def test_resident_memory_is_read():
    assert proc.parse_resident_bytes("Name:\tx\nVmHWM:\t   30000 kB\nVmRSS:\t   20480 kB\n") == 20480 * 1024


def test_page_cache_is_read_without_swap_cache():
    assert proc.parse_page_cache_bytes("MemFree: 1 kB\nCached:    2048 kB\nSwapCached:  7 kB\n") == 2048 * 1024


def test_listening_process_is_found():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert proc.listening_process("127.0.0.1", listener.getsockname()[1]) == os.getpid()


def test_port_without_a_listener_has_no_process():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(proc.NotFound, match=f"listens on port {port}"):
        proc.listening_process("127.0.0.1", port)


def test_process_on_another_machine_is_not_looked_for():
    with pytest.raises(proc.NotFound, match="192.0.2.1 is not an address of this machine"):
        proc.listening_process("192.0.2.1", 9092)


def test_of_several_processes_none_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        heir = subprocess.Popen(["sleep", "60"], pass_fds=[listener.fileno()])
        try:
            with pytest.raises(proc.NotFound, match=f"several processes .*{heir.pid}"):
                proc.listening_process("127.0.0.1", listener.getsockname()[1])
        finally:
            heir.kill()
            heir.wait()


def test_process_that_only_passes_on_is_not_taken(monkeypatch):
    monkeypatch.setattr(proc, "name_of", lambda _: "docker-proxy")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(proc.NotFound, match="docker-proxy .* only passes on"):
            proc.listening_process("127.0.0.1", listener.getsockname()[1])
