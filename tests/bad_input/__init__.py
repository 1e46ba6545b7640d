"""What bad input gets: for each case the exact code, and nothing changed."""
