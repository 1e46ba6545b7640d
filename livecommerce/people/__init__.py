"""Accounts, sign-in, tokens, roles and capabilities, and the personal-data vault."""
