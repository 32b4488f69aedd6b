"""``python -m boneage`` is the program."""

from .apps.cli import main

main()
