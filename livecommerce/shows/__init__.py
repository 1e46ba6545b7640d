"""Rooms, shows, the bag, pins, chat and reactions."""
