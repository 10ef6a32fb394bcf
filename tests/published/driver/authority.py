"""Two private certificate authorities: one that the clients know, and one that they do not."""

import subprocess
import tempfile
from pathlib import Path


class Authorities:
    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory()
        maker = program.parent / "examples/private_ca"
        for name in ("known", "unknown"):
            subprocess.run([str(maker), str(self.path(name))], check=True)

    def path(self, name):
        return Path(self.folder.name) / name

    def arguments(self, name):
        """What a router needs to show a certificate of this authority."""
        return ("--cert", str(self.path(name) / "server.pem"), "--key", str(self.path(name) / "server.key"))

    def environment(self):
        """How programs are told to trust the authority that is known: Node, and whoever uses OpenSSL or rustls."""
        known = str(self.path("known") / "ca.pem")
        return {"NODE_EXTRA_CA_CERTS": known, "SSL_CERT_FILE": known}

    def close(self):
        self.folder.cleanup()
