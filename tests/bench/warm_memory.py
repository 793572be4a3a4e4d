"""Keeps the memory warm that a benchmark is about to fill."""

import threading
from pathlib import Path

CHUNK = bytes(1 << 20)
HEADROOM = 64 << 20


class WarmMemory:
    """While this lasts, what grows under `folder` finds page cache memory that was in use a moment ago.

    A virtual machine may give free memory back to its host within seconds, and the first touch of a page that the host
    must find again costs several times what the write itself does: that would be measured instead of the program.
    So a file of the expected size fills the cache beforehand and shrinks as the folder grows.
    """

    def __init__(self, folder, expected_bytes):
        self._folder = Path(folder)
        self._ballast = self._folder / "ballast"
        self._ballast_bytes = expected_bytes + HEADROOM
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._shrink_as_folder_grows)

    def __enter__(self):
        with open(self._ballast, "wb") as file:
            for _ in range(self._ballast_bytes // len(CHUNK)):
                file.write(CHUNK)
        self._bytes_at_start = self._folder_bytes()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        self._ballast.unlink()

    def _shrink_as_folder_grows(self):
        with open(self._ballast, "r+b") as file:
            while not self._done.wait(0.02):
                grown = self._folder_bytes() - self._bytes_at_start
                file.truncate(max(0, self._ballast_bytes - grown - HEADROOM))

    def _folder_bytes(self):
        return sum(path.stat().st_size for path in self._folder.rglob("*.log"))
