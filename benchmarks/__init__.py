"""anyredis compared with its peers: `python -m benchmarks`, or `python -m nox -s bench`."""
