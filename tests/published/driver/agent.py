"""A program around one published client: commands go in, replies and events come out, as lines of JSON."""

import itertools
import json
import os
import subprocess
import threading
import time

from .report import Failed

DEADLINE_S = 5.0


class Agent:
    def __init__(self, language, command, environment):
        self.language = language
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
        )
        self.changed = threading.Condition()
        self.events = []
        self.replies = {}
        self.ids = itertools.count(1)
        threading.Thread(target=self._read, daemon=True).start()

    def post(self, op, background=False, **arguments):
        """Sends a command without waiting; `reply` waits for its answer."""
        request_id = next(self.ids)
        request = {key: value for key, value in arguments.items() if value is not None}
        request |= {"id": request_id, "op": op}
        if background:
            request["background"] = True
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise Failed(f"the {self.language} agent is gone: {error}") from error
        return request_id

    def reply(self, request_id, within_s=DEADLINE_S):
        """The answer to a posted command; a refused command raises."""
        try:
            reply = self.wait(lambda: self.replies.pop(request_id, None), "answer to a command", within_s)
        except Failed:
            # It may still be busy with that command: the next check gets a new agent.
            self.stop()
            raise
        if "error" in reply:
            raise Failed(f"{self.language}: {reply['error']}")
        return reply["ok"]

    def call(self, op, within_s=DEADLINE_S, **arguments):
        return self.reply(self.post(op, **arguments), within_s)

    def wait(self, condition, what, within_s=DEADLINE_S):
        """Waits until the condition answers something true, and returns that."""
        until = time.monotonic() + within_s
        with self.changed:
            while not (found := condition()):
                left = until - time.monotonic()
                if left <= 0:
                    raise Failed(f"{self.language}: no {what} within {within_s:g} s")
                if self.process.poll() is not None:
                    raise Failed(f"the {self.language} agent ended with {self.process.returncode}")
                self.changed.wait(min(left, 0.2))
            return found

    def stop(self):
        """Kills the program: to the router it is a client whose machine went away."""
        self.process.kill()
        self.process.wait()

    def _read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            with self.changed:
                if "id" in message:
                    self.replies[message["id"]] = message
                else:
                    self.events.append(message)
                self.changed.notify_all()


def poll(condition, what, within_s=DEADLINE_S):
    """Asks again until the condition answers something true, and returns that."""
    until = time.monotonic() + within_s
    while not (found := condition()):
        if time.monotonic() > until:
            raise Failed(f"not within {within_s:g} s: {what}")
        time.sleep(0.01)
    return found
