"""The way of a command through a cluster: routes, redirects, fan-out, aggregates."""
