"""One line per check, and the count at the end."""

import sys
import time
from contextlib import contextmanager


class Failed(Exception):
    """What was expected and what was found instead."""


class Report:
    def __init__(self):
        self.passed = 0
        self.failures = []

    @contextmanager
    def check(self, name):
        """Runs the body as one check; its failure is counted and does not stop the checks after it."""
        started = time.monotonic()
        try:
            yield
        except Failed as failure:
            self.failures.append(name)
            self._line("FAIL", name, started, f": {failure}")
        except Exception as error:
            self.failures.append(name)
            self._line("FAIL", name, started, f": {type(error).__name__}: {error}")
        else:
            self.passed += 1
            self._line("ok  ", name, started)

    def finish(self):
        """Prints the count and returns the exit code."""
        if not self.passed and not self.failures:
            print("no check has such a name", file=sys.stderr)
            return 2
        print(f"{self.passed} passed, {len(self.failures)} failed")
        return 1 if self.failures else 0

    @staticmethod
    def _line(verdict, name, started, text=""):
        print(f"{verdict} {name} ({time.monotonic() - started:.2f} s){text}", flush=True)


def expect(condition, message):
    if not condition:
        raise Failed(message)


def expect_equal(found, expected, what):
    if found != expected:
        raise Failed(f"{what}: expected {expected!r}, found {found!r}")
