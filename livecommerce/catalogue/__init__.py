"""Markets, merchants, products, variants and pictures."""
