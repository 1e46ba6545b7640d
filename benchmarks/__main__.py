"""`python -m benchmarks`: every benchmark, shortened, one after the other.

Each prints what it does, and one JSON object as its last line.
"""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = ("flash_sale", "fan_out", "deflate")


def main() -> int:
    failed = []
    for name in BENCHMARKS:
        print(f"--- {name}", flush=True)
        arguments = sys.argv[1:] or ["--quick"]
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=False)
        if done.returncode != 0:
            failed.append(name)
    for name in failed:
        print(f"benchmarks: {name} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
