"""Lets the tests find what the benchmarks share with the system tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "system"))
