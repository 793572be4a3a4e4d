"""Programs, ports and waiting: what every system test stands on."""

import random
import socket
import subprocess
import time

# Below the range from which the kernel takes ports for outgoing connections, so that no client sits on one of ours.
PORTS = range(11000, 32000)
_reservations = []


def free_port():
    """A port on which nobody listens, and that no test running beside this one is given."""
    while True:
        port = random.choice(PORTS)
        if _reserve(port) and _can_listen(port):
            return port


def _reserve(port):
    """Takes a name in the kernel's abstract socket namespace; it is free again when this process ends."""
    reservation = socket.socket(socket.AF_UNIX)
    try:
        reservation.bind(f"\0gregor-test-port-{port}")
    except OSError:
        reservation.close()
        return False
    _reservations.append(reservation)
    return True


def _can_listen(port):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def start(arguments, log_file, **options):
    """Starts a program whose output goes to `log_file`; the kernel ends it should this process die."""
    with open(log_file, "ab") as output:
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, arguments)],
                                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **options)


def wait_until(condition, what, timeout=20, interval=0.02):
    """Waits until `condition()` is true, and returns what it gave; fails with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {timeout} s in vain until {what}"
        time.sleep(interval)
    return answer
