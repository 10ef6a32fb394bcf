"""A scenario: a name, the router's arguments, and the body that performs its checks."""

from dataclasses import dataclass
from typing import Callable


@dataclass
class Scenario:
    name: str
    body: Callable
    slow: bool
    arguments: tuple
    secure: str | None
    relay: bool


def collect(scenarios):
    """A decorator that turns a function into a scenario of the list."""
    def scenario(name, *arguments, slow=False, secure=None, relay=False):
        def add(body):
            scenarios.append(Scenario(name, body, slow, arguments, secure, relay))
            return body
        return add
    return scenario
