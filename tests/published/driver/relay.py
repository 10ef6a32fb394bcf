"""The relay under test, with accounts: a program of its own on free ports."""

import json
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from .report import Failed
from .router import Router, _free_port

START_S = 10.0

APP_CONFIG = {
    "scopes": ["read:/room/**", "write:/room/{userId}/**", "write:/settle/**"],
}


class Relay(Router):
    """`clasp-relay` beside the given `clasp`, with an admin token and an app config in a folder of its own."""

    def __init__(self, program):
        self.scheme = "ws"
        self.port, self.auth_port = _free_port(), _free_port()
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        (folder / "app.json").write_text(json.dumps(APP_CONFIG))
        self.log = tempfile.TemporaryFile(mode="w+")
        command = [
            str(Path(program).with_name("clasp-relay")), "--host", "127.0.0.1", "--rendezvous-port", "0",
            "--broadcast-port", "0", "--no-mdns", "--ws-port", str(self.port), "--auth-port", str(self.auth_port),
            "--auth-db", str(folder / "auth.db"), "--admin-token", str(folder / "admin"),
            "--app-config", str(folder / "app.json"),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.said = []
        self._await_start()
        self.url = f"ws://127.0.0.1:{self.port}"
        self.admin = (folder / "admin").read_text().strip()

    def _await_start(self):
        threading.Thread(target=self._read, daemon=True).start()
        until = time.monotonic() + START_S
        while not any("accepting connections" in line for line in self.said):
            if time.monotonic() > until or self.process.poll() is not None:
                self.stop()
                raise Failed(f"the relay did not start: {self.said[-5:]}; {super().tail()}")
            time.sleep(0.01)

    def _read(self):
        for line in self.process.stdout:
            self.said.append(line)

    def tail(self, limit=600):
        """Its log goes to stdout."""
        return ("".join(self.said) + super().tail(limit))[-limit:]

    def stop(self):
        code = super().stop()
        self.folder.cleanup()
        return code

    def ask(self, path, body=None, token=None, method="POST"):
        """Status and JSON of one request to the auth port."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.auth_port}{path}"
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, _json(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _json(error.read())


def _json(text):
    return json.loads(text) if text else None
