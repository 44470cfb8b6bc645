"""The tests of anyredis, laid out as the package is."""
