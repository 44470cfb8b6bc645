"""A real Valkey or Redis server for development and tests, as a scope.

    async with anyredis.server.run() as server:
        async with anyredis.Redis.from_url(server.url) as client:
            ...

The server is gone when the block ends, and when the process ends, in any way.
"""

from anyredis.server.binary import ServerNotFoundError
from anyredis.server.cluster import Cluster, run_cluster
from anyredis.server.readiness import NotReadyError
from anyredis.server.running import Server, ServerStartError, run
from anyredis.server.sentinel import SentinelDeployment, run_sentinel
from anyredis.server.server_spec import TLSFiles

__all__ = [
    "Cluster",
    "NotReadyError",
    "SentinelDeployment",
    "Server",
    "ServerNotFoundError",
    "ServerStartError",
    "TLSFiles",
    "run",
    "run_cluster",
    "run_sentinel",
]
