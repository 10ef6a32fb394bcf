"""Installs the published clients, pinned, below this folder only, and says how to start each one's agent."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
JS, PYTHON, RUST, VENV = HERE / "js", HERE / "python", HERE / "rust", HERE / ".venv"


def agents():
    """The command line of each language's agent."""
    _once(JS / "node_modules", [JS / "package-lock.json"], _install_js)
    _once(VENV, [PYTHON / "requirements.txt"], _install_python)
    _build_rust()
    return {
        "js": ["node", *_node_flags(), str(JS / "agent.mjs")],
        "python": [str(VENV / "bin/python"), "-B", str(PYTHON / "agent.py")],
        "rust": [str(RUST / "target/debug/published-rust")],
    }


def _install_js():
    _call(["npm", "ci", "--no-audit", "--no-fund"], JS)


def _install_python():
    venv.create(VENV, with_pip=True, clear=True)
    _call([str(VENV / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
           "-r", "requirements.txt"], PYTHON)


def _build_rust():
    _call(["cargo", "build", "--locked", "--quiet", "--target-dir", str(RUST / "target")], RUST)


def _node_flags():
    # Node has a WebSocket of its own since 22; before that it must be asked for.
    probe = subprocess.run(["node", "-p", "typeof WebSocket"], capture_output=True, text=True, check=True)
    return [] if probe.stdout.strip() == "function" else ["--experimental-websocket", "--no-warnings"]


def _once(folder, manifests, install):
    """Installs again only when a manifest has changed since."""
    wanted = hashlib.sha256(b"".join(manifest.read_bytes() for manifest in manifests)).hexdigest()
    stamp = folder / ".installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    install()
    stamp.write_text(wanted)


def _call(command, folder):
    print(f"# {' '.join(command[:3])} ({folder.name})", file=sys.stderr, flush=True)
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)
