"""`python -m desktop` is the `moulage` command."""

from desktop.cli import main

main()
