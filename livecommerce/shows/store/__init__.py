"""Tables and SQL of rooms, shows, bags, pins and chat. Nobody else touches them."""
