"""How nodes hear each other: a port, and its implementations."""
