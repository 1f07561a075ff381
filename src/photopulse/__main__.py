"""Lets ``python -m photopulse`` do what ``photopulse`` does."""

from photopulse.cli import main

main()
