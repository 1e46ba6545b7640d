"""A demo whose pictures are there already and whose video is empty: run as a process by tests.

Called with a folder, where `drawn` lies beside, a port, and the number of viewers; with --cluster
at the end on several nodes.
"""

import asyncio
import shutil
import sys
from pathlib import Path

from rich.console import Console

from livecommerce.demo.stage import Bars, open_stage
from livecommerce.gateway import log
from tests.demo.cluster import open_cluster


async def draw(drawn: Path, media: Path, bar: Bars) -> None:
    """Copies the pictures; a step that never ends when the folder of them says so."""
    shutil.copytree(sys.argv[4], drawn, dirs_exist_ok=True)
    (media / "showcase.mp4").touch()
    if "--slow" in sys.argv:
        await asyncio.to_thread(never_ready, bar)


def never_ready(bar: Bars) -> None:
    import time

    advance = bar("something that takes for ever")
    while True:
        advance(0.5)
        time.sleep(0.01)


if __name__ == "__main__":
    log.configure("warning", "json")
    if "--cluster" in sys.argv:
        asyncio.run(
            open_cluster(
                crowd=int(sys.argv[3]),
                port=int(sys.argv[2]),
                folder=Path(sys.argv[1]),
                console=Console(width=200),
                draw=draw,
            )
        )
        sys.exit()
    asyncio.run(
        open_stage(
            crowd=int(sys.argv[3]),
            port=int(sys.argv[2]),
            lan=False,
            folder=Path(sys.argv[1]),
            fresh=False,
            console=Console(width=200),
            draw=draw,
        )
    )
