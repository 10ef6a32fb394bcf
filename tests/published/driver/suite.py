"""Which scenarios there are, and the order in which they run."""

import time

from . import accounts, interop, quirks, secure, smoke
from .authority import Authorities
from .report import Failed
from .scene import Agents, Scene

LIMIT_S = 180

SCENARIOS = [*smoke.SCENARIOS, *interop.SCENARIOS, *quirks.SCENARIOS, *secure.SCENARIOS, *accounts.SCENARIOS]


def run(program, programs, report, names, fast):
    authorities = Authorities(program)
    agents = Agents(programs, authorities.environment())
    until = time.monotonic() + LIMIT_S
    try:
        for scenario in SCENARIOS:
            selected = not names or any(scenario.name.startswith(name) for name in names)
            if selected and not (fast and scenario.slow):
                if scenario.secure:
                    scenario.arguments += authorities.arguments(scenario.secure)
                _perform(scenario, Scene(program, agents, report, scenario.name), until)
    finally:
        agents.stop()
        authorities.close()


def _perform(scenario, scene, until):
    if time.monotonic() > until:
        with scene.check("is run"):
            raise Failed(f"the suite has taken {LIMIT_S} s already")
        return
    try:
        if scenario.relay:
            scene.start_relay()
        else:
            scene.start(*scenario.arguments, scheme="wss" if scenario.secure else "ws")
        scenario.body(scene)
    except Failed as failure:
        with scene.check("is set up"):
            raise failure
    finally:
        scene.end()
