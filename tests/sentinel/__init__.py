"""Tests of `anyredis.sentinel.client`."""
