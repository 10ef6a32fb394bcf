"""What a check works with: a router of its own and clients of the three languages."""

import itertools

from .agent import DEADLINE_S, Agent, poll
from .relay import Relay
from .report import Failed, expect
from .router import Router
from .values import plain, tagged

LANGUAGES = ("js", "python", "rust")


class Agents:
    """One agent per language for the whole run, and further ones for checks that end theirs."""

    def __init__(self, programs, environment):
        self.programs = programs
        self.environment = environment
        self.shared = {}

    def of(self, language):
        agent = self.shared.get(language)
        if agent is None or agent.process.poll() is not None:
            agent = self.shared[language] = self.fresh(language)
        return agent

    def fresh(self, language):
        return Agent(language, self.programs[language], self.environment)

    def stop(self):
        for agent in self.shared.values():
            agent.stop()


class Scene:
    def __init__(self, program, agents, report, name):
        self.program = program
        self.agents = agents
        self.report = report
        self.name = name
        self.names = itertools.count(1)
        self.clients = []
        self.own_agents = []
        self.router = None
        self.events_before = {}

    def check(self, text):
        return self.report.check(f"{self.name} {text}")

    def start(self, *arguments, port=None, scheme="ws"):
        self.router = Router(self.program, arguments, port, scheme)
        return self.router

    def start_relay(self):
        self.router = Relay(self.program)
        return self.router

    def client(self, language, alone=False, **options):
        """A connected client; `alone` in a program of its own, that can be killed."""
        client = self.stranger(language, alone)
        reply = client.connect(**options)
        if not reply["connected"]:
            raise Failed(f"{language} could not connect: {reply['reason']}")
        return client

    def stranger(self, language, alone=False):
        """A client that is not connected yet."""
        agent = self.agents.fresh(language) if alone else self.agents.of(language)
        if alone:
            self.own_agents.append(agent)
        self.events_before.setdefault(agent, len(agent.events))
        client = Client(agent, f"{self.name}-{next(self.names)}", self.router.url)
        self.clients.append(client)
        return client

    def end(self):
        """Closes everything; the router and every client must still have been well."""
        fault = self.router.fault() if self.router else "the router did not start"
        faults = [fault] if fault else []
        for client in self.clients:
            if client.agent.process.poll() is None:
                client.agent.post("close", client=client.name)
        for agent in self.own_agents:
            agent.stop()
        for agent, before in self.events_before.items():
            seen = agent.events[before:]
            faults += [f"{agent.language}: {event['text']}" for event in seen if event["event"] == "fault"]
        if self.router:
            self.router.stop()
        with self.check("leaves router and clients well"):
            expect(not faults, "; ".join(faults))


class Client:
    def __init__(self, agent, name, url):
        self.agent = agent
        self.name = name
        self.url = url
        self.language = agent.language
        self.session = None
        self.settled = 0

    def connect(self, **options):
        defaults = {"url": self.url, "within_ms": 5000}
        reply = self.agent.call("connect", client=self.name, **(defaults | options), within_s=7)
        self.session = reply.get("session")
        return reply

    def call(self, op, within_s=DEADLINE_S, **arguments):
        return self.agent.call(op, within_s, client=self.name, **_tag(arguments))

    def post(self, op, background=False, **arguments):
        return self.agent.post(op, background, client=self.name, **_tag(arguments))

    def subscribe(self, pattern, label=None, **options):
        """Subscribes, and returns when the router has taken the subscription."""
        label = label or pattern
        self.call("subscribe", label=label, pattern=pattern, options=options or None)
        self.settle()
        return label

    def settle(self):
        """Returns when the router has handled all that this client sent before."""
        address = f"/settle/{self.name}"
        if not self.settled:
            self.call("subscribe", label="settle", pattern=address)
        self.settled += 1
        self.call("set", address=address, value=self.settled)
        self.await_value("settle", self.settled)

    def set(self, address, value, **options):
        self.call("set", address=address, value=value, **options)

    def set_all(self, writes):
        """Sets many params without waiting in between."""
        requests = [self.post("set", address=address, value=value) for address, value in writes]
        for request in requests:
            self.agent.reply(request, within_s=10)

    def emit(self, address, value=None):
        self.call("emit", address=address, value=value)

    def get(self, address):
        return plain(self.call("get", address=address, within_s=7)["value"])

    def cached(self, address):
        """Whether the cache has the address, and its value."""
        reply = self.call("cached", address=address)
        return reply["found"], plain(reply["value"]) if reply["found"] else None

    def await_cached(self, address, value, within_s=DEADLINE_S):
        poll(lambda: self.cached(address) == (True, value), f"{self.language} has cached {address} = {value!r}", within_s)

    def refusal(self):
        return self.call("refusals")["last"]

    def await_refusal(self, code):
        def refused():
            refusal = self.refusal()
            return refusal if refusal and refusal["code"] == code else None

        try:
            return poll(refused, "")
        except Failed:
            raise Failed(f"{self.language}: expected ERROR {code}, the last one is {self.refusal()}") from None

    def updates(self, label):
        """What the callback of a subscription has been given so far, events as the agent reported them."""
        return [event for event in list(self.agent.events)
                if event.get("client") == self.name and event.get("label") == label]

    def values(self, label, address=None):
        return [plain(event["value"]) for event in self.updates(label) if address in (None, event["address"])]

    def await_value(self, label, value, within_s=DEADLINE_S):
        """Waits for an update with this value and returns it."""
        form = tagged(value)
        forms = (form, tagged(float(value))) if type(value) is int else (form,)

        def arrived():
            return next((event for event in self.updates(label) if event["value"] in forms), None)

        try:
            return self.agent.wait(arrived, "", within_s)
        except Failed:
            found = self.values(label)
            raise Failed(
                f"{self.language}: no update {value!r} for {label} within {within_s:g} s, found {found[-5:]!r}"
            ) from None


def _tag(arguments):
    """Values are tagged on the way to the agent; everything else goes as it is."""
    if "value" in arguments:
        arguments["value"] = tagged(arguments["value"])
    if "members" in arguments:
        arguments["members"] = [
            [kind, address, value if kind == "samples" else tagged(value)] for kind, address, value in arguments["members"]
        ]
    return arguments
