"""The whole product in a real browser: what the issue promises people, in both languages."""
