"""The one truth: tables, the one writer with group commit, the outbox, migrations, invariants."""
