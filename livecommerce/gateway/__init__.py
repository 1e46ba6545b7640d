"""The edge: front door, HTTP, WebSocket, dispatch, snapshot, metrics."""
