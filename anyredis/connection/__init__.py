"""One connection to one server, and the ways to make its byte stream."""
