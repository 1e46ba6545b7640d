"""Rooms in motion: hub, room log, fan-out, presence, recovery, and the backplane between nodes.

Knows no commerce: an event is an id, a lane, an audience and bytes.
"""
