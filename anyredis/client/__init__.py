"""The client for one server, and what clients of any kind are made of."""
