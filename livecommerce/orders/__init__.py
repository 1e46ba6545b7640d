"""Checkout and orders: from one click to a confirmed order, or back."""
