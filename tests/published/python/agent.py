"""Drives the published Python client for the suite: one JSON command a line in, replies and events out."""

import asyncio
import contextvars
import json
import os
import re
import sys
import time

from clasp import Clasp

from tagged import from_tagged, to_tagged

# Which client the running task belongs to: what the client prints is the only trace of an ERROR.
CURRENT = contextvars.ContextVar("current", default=None)
PRINTED_ERROR = re.compile(r"CLASP error: (\d+) - (.*)", re.DOTALL)


class Session:
    def __init__(self, link):
        self.link = link
        self.unsubscribe = {}
        self.refusals = []


class Agent:
    def __init__(self, out):
        self.out = out
        self.sessions = {}

    def send(self, message):
        self.out.write(json.dumps(message) + "\n")
        self.out.flush()

    async def connect(self, client, url, token=None, reconnect_ms=None, within_ms=5000):
        link = Clasp(
            url,
            token=token,
            reconnect=reconnect_ms is not None,
            reconnect_interval=(reconnect_ms or 0) / 1000,
        )
        link.on_error(lambda error: self.send({"event": "fault", "client": client, "text": repr(error)}))
        self.sessions[client] = Session(link)
        CURRENT.set(client)
        started = time.monotonic()
        try:
            await asyncio.wait_for(link.connect(), within_ms / 1000)
        except asyncio.TimeoutError:
            return {"connected": False, "reason": "no answer", "ms": elapsed_ms(started)}
        except Exception as error:
            return {"connected": False, "reason": str(error), "ms": elapsed_ms(started)}
        return {"connected": True, "session": link.session_id, "ms": elapsed_ms(started)}

    async def state(self, client):
        link = self.sessions[client].link
        return {"connected": link.connected, "session": link.session_id}

    async def subscribe(self, client, label, pattern, options=None):
        session = self.sessions[client]

        def update(value, address):
            self.send({
                "event": "update", "client": client, "label": label, "address": address,
                "value": to_tagged(value), "at_us": round(time.time() * 1_000_000),
            })

        session.unsubscribe[label] = session.link.subscribe(pattern, update, **client_options(options))
        await asyncio.sleep(0)  # subscribe() only schedules the sending

    async def unsubscribe(self, client, label):
        self.sessions[client].unsubscribe[label]()
        await asyncio.sleep(0)

    async def set(self, client, address, value, ttl=None):
        await self.sessions[client].link.set(address, from_tagged(value), ttl=ttl)

    async def emit(self, client, address, value):
        await self.sessions[client].link.emit(address, from_tagged(value))

    async def stream(self, client, address, value):
        await self.sessions[client].link.stream(address, from_tagged(value))

    async def gesture(self, client, address, gesture, phase, value):
        await self.sessions[client].link.gesture(address, gesture, phase, from_tagged(value))

    async def gesture_run(self, client, address, gesture, moves, hertz):
        link = self.sessions[client].link
        started = time.monotonic()
        await link.gesture(address, gesture, "start", {"n": 0})
        for n in range(1, moves + 1):
            await asyncio.sleep(max(0.0, started + n / hertz - time.monotonic()))
            await link.gesture(address, gesture, "move", {"n": n})
        ms = elapsed_ms(started)
        await link.gesture(address, gesture, "end", {"n": moves + 1})
        return {"ms": ms}

    async def timeline(self, client, address):
        keyframes = [{"time": 0, "value": 0.0}, {"time": 1_000_000, "value": 1.0}]
        await self.sessions[client].link.timeline(address, keyframes)

    async def bundle(self, client, members, at_ms=None):
        link = self.sessions[client].link
        formatted = [{kind: (address, from_tagged(value))} for kind, address, value in members]
        at = None if at_ms is None else link.time() + at_ms * 1000
        await link.bundle(formatted, at=at)
        return {"at_us": at}

    async def get(self, client, address):
        return {"value": to_tagged(await self.sessions[client].link.get(address))}

    async def query(self, client, pattern):
        signals = await self.sessions[client].link.query_signals(pattern)
        return {"addresses": [signal["address"] for signal in signals]}

    async def cached(self, client, address):
        # cached() answers None both for null and for nothing, so look into the cache itself.
        params = self.sessions[client].link._params
        return {"found": True, "value": to_tagged(params[address])} if address in params else {"found": False}

    async def count_cached(self, client, prefix, count):
        link = self.sessions[client].link
        return {"held": sum(link.cached(f"{prefix}{n:04}") == n for n in range(count))}

    async def refusals(self, client):
        refusals = self.sessions[client].refusals
        return {"count": len(refusals), "last": refusals[-1] if refusals else None}

    async def ws_ping(self, client):
        pong = await self.sessions[client].link._ws.ping()
        await pong

    async def close(self, client):
        if session := self.sessions.pop(client, None):
            await session.link.close()

    async def answer(self, request):
        reply = {"id": request.pop("id")}
        request.pop("background", None)
        try:
            reply["ok"] = await getattr(self, request.pop("op"))(**request)
        except Exception as error:
            reply["error"] = f"{type(error).__name__}: {error}"
        self.send(reply)


class Printed:
    """Stands in for stdout: turns what the client prints into the refusals of the client that printed."""

    def __init__(self, agent):
        self.agent = agent

    def write(self, text):
        if not text.strip():
            return
        found = PRINTED_ERROR.match(text)
        session = self.agent.sessions.get(CURRENT.get())
        if not found or not session:
            self.agent.send({"event": "fault", "text": text})
            return
        session.refusals.append({"code": int(found[1]), "message": found[2], "address": None})

    def flush(self):
        pass


def client_options(options):
    names = {"max_rate": "maxRate", "epsilon": "epsilon"}
    return {names[name]: value for name, value in (options or {}).items()}


def elapsed_ms(started):
    return round((time.monotonic() - started) * 1000)


async def main():
    agent = Agent(os.fdopen(os.dup(sys.stdout.fileno()), "w"))
    sys.stdout = Printed(agent)
    reader = asyncio.StreamReader(limit=1 << 24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    background = set()
    while line := await reader.readline():
        request = json.loads(line)
        # A task of its own, so that the client name set by connect() stays with that client's receive loop.
        task = asyncio.create_task(agent.answer(request))
        if request.get("background"):
            background.add(task)
            task.add_done_callback(background.discard)
        else:
            await task


asyncio.run(main())
