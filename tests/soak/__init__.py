"""A long run of mixed load through a bad network: `python -m tests.soak --seconds 60`."""
