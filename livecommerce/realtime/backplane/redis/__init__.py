"""The backplane of many nodes: Redis carries the batches and keeps nothing that is true.

Everything stored here can be lost at any moment; then a room begins a new epoch and every node
reads it anew from the database (docs/adr/0009-redis-is-a-cable.md).
"""
