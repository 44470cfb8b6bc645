"""Clients for a primary and its replicas that sentinels watch."""
