"""`python -m bff`: the same as the console script."""

from bff.cli import main

main()
