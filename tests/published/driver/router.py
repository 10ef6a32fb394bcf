"""The router under test, as a program of its own on a free port."""

import re
import signal
import socket
import subprocess
import tempfile
import threading

from .report import Failed

START_S = 5.0
STOP_S = 5.0


class Router:
    def __init__(self, program, arguments=(), port=None, scheme="ws"):
        self.scheme = scheme
        self.port = port or _free_port()
        self.log = tempfile.TemporaryFile(mode="w+")
        command = [str(program), "server", "--port", str(self.port), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.printed_url = self._await_start()
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def _await_start(self):
        lines = []
        reader = threading.Thread(target=lambda: lines.append(self.process.stdout.readline()), daemon=True)
        reader.start()
        reader.join(START_S)
        first = lines[0].strip() if lines else ""
        found = re.fullmatch(rf"Router listening on ({self.scheme}://localhost:\d+)", first)
        if not found:
            self.stop()
            raise Failed(f"expected `Router listening on {self.scheme}://localhost:{self.port}`, found {first!r}; {self.tail()}")
        # What it prints later must not fill the pipe.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        return found[1]

    def stop(self):
        """Asks it to end and returns its exit code, or None when it had to be killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def fault(self):
        """Why this router is not well, or nothing."""
        if self.process.poll() is not None:
            return f"the router ended with {self.process.returncode}; {self.tail()}"
        if "panicked" in (said := self.tail(limit=1 << 20)):
            return f"the router panicked: {said[-2000:]}"
        return None

    def tail(self, limit=600):
        self.log.seek(0)
        return self.log.read()[-limit:].strip()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
