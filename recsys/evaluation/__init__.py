"""Offline evaluation: metrics, the methods that are compared, and the report."""
