"""The live socket: one connection from its upgrade to its end."""

from livecommerce.gateway.websocket.live import LiveContext, LiveSocket
from livecommerce.gateway.websocket.visitors import Entry, Gatekeeper, Visitor

__all__ = ["Entry", "Gatekeeper", "LiveContext", "LiveSocket", "Visitor"]
