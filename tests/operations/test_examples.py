"""The files under docs/operations/examples, checked by the programs they are for where those are
installed, and read closely where they are not."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer.main
import yaml
from honcho.environ import parse_procfile

from livecommerce import cli, config
from livecommerce.app.supervisor.supervise import ENDING_S

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = ROOT / "docs" / "operations"
EXAMPLES = OPERATIONS / "examples"
UNITS = ("livecommerce.service", "livecommerce-worker.service")
PROGRAM = Path(sys.executable).with_name("livecommerce")


def example(name: str) -> str:
    return (EXAMPLES / name).read_text()


def check(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def understood(arguments: list[str]) -> None:
    """Fails unless our command line takes these arguments."""
    name, *rest = arguments
    group: Any = typer.main.get_command(cli.app)
    group.commands[name].make_context(name, rest)


def unit(name: str) -> configparser.ConfigParser:
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(example(name))
    return read


def env_file() -> dict[str, str]:
    lines = [line for line in example("livecommerce.env").splitlines() if line.strip()]
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


@pytest.mark.parametrize(
    "path", [each for each in OPERATIONS.rglob("*") if each.is_file()], ids=lambda path: path.name
)
def test_every_setting_that_is_named_exists(path: Path):
    known = {field.name.upper() for field in msgspec.structs.fields(config.Settings)}
    named = set(re.findall(r"\bLIVECOMMERCE_([A-Z_]*[A-Z])\b", path.read_text()))
    assert named <= known


@pytest.mark.parametrize("path", sorted(OPERATIONS.glob("*.md")), ids=lambda path: path.name)
def test_every_command_that_is_shown_is_one(path: Path):
    shown = re.findall(
        r"^\s*(?:sudo -u livecommerce )?(?:\S*/)?livecommerce ([a-z].*?)(?:\s+#.*)?$",
        "\n".join(re.findall(r"```sh\n(.*?)```", path.read_text(), re.DOTALL)),
        re.MULTILINE,
    )
    for line in shown:
        understood(shlex.split(line))


@pytest.mark.parametrize("path", sorted(OPERATIONS.glob("*.md")), ids=lambda path: path.name)
def test_every_file_that_is_linked_is_there(path: Path):
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_the_settings_file_can_be_loaded():
    settings = config.load(env_file())
    assert settings.database_address.startswith("postgresql+asyncpg://")
    assert settings.redis_urls


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_what_there_is_and_leaves_it_time_to_end(name: str):
    service = unit(name)["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert program.endswith("/.venv/bin/livecommerce")
    understood(arguments)
    drain_s = float(env_file()["LIVECOMMERCE_DRAIN_S"])
    assert float(service["TimeoutStopSec"]) >= drain_s + ENDING_S


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="no systemd here: the unit's text is judged above",
)
@pytest.mark.parametrize("name", UNITS)
def test_systemd_likes_the_unit(name: str, tmp_path: Path):
    text = example(name).replace("/opt/livecommerce/.venv/bin/livecommerce", str(PROGRAM))
    (tmp_path / name).write_text(text)
    check("systemd-analyze", "verify", "--man=no", tmp_path / name)


def test_nginx_passes_sockets_on_and_believes_nobody():
    text = re.sub(r"#.*", "", example("nginx.conf"))
    assert text.count("{") == text.count("}")
    statements = [each.split() for each in re.split(r"[;{}]", text)]
    headers = {each[1]: each[2] for each in statements if each[:1] == ["proxy_set_header"]}
    assert headers["X-Forwarded-For"] == "$remote_addr"
    assert headers["Upgrade"] == "$http_upgrade"
    assert headers["Host"] == "$host"


@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx here: its text is judged above")
def test_nginx_likes_its_site(tmp_path: Path):
    site = example("nginx.conf").replace("listen 443 ssl", "listen 443")
    (tmp_path / "site.conf").write_text(re.sub(r"\n\s*ssl_certificate.*", "", site))
    paths = "".join(
        f"{each}_temp_path {tmp_path}/{each};"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = tmp_path / "nginx.conf"
    main.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {paths} include {tmp_path}/site.conf; }}\n"
    )
    check("nginx", "-t", "-p", tmp_path, "-c", main)


def test_haproxy_asks_nodes_whether_they_are_ready():
    sections = re.split(r"^(?=\w)", re.sub(r"#.*", "", example("haproxy.cfg")), flags=re.MULTILINE)
    named = {section.splitlines()[0].strip(): section for section in sections if section.strip()}
    assert set(named) == {"global", "defaults", "frontend live", "backend ready", "backend living"}
    assert "option httpchk GET /readyz" in named["backend ready"]
    assert "option httpchk GET /healthz" in named["backend living"]
    assert "set-header X-Forwarded-For %[src]" in named["frontend live"]
    # Without Redis no node is ready: nobody may be sent away or cut off for that.
    assert "use_backend ready if { nbsrv(ready) gt 0 }" in named["frontend live"]
    assert "default_backend living" in named["frontend live"]
    assert "shutdown-sessions" not in "".join(named.values())


@pytest.mark.skipif(
    shutil.which("haproxy") is None, reason="no HAProxy here: its text is judged above"
)
def test_haproxy_likes_its_settings(tmp_path: Path):
    text = re.sub(r" ssl crt \S+", "", example("haproxy.cfg"))
    (tmp_path / "haproxy.cfg").write_text(text)
    check("haproxy", "-c", "-f", tmp_path / "haproxy.cfg")


def test_compose_starts_what_there_is():
    document = yaml.safe_load(example("compose.yaml"))
    services = document["services"]
    assert set(services) == {"nodes", "worker", "postgres", "redis"}
    for name in ("nodes", "worker"):
        understood(shlex.split(services[name]["command"]))
        assert set(services[name]["depends_on"]) == {"postgres", "redis"}
        build = services[name]["build"]
        assert (EXAMPLES / build["context"] / build["dockerfile"]).is_file()
        assert int(services[name]["stop_grace_period"].removesuffix("s")) >= 10 + ENDING_S
    used = {mount.split(":")[0] for each in services.values() for mount in each.get("volumes", ())}
    assert used == set(document["volumes"])


def test_compose_itself_likes_it():
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], check=False).returncode:
        pytest.skip("no docker compose here: its text is judged above")
    env = {**os.environ, "LIVECOMMERCE_SECRET": "x" * 32, "POSTGRES_PASSWORD": "x"}
    subprocess.run(
        [docker, "compose", "-f", EXAMPLES / "compose.yaml", "config", "--quiet"],
        env=env,
        check=True,
        timeout=30,
    )


def test_the_image_copies_what_there_is():
    copied = [
        source
        for line in example("Dockerfile").splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    assert copied
    assert all((ROOT / source).exists() for source in copied)


def test_the_procfile_starts_what_there_is():
    processes = parse_procfile((ROOT / "Procfile").read_text()).processes
    assert set(processes) == {"web", "worker"}
    for line in processes.values():
        _, _, arguments = line.partition(".venv/bin/livecommerce ")
        understood(shlex.split(arguments))
