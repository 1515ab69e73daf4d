"""The encoder that comes with the package; its model card is ``README.md`` beside it."""

from pathlib import Path

SHIPPED_ENCODER = Path(__file__).parent / "encoder"
"""Folder of the encoder that is used until one has been trained on the user's own library."""
