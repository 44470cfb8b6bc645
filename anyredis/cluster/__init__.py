"""The client for a cluster: nodes and slot map, routing, and the client on top of them."""
