"""Bad input and bad days: what users, servers and networks do to a client."""
