"""Keeps the memory warm that a benchmark is about to fill."""

import tempfile
import threading

import proc

CHUNK = bytes(1 << 20)
HEADROOM = 64 << 20


class WarmMemory:
    """While this lasts, what is written on this machine finds page cache memory that was in use a moment ago.

    A virtual machine may give free memory back to its host within seconds, and the first touch of a page that the host
    must find again costs several times what the write itself does: that would be measured instead of the program.
    So a file of the expected size fills the cache beforehand and shrinks as the cache grows. The kernel's sum is looked
    at and no broker's folder, so that it is the same for brokers whose folders are not ours.
    """

    def __init__(self, expected_bytes):
        self._ballast_bytes = expected_bytes + HEADROOM
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._shrink_as_cache_grows)

    def __enter__(self):
        self._ballast = tempfile.TemporaryFile(prefix="gregor-bench-ballast-", buffering=0)
        for _ in range(self._ballast_bytes // len(CHUNK)):
            self._ballast.write(CHUNK)
        self._ballast_bytes = self._ballast.tell()
        self._cached_besides = proc.page_cache_bytes() - self._ballast_bytes
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        self._ballast.close()

    def _shrink_as_cache_grows(self):
        left = self._ballast_bytes
        while not self._done.wait(0.02):
            grown = proc.page_cache_bytes() - left - self._cached_besides
            left = max(0, min(left, self._ballast_bytes - HEADROOM - grown))
            self._ballast.truncate(left)
