"""Connections to sentinels: a question to all of them at once, or a subscription at one.

Law: a question ends with the first good answer, and in any case within `sentinel_timeout` seconds.
Its connections are closed afterwards.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from ssl import SSLContext, TLSVersion, VerifyMode
from typing import (
    Annotated,
    Any,
    Generic,
    NamedTuple,
    NoReturn,
    TypeAlias,
    TypedDict,
    TypeVar,
    Unpack,
)

import anyio
from anyio.abc import ByteStream

from anyredis.address import (
    DEFAULT_SENTINEL_PORT,
    SENTINEL,
    Reader,
    TCPAddress,
    check_no_url,
    is_host,
    parse_hosts,
    port_number,
)
from anyredis.address_remap import AddressRemap, check_address_remap, reachable
from anyredis.connection.errors import cannot_connect
from anyredis.connection.handshake import HandshakeStep
from anyredis.connection.handshake_io import CHUNK
from anyredis.connection.options import (
    Flag,
    FromURL,
    Seconds,
    TCPOptions,
    Text,
    check_iterable,
    check_seconds,
    named_address,
    parameters_of,
)
from anyredis.connection.tcp import Connection
from anyredis.connection.tls import share_context
from anyredis.credentials import CredentialProvider, hidden_addresses, hide
from anyredis.exceptions import (
    AuthenticationError,
    ConnectionError,
    DataError,
    DataValueError,
    ProtocolError,
    RedisError,
    ResponseError,
)
from anyredis.excerpt import unmade
from anyredis.replies import array, record, unexpected, word
from anyredis.wire.decode import MORE, Reply
from anyredis.wire.encode import Value
from anyredis.wire.request_queue import MAX_UNASKED

T = TypeVar("T")

QUIET = 10.0
"""Seconds without a message after which a sentinel gets a PING; without an answer it is lost."""

DOWN = frozenset({"s_down", "o_down", "disconnected"})
"""Flags of a replica that the sentinels do not reach."""

SentinelName: TypeAlias = "TCPAddress | tuple[str, int] | str"
"""A sentinel: its address, as a `TCPAddress`, a pair or `"host:port"`."""


LOGIN = "write host:port, and give sentinel_username= and sentinel_password= for a login"


class SentinelOptions(TypedDict, total=False):
    """The keyword arguments for the connections to the sentinels, and for their answers."""

    sentinel_username: Text
    sentinel_password: Text
    sentinel_credential_provider: CredentialProvider | None
    sentinel_ssl: Flag
    sentinel_ssl_context: SSLContext | None
    sentinel_ssl_ca_certs: Text
    sentinel_ssl_ca_data: str | bytes | None
    sentinel_ssl_certfile: Text
    sentinel_ssl_keyfile: Text
    sentinel_ssl_password: Text
    sentinel_ssl_cert_reqs: Annotated[str | VerifyMode, FromURL(str)]
    sentinel_ssl_check_hostname: Flag
    sentinel_ssl_ciphers: Text
    sentinel_ssl_min_version: TLSVersion | None
    sentinel_timeout: Seconds
    address_remap: AddressRemap | None


def sentinel_parameters() -> Mapping[str, Reader]:
    """The query parameters of a URL for the connections to sentinels, with their readers."""
    return parameters_of(SentinelOptions)


class SentinelConnection(Connection):
    """A connection to one sentinel, for one *question* or for a subscription."""

    option_prefix = SENTINEL
    subscribed = False
    """Whether its subscription was confirmed."""

    def __init__(
        self, address: TCPAddress, question: tuple[Value, ...], **options: Unpack[TCPOptions]
    ) -> None:
        super().__init__(host=address.host, port=address.port, **options)
        self._question = question

    def extra_steps(self) -> tuple[HandshakeStep, ...]:
        """The question: it is sent together with the handshake, in one round trip."""
        return (HandshakeStep(self._question, required=False),)

    async def ask(self) -> Reply:
        """The answer, which may be a `ResponseError`; raises the errors of connecting."""
        await anyio.aclose_forcefully(await self._connected())
        return self.server_info.extra[0]

    async def _connected(self) -> ByteStream:
        await self.connect()
        assert self._stream is not None  # noqa: S101 - connect() opened it
        return self._stream

    async def listen(self, channel: str, on_message: Callable[[str], None]) -> NoReturn:
        """Call *on_message* with each message of *channel*; raises a `RedisError` at the end."""
        stream = await self._connected()
        try:
            await self._listen(stream, channel, on_message)
        except Exception as error:
            raise cannot_connect(self.address, error, QUIET) from error
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(stream)

    async def _listen(
        self, stream: ByteStream, channel: str, on_message: Callable[[str], None]
    ) -> NoReturn:
        await stream.send(self.pack((b"SUBSCRIBE", channel)))
        incomplete = 0
        while True:
            data = b""
            with anyio.move_on_after(QUIET):
                data = await stream.receive(CHUNK)
            if not data:  # RESP2 and RESP3 both allow PING on a subscribed connection
                await stream.send(self.pack((b"PING",)))
                with anyio.fail_after(self.connect_timeout):
                    data = await stream.receive(CHUNK)
            self._decoder.feed(data)
            incomplete += len(data)
            while (reply := self._decoder.next_reply()) is not MORE:
                incomplete = 0
                if isinstance(reply, RedisError):
                    raise reply
                match reply:  # lists; a push of RESP3 is a list, too
                    case ["message", _, message]:
                        on_message(word(message))
                    case ["subscribe", *_]:
                        self.subscribed = True
                    case _:
                        pass
            if incomplete > MAX_UNASKED:
                raise ProtocolError("the sentinel sends a message that does not end")


class Answers(NamedTuple, Generic[T]):
    """The answers of the sentinels about *name*; None: the sentinel does not know the name."""

    name: str
    answers: Mapping[TCPAddress, T | RedisError | None]

    def given(self) -> list[T]:
        """The good answers; if there is none, raises an error that names every sentinel."""
        given = [
            each
            for each in self.answers.values()
            if each is not None and not isinstance(each, RedisError)
        ]
        if not given:
            raise self._no_answer()
        return given

    def _no_answer(self) -> RedisError:
        answers = self.answers.values()
        in_order = sorted(self.answers.items(), key=str)
        details = "; ".join(self._describe(*each) for each in in_order)
        if None in answers:
            return ConnectionError(f"no sentinel knows {self.name!r}: {details}")
        refused = all(isinstance(answer, AuthenticationError) for answer in answers)
        kind = AuthenticationError if refused else ConnectionError
        return kind(f"no sentinel answers: {details}")

    def _describe(self, address: TCPAddress, answer: T | RedisError | None) -> str:
        if answer is None:
            return f"{address} knows no {self.name!r}"
        return str(answer) if str(address) in str(answer) else f"{address}: {answer}"


class Sentinels:
    """Sentinels at *addresses*; *options* are those of `SentinelOptions`.

    Raises `DataError` at once for invalid arguments.
    """

    def __init__(
        self, addresses: Iterable[SentinelName], **options: Unpack[SentinelOptions]
    ) -> None:
        addresses = hidden_addresses(addresses)
        hide(options)
        check_iterable("sentinels", addresses, "TCPAddress, (host, port) or 'host:port'")
        self.addresses = tuple(dict.fromkeys(sentinel_address(each) for each in addresses))
        if not self.addresses:
            raise DataValueError("sentinels is empty: give at least one")
        self._remap = options.pop("address_remap", None)
        check_address_remap(self._remap)
        self._options = _connection_options(dict(options))
        for address in self.addresses:
            self.connection_to(address)  # raises an error for an invalid argument

    def __repr__(self) -> str:
        if "addresses" not in vars(self):
            return unmade(self)
        return f"<Sentinels {', '.join(map(str, self.addresses))}>"

    def connection_to(
        self, address: TCPAddress, question: tuple[Value, ...] = (b"PING",)
    ) -> SentinelConnection:
        """A connection to one of them, not yet connected."""
        try:
            return SentinelConnection(address, question, **self._options)
        except DataError as error:
            raise type(error)(f"for the sentinels: {error}") from error

    async def primary(self, name: str, avoid: Collection[TCPAddress] = ()) -> TCPAddress:
        """The address of the primary, by the first sentinel that knows it.

        One that is not in *avoid*, if any sentinel names such an address.  Raises
        `ConnectionError` if no sentinel answers or none knows *name*, `AuthenticationError` if
        none accepts the credentials.
        """
        question: tuple[Value, ...] = (b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", name)
        answers = await self._ask(name, question, self._primary_in, lambda each: each not in avoid)
        given = answers.given()
        return next((each for each in given if each not in avoid), given[0])

    async def replicas(
        self, name: str, avoid: Collection[TCPAddress] = ()
    ) -> tuple[TCPAddress, ...]:
        """The addresses of the usable replicas, by the first sentinel that knows any.

        An answer that is not all in *avoid* is preferred.  Raises the errors of `primary`.
        """
        question: tuple[Value, ...] = (b"SENTINEL", b"REPLICAS", name)
        answers = await self._ask(
            name, question, self._replicas_in, lambda each: set(each) - set(avoid)
        )
        given = answers.given()
        return next((each for each in given if set(each) - set(avoid)), given[0])

    def reachable(self, told: TCPAddress) -> TCPAddress:
        """The address at which the server is reached that a sentinel told as *told*.

        Raises `ConnectionError` if the user's `address_remap` fails.
        """
        return reachable(told, self._remap)

    def _primary_in(self, reply: Reply) -> TCPAddress | None:
        told = _address(reply)
        return None if told is None else self.reachable(told)

    def _replicas_in(self, reply: Reply) -> tuple[TCPAddress, ...] | None:
        told = _replicas(reply)
        return None if told is None else tuple(map(self.reachable, told))

    async def _ask(
        self,
        name: str,
        question: tuple[Value, ...],
        read: Callable[[Reply], T | None],
        good: Callable[[T], object],
    ) -> Answers[T]:
        """The answers of the sentinels until one is *good*."""
        answers: dict[TCPAddress, T | RedisError | None] = {}

        async def ask(address: TCPAddress) -> None:
            answer: T | RedisError | None
            try:
                answer = read(await self.connection_to(address, question).ask())
            except RedisError as error:
                answer = error
            answers[address] = answer
            if answer is not None and not isinstance(answer, RedisError) and good(answer):
                tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            for address in self.addresses:
                tasks.start_soon(ask, address)
        return Answers(name, answers)


def sentinel_address(name: SentinelName) -> TCPAddress:
    """The address that *name* means; raises `DataError` if it is none."""
    if isinstance(name, str):
        check_no_url("a sentinel", name, LOGIN)
        first, *others = parse_hosts(name, DEFAULT_SENTINEL_PORT)
        if others or not name:
            raise DataValueError("a sentinel is written host:port")
        return first
    return named_address(name, "sentinel", LOGIN)


def take_sentinels(addresses: Iterable[SentinelName], arguments: dict[str, Any]) -> Sentinels:
    """The sentinels at *addresses*; takes the `sentinel_…` entries out of *arguments*."""
    names = SentinelOptions.__annotations__.keys() & arguments.keys()
    options: dict[str, Any] = {name: arguments.pop(name) for name in names}
    return Sentinels(addresses, **options)


def _connection_options(options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of each connection; the TLS context is made once, because that reads files."""
    arguments = {name.removeprefix(SENTINEL): value for name, value in options.items()}
    timeout = arguments.pop("timeout", 1.0)
    check_seconds("sentinel_timeout", timeout)
    try:
        share_context(arguments)
    except DataError as error:
        raise type(error)(f"for the sentinels: {error}") from error
    return {
        **arguments,
        "connect_timeout": timeout,
        "decode_responses": True,
    }


def _address(reply: Reply) -> TCPAddress | None:
    """The address of the primary; None if the sentinel does not know the name."""
    if reply is None:
        return None
    if isinstance(reply, RedisError):
        raise reply
    host, port, *_ = *array(reply), None, None
    return _host_and_port(host, port)


def _host_and_port(host: Reply, port: Reply) -> TCPAddress:
    """The address that a sentinel gives as two strings."""
    number = port_number(port) if isinstance(port, str) else None
    if not number or not isinstance(host, str) or not is_host(host):
        unexpected([host, port], "a host and a port")
    return TCPAddress(host, number)


def _replicas(reply: Reply) -> tuple[TCPAddress, ...] | None:
    """The addresses of the replicas that are up; None if the sentinel does not know the name.

    If some have a working link to their primary, only these: the data of the others is older.
    """
    if isinstance(reply, ResponseError) and "No such master" in str(reply):
        return None
    if isinstance(reply, RedisError):
        raise reply
    linked: list[TCPAddress] = []
    up: list[TCPAddress] = []
    for facts in map(record, array(reply)):
        address = _host_and_port(facts.get("ip"), facts.get("port"))
        if DOWN.isdisjoint(word(facts.get("flags", "")).split(",")):
            up.append(address)
            if facts.get("master-link-status", "ok") == "ok":
                linked.append(address)
    return tuple(sorted(linked or up, key=str))
