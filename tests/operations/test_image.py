"""The image's own steps, without a container: what it copies is enough to install and to serve."""

import os
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.ports import LOOPBACK, free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "operations" / "examples"
START_S = 40.0


def steps() -> list[tuple[str, list[str]]]:
    """The last stage of the Dockerfile, by instruction."""
    last = (EXAMPLES / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    split = [line.split(" ", 1) for line in last.splitlines()[1:] if line[:1].isupper()]
    return [(name, shlex.split(rest, posix=name != "CMD")) for name, rest in split]


def arguments(name: str) -> list[str]:
    """Of ENTRYPOINT or CMD: ["…"]."""
    (line,) = [
        line for line in (EXAMPLES / "Dockerfile").read_text().splitlines() if line.startswith(name)
    ]
    return [each.strip(' "') for each in line.partition("[")[2].rstrip("]").split(",")]


def ignored(path: str) -> bool:
    """Whether the builder is not sent this path: the last line that matches decides."""
    is_ignored = False
    for line in (EXAMPLES / "Dockerfile.dockerignore").read_text().splitlines():
        pattern = line.strip().removeprefix("!").rstrip("/")
        if not pattern or line.startswith("#"):
            continue
        within = pattern == "*" or path == pattern or path.startswith(f"{pattern}/")
        if within or (pattern.startswith("**/") and pattern[3:] in path.split("/")):
            is_ignored = not line.startswith("!")
    return is_ignored


def test_the_builder_is_sent_what_is_copied_and_nothing_that_was_kept_here():
    tracked = subprocess.run(
        ["git", "ls-files", "clients/web", "livecommerce"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert len(tracked) > 300
    assert not [path for path in tracked if ignored(path)]
    for path in ("data/shop.db", ".env", ".venv/bin/python", ".git/config", "tests/conftest.py"):
        assert ignored(path)
    for path in ("clients/web/node_modules/svelte/package.json", "clients/web/dist/index.html"):
        assert ignored(path)


def test_what_the_image_installs_serves_the_shop(tmp_path: Path):
    app, data, port = tmp_path / "app", tmp_path / "data", free_port()
    app.mkdir()
    env: dict[str, str] = {}
    for name, words in steps():
        if name == "ENV":
            env |= dict(word.split("=", 1) for word in words)
        if name != "COPY" or words[0].startswith("--from"):
            continue
        for source in words[:-1]:
            if (ROOT / source).is_dir():
                leave = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, app / words[-1], ignore=leave)
            else:
                shutil.copy(ROOT / source, app / words[-1])
    # Of `pip install .` the part that is ours; the libraries are those we run with.
    build = f"-m pip wheel --quiet --no-deps -w {tmp_path} {app}"
    subprocess.run([sys.executable, *shlex.split(build)], check=True, timeout=120)
    with zipfile.ZipFile(next(tmp_path.glob("livecommerce-*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    shutil.copytree(ROOT / "clients" / "web" / "dist", app / "web")

    env = {key: value.replace("/app", str(app)) for key, value in env.items()} | {
        "LIVECOMMERCE_HOST": LOOPBACK,
        "LIVECOMMERCE_PORT": str(port),
        "LIVECOMMERCE_DATA_DIR": str(data),
        "PYTHONPATH": str(tmp_path / "site"),
        "PATH": os.environ["PATH"],
    }
    # It is what was installed that runs, not this checkout.
    asked = [sys.executable, "-P", "-c", "import livecommerce; print(livecommerce.__file__)"]
    found = subprocess.run(asked, env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.startswith(env["PYTHONPATH"])

    entry = arguments("ENTRYPOINT") + arguments("CMD")
    assert entry[0] == "livecommerce"
    process = processes.start(
        [sys.executable, "-P", "-m", *entry],
        env=env,
        cwd=tmp_path,
    )
    try:
        deadline = time.monotonic() + START_S
        while not (health := answer(port, "/healthz")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert health == b'{"ok":true}'
        assert b"<!doctype html>" in answer(port, "/").lower()
    finally:
        assert processes.stop(process) == 0


def answer(port: int, path: str) -> bytes:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=5) as found:
            return bytes(found.read())
    except OSError:
        return b""
