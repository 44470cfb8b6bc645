"""Tests of `anyredis.cluster.routing.routes`."""
