"""Tests of `anyredis.reports`."""
