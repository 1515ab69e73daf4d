"""What the system knows: ids, tracks, listening events, the store, importers and the demo world."""
