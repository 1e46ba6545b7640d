"""The command line: serve, work, demo, migrate, verify, doctor, refunds, link, seller, schema."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from livecommerce import __version__, config
from livecommerce.database.engine import Unusable
from livecommerce.gateway import log
from livecommerce.kernel.errors import Code, Refused

app = typer.Typer(
    name="livecommerce",
    help="A self-hosted live-stream commerce server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()


def main() -> None:
    """Entry point of the `livecommerce` command."""
    try:
        app()
    except config.BadSettings as problem:
        _complain(f"Settings:\n{problem}")
        sys.exit(2)
    except Unusable as problem:
        _complain(f"The database: {problem}")
        sys.exit(2)
    except Refused as refused:
        _complain(f"Refused: {refused}")
        sys.exit(1)


def _complain(text: str) -> None:
    # Not as markup: an address of a database may hold brackets.
    Console(stderr=True).print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def _settings() -> config.Settings:
    settings = config.load()
    log.configure(settings.log_level, settings.log_format)
    return settings


def _run(coroutine: object) -> None:
    import uvloop

    uvloop.run(coroutine)  # type: ignore[arg-type]


@app.command()
def version() -> None:
    """Print the version."""
    console.print(__version__)


Work = Annotated[
    bool,
    typer.Option(
        help="Do the background work as well; with --no-work a `livecommerce work` has to run."
    ),
]


@app.command()
def serve(
    workers: Annotated[
        int,
        typer.Option(min=1, help="Nodes on this port, a process each; from 2 on supervised."),
    ] = 1,
    work: Work = True,
) -> None:
    """Serve the shop: pages, API and live socket on one port. Settings come from LIVECOMMERCE_*."""
    settings = _settings()
    if workers == 1:
        from livecommerce.app import serve as run

        _run(run(settings, works=work))
    else:
        from livecommerce.app import supervise

        asyncio.run(supervise(settings, workers=workers, works=work))


@app.command()
def work() -> None:
    """Do the background work of a shop whose nodes run with --no-work. Serves nobody."""
    from livecommerce.app import work as run

    _run(run(_settings()))


@app.command(hidden=True)
def node(
    number: int,
    link: Annotated[int, typer.Option()],
    listening: Annotated[str, typer.Option()],
    work: Work = True,
) -> None:
    """One node of `serve --workers`, which starts it on sockets of its own."""
    from livecommerce.app import Place
    from livecommerce.app import serve as run

    settings = _settings()
    sockets = [int(each) for each in listening.split(",")]
    place = Place.inherited(number, sockets=sockets, link=link)
    _run(run(settings, works=work, place=place))


@app.command()
def demo(
    crowd: Annotated[int, typer.Option(help="Simulated viewers, marked as such in the room.")] = 40,
    port: Annotated[int, typer.Option(help="Port to serve on.")] = 8080,
    lan: Annotated[bool, typer.Option(help="Let phones in the same network in.")] = True,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its data.")] = Path(
        "data/demo"
    ),
    script: Annotated[
        bool, typer.Option(help="A scripted host runs the show; without it the stage is yours.")
    ] = True,
    fresh: Annotated[bool, typer.Option(help="Forget what an earlier demo left.")] = False,
) -> None:
    """Open a living room: a seeded shop, a show on air, an audience, sign-in links."""
    from livecommerce.demo.stage import open_stage

    log.configure("warning", "auto")
    _run(
        open_stage(
            crowd=crowd,
            port=port,
            lan=lan,
            folder=folder,
            fresh=fresh,
            scripted=script,
            console=console,
        )
    )


@app.command()
def migrate() -> None:
    """Bring the databases to the newest schema."""
    from livecommerce.app import migrate as run

    settings = _settings()
    with _spinner("bringing the databases to the newest schema"):
        revisions = asyncio.run(run(settings))
    for name, revision in revisions.items():
        console.print(f"{name}: at {revision}")


@app.command()
def verify() -> None:
    """Check every invariant on the live database, reading only. Exit 1 when one is broken."""
    from livecommerce.app import verify as run

    settings = _settings()
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console
    ) as progress:
        task = progress.add_task("checking", total=None)
        breaches = asyncio.run(
            run(settings, lambda name: progress.update(task, description=f"checking {name}"))
        )
    if not breaches:
        console.print("[green]every invariant holds[/]")
        return
    table = Table("invariant", "about", "what is wrong")
    for breach in breaches:
        table.add_row(breach.invariant, breach.subject, breach.message)
    console.print(table)
    raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Look at this machine and these settings, and say what would go wrong. Exit 1 if something.

    Prints every setting as it is in force; those that differ from the defaults come first.
    """
    from livecommerce.app import doctor as run

    settings = _settings()
    findings = asyncio.run(run(settings))
    table = Table("check", "", "found")
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[red]fix[/]"
        table.add_row(finding.name, mark, finding.detail)
    console.print(table)
    usual = config.in_force(config.Settings())
    told = config.in_force(settings)
    in_force = Table("setting", "in force", "")
    for name in sorted(told, key=lambda each: (told[each] == usual[each], each)):
        in_force.add_row(name, Text(told[name]), "" if told[name] == usual[name] else "set")
    console.print(in_force)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def refunds(
    close: Annotated[
        str, typer.Option(metavar="REFUND", help="You have paid this one back by other means.")
    ] = "",
    reason: Annotated[str, typer.Option(help="How; kept in the history of the refund.")] = "",
) -> None:
    """List what the payment provider would not pay back: somebody has to. Exit 1 if something.

    With --close REFUND --reason TEXT one of them is closed: its order counts as refunded.
    """
    from livecommerce.app import close_refund, refused_refunds

    if bool(close) != bool(reason.strip()):
        raise typer.BadParameter("--close and --reason go together")
    if close:
        try:
            asyncio.run(close_refund(_settings(), close, reason.strip()))
        except Refused as no:
            if no.code is not Code.NOT_FOUND:
                raise
            raise typer.BadParameter(f"{close}: `livecommerce refunds` lists the refunds") from no
        console.print("closed")
        return
    refused = asyncio.run(refused_refunds(_settings()))
    if not refused:
        console.print("[green]no refund was refused[/]")
        return
    table = Table("refund", "order", "amount", "why", "payment at the provider", "asked for")
    for one in refused:
        table.add_row(
            one.id,
            one.order_id,
            str(one.money),
            one.reason,
            f"{one.provider} {one.payment_ref}",
            f"{datetime.fromtimestamp(one.asked_at / 1000, UTC):%Y-%m-%d %H:%M} UTC",
        )
    console.print(table)
    raise typer.Exit(1)


@app.command()
def link(
    person: Annotated[str, typer.Argument(help="E-mail or phone of the account.")],
) -> None:
    """Print a one-time sign-in link for an account."""
    from livecommerce.app import sign_in_link

    console.print(asyncio.run(sign_in_link(_settings(), person)), soft_wrap=True)


@app.command()
def seller(
    person: Annotated[str, typer.Argument(help="E-mail or phone of the account.")],
) -> None:
    """Let an account open rooms and shops, where LIVECOMMERCE_EVERYBODY_MAY_SELL is off."""
    from livecommerce.app import make_seller

    asyncio.run(make_seller(_settings(), person))
    console.print("may sell from now on")


@app.command()
def schema(
    check: Annotated[bool, typer.Option("--check", help="Only say whether files differ.")] = False,
) -> None:
    """Write the wire schema, OpenAPI and TypeScript types that come from the code."""
    from livecommerce.gateway.schema_files import write

    differing = write(check=check)
    for path in differing:
        console.print(f"{'differs' if check else 'wrote'}: {path}")
    if check and differing:
        console.print("Run `make schema` and commit the result.")
        raise typer.Exit(1)


def _spinner(text: str) -> Progress:
    progress = Progress(
        SpinnerColumn(), TextColumn(text), TimeElapsedColumn(), console=console, transient=True
    )
    progress.add_task(text, total=None)
    return progress
