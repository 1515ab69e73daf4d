"""Candidates of every source → one ordered list: sources, merging, features, LightGBM, reasons."""
