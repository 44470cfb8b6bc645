"""Tests of `anyredis.client.redis`."""
