"""Tests, and the programs they share: run with `make test`, or `python -m tests.<program>`."""
