"""anyredis: a Redis and Valkey client for structured concurrency, on asyncio, uvloop and trio."""

from anyredis.address import TCPAddress, UnixAddress
from anyredis.backoff import Backoff, Retry
from anyredis.client.commands import Commands
from anyredis.client.keyspace_events import KeyEvent, KeyspaceEvents
from anyredis.client.libraries import Library, library_function
from anyredis.client.monitor import Monitor, MonitoredCommand
from anyredis.client.node_client import NodeClient
from anyredis.client.pipeline import Pipeline
from anyredis.client.pubsub import PubSub
from anyredis.client.pubsub_events import Dropped, Gap, Message, PubSubEvent, SubscriptionChange
from anyredis.client.redis import Redis
from anyredis.client.script_functions import ScriptFunction, script
from anyredis.client.scripts import Script
from anyredis.client.session import Session
from anyredis.client.transaction import Transaction
from anyredis.cluster.nodes.blocking_pool import BlockingClusterConnectionPool
from anyredis.cluster.nodes.cluster_pool import ClusterConnectionPool
from anyredis.cluster.nodes.node_connection import ClusterConnection
from anyredis.cluster.nodes.read_balancer import ReadFrom
from anyredis.cluster.redis_cluster import RedisCluster
from anyredis.command import (
    Batch,
    Blueprint,
    Command,
    Executor,
    Result,
    blocking_command,
    command,
)
from anyredis.commands.bitmaps import BitField
from anyredis.commands.geo import GeoPlace, GeoPosition
from anyredis.commands.group import Group
from anyredis.connection.base import (
    BaseConnection,
    ConnectionListener,
)
from anyredis.connection.options import ConnectionOptions
from anyredis.connection.tcp import Connection
from anyredis.connection.unix import UnixDomainSocketConnection
from anyredis.credentials import CredentialProvider, Credentials
from anyredis.exceptions import (
    AskError,
    AuthenticationError,
    BusyGroupError,
    BusyKeyError,
    BusyLoadingError,
    BusyScriptError,
    ClusterDownError,
    ConnectionError,
    ConnectTimeoutError,
    CrossSlotError,
    DataError,
    DataTypeError,
    DataValueError,
    DemotedError,
    DurabilityError,
    ExecAbortError,
    GuaranteeError,
    LockError,
    MaxClientsError,
    MaxConnectionsError,
    MovedError,
    NoGroupError,
    NoPermissionError,
    NoReplicasError,
    NoScriptError,
    Outcome,
    OutOfMemoryError,
    PartialFailureError,
    PersistenceError,
    PoolTimeoutError,
    PrimaryDownError,
    ProtocolError,
    PubSubError,
    ReadOnlyError,
    RedirectError,
    RedisError,
    ReplicationError,
    ReplyDecodeError,
    ResponseError,
    SearchQueryError,
    SubscriptionOverflowError,
    TimeoutError,
    TryAgainError,
    UnblockedError,
    UnknownCommandError,
    WatchError,
    WrongTypeError,
)
from anyredis.facts.lookup import register_command
from anyredis.namespaces import (
    BlueprintNamespace,
    ClientNamespace,
    PipelineNamespace,
    namespace,
)
from anyredis.observer import (
    BaseObserver,
    CommandEnd,
    CommandEvent,
    Observer,
    RedirectEvent,
    RetryEvent,
)
from anyredis.pool.standalone import BlockingConnectionPool, ConnectionPool
from anyredis.pool.watchers import PoolView, PoolWatcher
from anyredis.reports.server_reports import AclLogEntry, AclSelector, AclUser
from anyredis.reports.stream_reports import (
    DeliveredEntry,
    FullStreamConsumer,
    FullStreamGroup,
    FullStreamInfo,
    StreamConsumerInfo,
    StreamGroupInfo,
    StreamIdempotence,
    StreamInfo,
)
from anyredis.sentinel.client import Sentinel
from anyredis.stream_entries import (
    AutoClaim,
    AutoClaimIds,
    ClaimedEntry,
    PendingEntry,
    PendingSummary,
    StreamEntry,
)
from anyredis.version import __version__
from anyredis.wire.encode import Key, Value

__all__ = [
    "AclLogEntry",
    "AclSelector",
    "AclUser",
    "AskError",
    "AuthenticationError",
    "AutoClaim",
    "AutoClaimIds",
    "Backoff",
    "BaseConnection",
    "BaseObserver",
    "Batch",
    "BitField",
    "BlockingClusterConnectionPool",
    "BlockingConnectionPool",
    "Blueprint",
    "BlueprintNamespace",
    "BusyGroupError",
    "BusyKeyError",
    "BusyLoadingError",
    "BusyScriptError",
    "ClaimedEntry",
    "ClientNamespace",
    "ClusterConnection",
    "ClusterConnectionPool",
    "ClusterDownError",
    "Command",
    "CommandEnd",
    "CommandEvent",
    "Commands",
    "ConnectTimeoutError",
    "Connection",
    "ConnectionError",
    "ConnectionListener",
    "ConnectionOptions",
    "ConnectionPool",
    "CredentialProvider",
    "Credentials",
    "CrossSlotError",
    "DataError",
    "DataTypeError",
    "DataValueError",
    "DeliveredEntry",
    "DemotedError",
    "Dropped",
    "DurabilityError",
    "ExecAbortError",
    "Executor",
    "FullStreamConsumer",
    "FullStreamGroup",
    "FullStreamInfo",
    "Gap",
    "GeoPlace",
    "GeoPosition",
    "Group",
    "GuaranteeError",
    "Key",
    "KeyEvent",
    "KeyspaceEvents",
    "Library",
    "LockError",
    "MaxClientsError",
    "MaxConnectionsError",
    "Message",
    "Monitor",
    "MonitoredCommand",
    "MovedError",
    "NoGroupError",
    "NoPermissionError",
    "NoReplicasError",
    "NoScriptError",
    "NodeClient",
    "Observer",
    "OutOfMemoryError",
    "Outcome",
    "PartialFailureError",
    "PendingEntry",
    "PendingSummary",
    "PersistenceError",
    "Pipeline",
    "PipelineNamespace",
    "PoolTimeoutError",
    "PoolView",
    "PoolWatcher",
    "PrimaryDownError",
    "ProtocolError",
    "PubSub",
    "PubSubError",
    "PubSubEvent",
    "ReadFrom",
    "ReadOnlyError",
    "RedirectError",
    "RedirectEvent",
    "Redis",
    "RedisCluster",
    "RedisError",
    "ReplicationError",
    "ReplyDecodeError",
    "ResponseError",
    "Result",
    "Retry",
    "RetryEvent",
    "Script",
    "ScriptFunction",
    "SearchQueryError",
    "Sentinel",
    "Session",
    "StreamConsumerInfo",
    "StreamEntry",
    "StreamGroupInfo",
    "StreamIdempotence",
    "StreamInfo",
    "SubscriptionChange",
    "SubscriptionOverflowError",
    "TCPAddress",
    "TimeoutError",
    "Transaction",
    "TryAgainError",
    "UnblockedError",
    "UnixAddress",
    "UnixDomainSocketConnection",
    "UnknownCommandError",
    "Value",
    "WatchError",
    "WrongTypeError",
    "__version__",
    "blocking_command",
    "command",
    "library_function",
    "namespace",
    "register_command",
    "script",
]
