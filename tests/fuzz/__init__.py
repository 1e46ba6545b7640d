"""Noise: whatever arrives, the server answers or closes, and goes on serving."""
