"""Tests of many connections."""
