"""Tests of `anyredis.cluster.nodes`."""
