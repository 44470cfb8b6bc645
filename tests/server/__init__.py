"""Tests of `anyredis.server`."""
