"""The nodes of a cluster: slot map, topology, endpoints, and the pools over them."""
