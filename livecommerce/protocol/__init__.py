"""The wire: envelope, codes, codecs and the session of one connection. Sans-I/O.

Each feature brings its own commands and events in its `wire.py`; the gateway joins them.
"""
