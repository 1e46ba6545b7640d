"""What happens to a room while something breaks, and the proof that nobody missed a thing."""
