"""What the system knows, in formats that others read."""
