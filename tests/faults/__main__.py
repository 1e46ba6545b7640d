"""The failure suite: `python -m tests.faults [--profile fast|full] [--rows 1,6a,8]`.

Prints what each row did and found, then the same as the Markdown table of docs/reliability.md.
Exits with 1 when any promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.all_rows import rows_of
from tests.faults.report import COLUMNS, broken, cells, markdown
from tests.faults.rows import FAST, FULL, play_rows
from tests.support.postgres import running_postgres
from tests.torture.findings import say


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    reader.add_argument("--profile", choices=("fast", "full"), default="fast")
    reader.add_argument("--rows", help="names separated by commas, 6 for 6a and 6b; default: all")
    reader.add_argument("--markdown", type=Path, help="writes the table to this file too")
    asked = reader.parse_args()
    try:
        rows = rows_of([each.strip() for each in asked.rows.split(",")] if asked.rows else None)
    except ValueError as problem:
        reader.error(str(problem))
    started_s = time.monotonic()
    with running_postgres() as postgres:
        profile = FULL if asked.profile == "full" else FAST
        reports = asyncio.run(play_rows(rows, profile, postgres))
    table = Table(*COLUMNS, show_lines=True)
    for report in reports:
        table.add_row(*cells(report))
    Console(width=140).print(table)
    print(markdown(reports))
    if asked.markdown is not None:
        asked.markdown.write_text(markdown(reports) + "\n")
    breaches = broken(reports)
    for breach in breaches:
        print(f"BROKEN  {breach}")
    verdict = "every promise kept" if not breaches else "PROMISES BROKEN"
    say(f"{verdict}, profile {asked.profile}, {time.monotonic() - started_s:.0f} s")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
