"""Tests of `anyredis.client.modules`."""
