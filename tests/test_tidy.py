"""Rules about the tree that a person forgets. Each failure says which file and what to do."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "livecommerce"

MAX_LINES = 500
COUNTED = ("livecommerce", "clients/web/src")
COUNTED_SUFFIXES = (".py", ".ts", ".js", ".svelte", ".css")
GENERATED = re.compile(r"(^|/)(generated|locales?|messages|vendor|versions)(/|\.)|\.gen\.|\.d\.ts$")

_CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
_LAYERS = [layer.strip("()") for layer in _CONTRACTS[0]["layers"]]
FEATURES = _LAYERS[_LAYERS.index("insights") : _LAYERS.index("people") + 1]
# In a feature folder these may touch the world; every other module is a noun.
WORLDLY = re.compile(
    r"^(wire|schema|store|services?|adapters?|backends?|providers?|workers?|wiring|invariants)"
    r"(_\w+)?(/|\.py$)"
    r"|_(store|service|adapter|backend|provider|worker|client)\.py$"
    r"|/(store|service)\.py$"
)
# Adapters whose names do not say so: "folder/module.py" or a whole folder "folder/sub/".
ADAPTERS: tuple[str, ...] = ("media/",)
WORLD = {"asyncio", "time", "random", "secrets", "sqlalchemy", "redis", "aiohttp", "socket"}

UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|NotImplemented" + r"Error")
MACHINE_PATHS = re.compile(
    r"(?<![\w.])/(wo" + r"rk|ro" + r"ot|ho" + r"me/\w+|Us" + r"ers/\w+)/[A-Za-z.]"
)
REGISTRIES = re.compile(
    r"registry\.(npmjs|yarnpkg)\.|registry\.npmmirror|files\.pythonhosted|pypi\.org/simple"
    r"|--(extra-)?index" + r"-url|--find" + r"-links"
)


@cache
def tracked() -> tuple[str, ...]:
    """Files git knows or would take, relative to the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(name for name in sorted(set(listed.split("\0"))) if (ROOT / name).is_file())


def texts(*folders: str, suffixes: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Name and content of the text files below the folders (of all, without folders)."""
    for name in tracked():
        if folders and not name.startswith(tuple(f"{folder}/" for folder in folders)):
            continue
        if suffixes and not name.endswith(suffixes):
            continue
        content = (ROOT / name).read_bytes()
        if b"\0" not in content[:8192]:
            yield name, content.decode("utf-8", errors="replace")


def hits(pattern: re.Pattern[str], files: Iterator[tuple[str, str]]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, content in files
        for number, line in enumerate(content.splitlines(), start=1)
        if pattern.search(line)
    ]


def imported(path: Path) -> set[str]:
    """Dotted names a module imports for use while running (not for type checkers only)."""
    names: set[str] = set()
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        pending.extend(ast.iter_child_nodes(node))
    return names


def noun_modules() -> list[str]:
    nouns = []
    for feature in FEATURES:
        for path in sorted((PACKAGE / feature).rglob("*.py")):
            inside = path.relative_to(PACKAGE / feature).as_posix()
            name = path.relative_to(PACKAGE).as_posix()
            if not WORLDLY.search(inside) and not name.startswith(ADAPTERS):
                nouns.append(name)
    return nouns


def test_nothing_points_elsewhere():
    """A link is followed on the machine where it was made, and on no other."""
    listed = subprocess.run(
        ["git", "ls-files", "--stage"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert not [line for line in listed.splitlines() if line.startswith("120000 ")]


def test_modules_are_short():
    long = [
        f"{name}: {lines} lines; split it into a folder of the same name"
        for name, content in texts(*COUNTED, suffixes=COUNTED_SUFFIXES)
        if (lines := content.count("\n")) > MAX_LINES and not GENERATED.search(name)
    ]
    assert not long, "\n".join(long)


def test_nothing_is_left_unfinished():
    found = hits(UNFINISHED, texts("livecommerce", "clients", "tests", "benchmarks"))
    assert not found, "\n".join(found)


def test_nothing_names_a_developers_machine():
    found = hits(MACHINE_PATHS, texts())
    assert not found, "\n".join(found)


def test_no_file_names_a_download_host():
    found = hits(REGISTRIES, texts())
    for name in tracked():
        if name.endswith("package-lock.json"):
            packages = json.loads((ROOT / name).read_text()).get("packages", {})
            found += [
                f"{name}: {key} names its host" for key, p in packages.items() if "resolved" in p
            ]
    assert not found, "\n".join(found)


def test_constraints_are_names_and_versions_only():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w.-]+==[\w.!+-]+", line) for line in lines)


def test_nouns_touch_nothing_of_the_world():
    """Rules are pure, so that they can be tested by thousands of examples and replayed."""
    impure = {
        name: sorted(worldly)
        for name in noun_modules()
        if (worldly := {top.split(".")[0] for top in imported(PACKAGE / name)} & WORLD)
    }
    assert not impure, f"nouns take time, chance and stored rows as arguments: {impure}"


def test_the_kernel_needs_only_the_standard_library():
    foreign = {
        path.name: sorted(others)
        for path in sorted((PACKAGE / "kernel").rglob("*.py"))
        if (
            others := {
                name
                for name in imported(path)
                if name.split(".")[0] not in sys.stdlib_module_names
                and not name.startswith("livecommerce.kernel")
            }
        )
    }
    assert not foreign


def test_settings_are_read_by_the_top_only():
    readers = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if "livecommerce.config" in imported(path)
    ]
    allowed = ("app", "cli", "config", "demo")
    assert [name for name in readers if not name.startswith(allowed)] == []


@pytest.mark.parametrize(
    ("inside", "worldly"),
    [
        ("wire.py", True),
        ("store.py", True),
        ("store/holds.py", True),
        ("services/buy.py", True),
        ("service.py", True),
        ("expiry_worker.py", True),
        ("flash_sales.py", False),
        ("storefront.py", False),
        ("chat/rules.py", False),
    ],
)
def test_the_rule_for_nouns_itself(inside: str, worldly: bool):
    assert bool(WORLDLY.search(inside)) is worldly
