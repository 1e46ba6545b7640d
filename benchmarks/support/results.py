"""Where figures are kept: one file a question, with the machine, the versions and the commit."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.support.machine import described

FOLDER = Path(__file__).resolve().parent.parent / "results"
ROOT = FOLDER.parent.parent


def say(text: str) -> None:
    """What a person who waits wants to read; the last line of stdout is for programs."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def conclude(question: str, figures: dict[str, Any]) -> None:
    """Stores the figures of a run and prints them as one line of JSON."""
    whole = {**figures, "machine": described(), "run": described_run()}
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({"question": question, **whole}, indent=1, ensure_ascii=False)
    (FOLDER / f"{question}.json").write_text(text + "\n")
    print(json.dumps(whole), flush=True)


def stored(question: str, folder: Path = FOLDER) -> dict[str, Any] | None:
    """What the last run of a question left, if there was one."""
    file = folder / f"{question}.json"
    if not file.exists():
        return None
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def described_run() -> dict[str, Any]:
    """When, what was run, and of which code."""
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "arguments": sys.argv[1:],
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "changed_files": len(_git("status", "--porcelain", "--", "livecommerce").splitlines()),
    }


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except OSError:
        # A tree without git has no commit to name.
        return ""
    return done.stdout.strip()
