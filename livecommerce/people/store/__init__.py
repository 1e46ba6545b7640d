"""Tables and SQL of people; nobody else touches them."""
