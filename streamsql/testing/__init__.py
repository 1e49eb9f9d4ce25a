"""The test bench, shipped: drives an engine record by record without a clock, runs `.sql` cases and
conformance cases."""

from streamsql.testing.conformance import run_case
from streamsql.testing.driver import Driver

__all__ = ["Driver", "run_case"]
