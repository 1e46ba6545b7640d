"""The HTTP edge: one file a feature. Decode, authenticate, call one service function, encode."""
