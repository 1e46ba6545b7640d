"""`python -m benchmarks [--quick] [--only fan_out,memory] [--report]`: every question, one report.

Questions are asked one after the other, because each wants the machine to itself; each stores its
figures in benchmarks/results, from which the report is written. `--report` asks nothing and writes
it from what is stored.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from benchmarks.report import QUESTIONS, write
from benchmarks.support.results import FOLDER, say

WITH_PEERS = {"fan_out", "memory"}


def ask(question: str, *, quick: bool) -> bool:
    """Runs one question; says whether it was answered."""
    arguments = ["--quick"] if quick else []
    if question in WITH_PEERS:
        arguments.append("--peers")
    say(f"--- {question}")
    started_s = time.monotonic()
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{question}", *arguments], check=False)
    say(f"--- {question}: {time.monotonic() - started_s:.0f} s")
    return done.returncode == 0


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    reader.add_argument("--quick", action="store_true", help="a quarter of an hour in all")
    reader.add_argument("--only", default="", help="questions, separated by commas")
    reader.add_argument("--report", action="store_true", help="only write the report")
    asked = reader.parse_args()
    wanted = [each for each in asked.only.split(",") if each] or list(QUESTIONS)
    if unknown := [each for each in wanted if each not in QUESTIONS]:
        reader.error(f"{unknown} are not among {list(QUESTIONS)}")
    failed = []
    if not asked.report:
        failed = [each for each in wanted if not ask(each, quick=asked.quick)]
    write(FOLDER)
    for question in failed:
        print(f"benchmarks: {question} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
