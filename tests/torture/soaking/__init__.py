"""The parts of `tests.torture.soak`: the shop it runs on, who comes and goes, what is measured."""
