"""The client for a cluster: values that say where a command goes, and the client that sends it."""
