"""Tests of `anyredis.facts`."""
