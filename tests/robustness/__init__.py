"""Robustness: wrong arguments, failing servers and networks, and many tasks at once."""
