"""The command line: one module a noun."""

from recsys.cli.app import main

__all__ = ["main"]
