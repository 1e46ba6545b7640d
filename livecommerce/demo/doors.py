"""The links of the demo: who one comes in as, and where."""

from __future__ import annotations

from collections.abc import Sequence

from livecommerce.demo.seed import ROOM_SLUG, Seeded
from livecommerce.people.accounts import Actor
from livecommerce.people.service import People

ROOM = f"/r/{ROOM_SLUG}"
STUDIO = f"/studio/{ROOM_SLUG}"
_LINK_VALID_S = 86_400


async def doors(
    people: People, seeded: Seeded, *, here: str, there: str
) -> Sequence[tuple[str, str]]:
    """Makes a sign-in link for everybody one can come in as: name and link, the phone's last.

    Args:
        here: where a browser of this machine finds the shop, without a slash at the end.
        there: where a phone does.
    """
    wanted: tuple[tuple[str, Actor | None, str, str], ...] = (
        ("just watch", None, here, ROOM),
        ("viewer", seeded.viewer, here, ROOM),
        ("host", seeded.host, here, STUDIO),
        ("moderator", seeded.moderator, here, STUDIO),
        ("phone", seeded.phone, there, ROOM),
    )
    found = []
    for name, actor, base, path in wanted:
        link = base + path
        if actor is not None:
            token = await people.make_link(actor.person_id, valid_s=_LINK_VALID_S, uses=50)
            link = f"{base}/account#link={token}&next={path}"
        found.append((name, link))
    return found
