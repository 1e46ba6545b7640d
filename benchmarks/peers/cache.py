"""Peers brought here by the ordinary clients of their registries, into a folder of their own.

Versions stand in `packages/`; nginx comes in the distribution's version. The folder is ignored by
git and may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = HERE / "packages"
SERVERS = HERE / "servers"
CACHE = HERE.parent / ".cache"
NGINX_FOLDER = Path("/var/lib/nginx")
PATIENCE_S = 300


class Absent(Exception):
    """A peer cannot be had on this machine; says why."""


def _run(*command: str, cwd: Path) -> None:
    try:
        subprocess.run(
            command, cwd=cwd, check=True, capture_output=True, text=True, timeout=PATIENCE_S
        )
    except FileNotFoundError as error:
        raise Absent(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Absent(f"{command[0]} took too long") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines()
        raise Absent(f"{' '.join(command[:2])}: {said[-1] if said else 'failed'}") from error


def _fresh(name: str, listed: Path) -> tuple[Path, bool]:
    """The folder of one kind of packages, and whether what is listed has been put there."""
    folder = CACHE / name
    stamp = folder / "stamp"
    wanted = hashlib.sha256(listed.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return folder, True
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder, False


def _stamp(folder: Path, listed: Path) -> None:
    (folder / "stamp").write_text(hashlib.sha256(listed.read_bytes()).hexdigest())


@cache
def python() -> Path:
    """A Python with the peers written in it.

    Raises:
        Absent: pip could not bring them.
    """
    listed = PACKAGES / "pip.txt"
    folder, is_there = _fresh("python", listed)
    interpreter = folder / "bin" / "python"
    if not is_there:
        _run(sys.executable, "-m", "venv", str(folder), cwd=folder)
        quiet = ("--quiet", "--disable-pip-version-check")
        _run(str(interpreter), "-m", "pip", "install", *quiet, "-r", str(listed), cwd=folder)
        _stamp(folder, listed)
    return interpreter


@cache
def node_modules() -> Path:
    """Where Node finds the peers written for it.

    Raises:
        Absent: npm could not bring them.
    """
    listed = PACKAGES / "package.json"
    folder, is_there = _fresh("node", listed)
    if not is_there:
        shutil.copy(listed, folder)
        _run("npm", "install", "--omit=dev", "--no-audit", "--no-fund", cwd=folder)
        _stamp(folder, listed)
    return folder / "node_modules"


@cache
def debian() -> Path:
    """Packages of the distribution, unpacked; on the system one empty folder is made.

    Raises:
        Absent: there is no apt, or it does not know the packages.
    """
    listed = PACKAGES / "apt.txt"
    folder, is_there = _fresh("debian", listed)
    if not is_there:
        _run("apt-get", "download", *listed.read_text().split(), cwd=folder)
        for package in folder.glob("*.deb"):
            _run("dpkg", "-x", str(package), "root", cwd=folder)
        _stamp(folder, listed)
    try:
        # Nchan has nginx make its default folder for request bodies, whatever is configured.
        NGINX_FOLDER.mkdir(exist_ok=True)
    except OSError as error:
        raise Absent(f"nginx wants {NGINX_FOLDER}, which takes an administrator to make") from error
    return folder / "root"


def python_versions(*names: str) -> dict[str, str]:
    """Versions of what is in the peers' Python."""
    asked = (
        "import importlib.metadata, json, sys;"
        "print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))"
    )
    said = subprocess.run(
        [python(), "-c", asked, *names], check=True, capture_output=True, text=True
    ).stdout
    versions: dict[str, str] = json.loads(said)
    return versions


def node_versions(*names: str) -> dict[str, str]:
    """Versions of what Node finds, and its own."""
    found = {
        name: json.loads((node_modules() / name / "package.json").read_text())["version"]
        for name in names
    }
    node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True)
    return {"node": node.stdout.strip().lstrip("v")} | found


def debian_versions() -> dict[str, str]:
    """Versions of the distribution's packages."""
    found = {}
    for package in sorted(debian().parent.glob("*.deb")):
        name, version, *_ = package.name.split("_")
        found[name] = version.replace("%3a", ":")
    return found


def on_path(program: str) -> str:
    """Raises:
    Absent: there is no such program.
    """
    found = shutil.which(program, path=os.environ.get("PATH"))
    if found is None:
        raise Absent(f"{program} is not on PATH")
    return found
