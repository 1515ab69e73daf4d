"""The service under load, under attack and at its end."""
