"""What a room client raises."""

from __future__ import annotations

from typing import Any


class CallRefused(Exception):
    """The server answered a command with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["code"])
        self.code: str = error["code"]
        self.retry: str = error["retry"]
        self.after_ms: int | None = error.get("after_ms")
        self.field: str | None = error.get("field")
        self.data: dict[str, Any] = error.get("data", {})


class Closed(Exception):
    """The client is closed for good: by us, or by a close code that says to stay away."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__(f"closed ({code})")
        self.code = code
