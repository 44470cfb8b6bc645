"""Tests of `anyredis.cluster`."""
