"""The payment provider port, and the sandbox behind it."""
