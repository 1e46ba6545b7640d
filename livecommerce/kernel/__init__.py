"""Money, ids, clock, errors and limits: what every other package may use. Standard library only."""
