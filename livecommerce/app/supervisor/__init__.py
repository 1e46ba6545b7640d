"""`serve --workers N`: N nodes on one port, each a process, kept alive and replaced without a gap.

The supervisor serves nothing itself. It binds the sockets, starts the nodes on them (`nodes`), and
keeps each place filled (`slots`). What a node knows of its supervisor is `place`.
"""
