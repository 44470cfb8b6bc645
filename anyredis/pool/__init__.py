"""Many connections to one server: limits, leases, sharing."""
