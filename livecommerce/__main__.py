"""`python -m livecommerce`, for where the command itself is not on the path."""

from livecommerce.cli import main

main()
