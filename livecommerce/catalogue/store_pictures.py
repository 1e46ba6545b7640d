"""Picture files under the data folder, named by their content: written once, never changed."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from livecommerce.catalogue.pictures import Rendition

_NAME = re.compile(r"[0-9a-f]{32}(?:_thumb)?\.webp\Z")
URL_BASE = "/v1/pictures/"


def url(picture_id: str) -> str:
    return f"{URL_BASE}{picture_id}.webp"


def thumb_url(picture_id: str) -> str:
    return f"{URL_BASE}{picture_id}_thumb.webp"


class PictureFiles:
    """A folder of pictures. Blocking: call it from a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, picture: Rendition) -> None:
        """Stores both sizes; when it returns they survive a crash."""
        self._write(f"{picture.id}_thumb.webp", picture.thumb)
        self._write(f"{picture.id}.webp", picture.full)

    def find(self, name: str) -> Path | None:
        """The file behind a name of ours; None for any other name, whatever path it spells."""
        if _NAME.match(name) is None:
            return None
        path = self._place(name)
        return path if path.is_file() else None

    def _place(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _write(self, name: str, content: bytes) -> None:
        path = self._place(name)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # Under another name until it is whole: a reader never meets half a picture.
        beside = path.with_name(f".{name}.{secrets.token_hex(4)}")
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
