"""One connection until it is opened: its options, its stream and its handshake.

Law: a stream stays open only if the whole handshake was done on it.  What was read on a stream that
is closed again is forgotten.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial

import anyio
from anyio.abc import ByteStream

from anyredis.connection.handshake import (
    LIBRARY_NAME,
    HandshakeOptions,
    HandshakeStep,
    ServerInfo,
    negotiate,
)
from anyredis.connection.handshake_io import HungUpOnHelloError, perform_handshake
from anyredis.connection.health import read_error
from anyredis.connection.options import (
    check_codec,
    check_count,
    check_flags,
    check_names,
    check_numbers,
    credential_source,
    current_credentials,
)
from anyredis.connection.requests import RequestSender
from anyredis.credentials import CredentialProvider, Credentials, hidden
from anyredis.exceptions import RedisError, from_lone_server, from_server
from anyredis.wire.decode import Decoder, Reply, text_decoder
from anyredis.wire.encode import encoder
from anyredis.wire.lengths import MAX_ELEMENTS
from anyredis.wire.request_queue import RequestQueue

MAX_PUSH_BYTES = 512 * 1024 * 1024
"""The default of `max_push_bytes`: the servers' own limit for a string."""


class OpenedConnection(RequestSender):
    """The opening side of a connection; `BaseConnection` says what the arguments are."""

    server_info = ServerInfo(protocol=0)
    """The facts that the server gave in the handshake."""
    read_error: Callable[[str], RedisError] = staticmethod(from_lone_server)
    """Makes the value of an error reply from its text; it may `drain` the connection.

    If it holds only a weak reference to the connection, that is freed as soon as it is closed.
    """
    _stream: ByteStream | None = None

    def __init__(
        self,
        *,
        username: str | None = None,
        password: str | None = None,
        credential_provider: CredentialProvider | None = None,
        db: int = 0,
        client_name: str | None = None,
        lib_name: str | None = LIBRARY_NAME,
        protocol: int = 3,
        decode_responses: bool = False,
        encoding: str = "utf-8",
        encoding_errors: str = "strict",
        stream_timeout: float | None = 10.0,
        connect_timeout: float = 5.0,
        noevict: bool = False,
        notouch: bool = False,
        max_push_bytes: int = MAX_PUSH_BYTES,
        max_elements: int = MAX_ELEMENTS,
    ) -> None:
        password = hidden(password)  # first: an error below shows it in no variable
        self.max_push_bytes = check_count("max_push_bytes", max_push_bytes, least=1)
        self._max_elements = check_count("max_elements", max_elements, least=1)
        check_numbers(
            protocol=protocol, db=db, stream_timeout=stream_timeout, connect_timeout=connect_timeout
        )
        check_flags(decode_responses=decode_responses, noevict=noevict, notouch=notouch)
        check_names(client_name=client_name, lib_name=lib_name)
        check_codec(encoding, encoding_errors)
        self.connect_timeout = connect_timeout
        self.stream_timeout = stream_timeout
        self.db, self.decode_responses = db, decode_responses
        self.encoding, self.encoding_errors = encoding, encoding_errors
        self._handshake_options = HandshakeOptions(
            protocol, db, client_name, noevict, notouch, lib_name
        )
        self._credentials = credential_source(username, password, credential_provider)
        self.encoder = encoder(encoding, encoding_errors)
        self.decodes = text_decoder(encoding, encoding_errors) if decode_responses else None
        """Decodes bytes to text, if it decodes replies."""
        if self.read_error in (from_server, from_lone_server):
            self.read_error = partial(read_error, weakref.ref(self), self.read_error)
        self._reset_decoder()

    def _reset_decoder(self) -> None:
        """Start with a new decoder and an empty queue, for a new stream."""
        encoding = self.encoding if self.decode_responses else None
        self._decoder = Decoder(encoding, self.read_error, self.encoding_errors, self._max_elements)
        self.wire = RequestQueue(
            self._decoder, reply_timeout=self.stream_timeout, on_push=self._tell_of_push
        )

    def _tell_of_push(self, message: list[Reply]) -> None:
        """Tell the listeners of a push."""
        raise NotImplementedError

    # -- for subclasses -------------------------------------------------------------------------

    async def open_stream(self) -> ByteStream:
        """A connected byte stream to the server; cancelled after `connect_timeout`."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """The address of the server, for messages."""
        return type(self).__name__

    def extra_steps(self) -> tuple[HandshakeStep, ...]:
        """Commands to add to the handshake."""
        return ()

    def check_server(self, server_info: ServerInfo) -> None:
        """Check the facts that the server gave in the handshake; raise an error to refuse it."""

    def hint(self, error: Exception) -> str:  # noqa: ARG002 - for subclasses
        """What may be wrong if connecting failed with *error*, for the message; may be empty."""
        return ""

    async def establish(self) -> None:
        """Open the stream and do the handshake, for `connect`.

        A subclass that has several servers to try calls this for each, and `disconnect` between.
        """
        credentials = await current_credentials(self._credentials)
        options = self._handshake_options._replace(extra=self.extra_steps())
        try:
            await self._establish(options, credentials)
        except HungUpOnHelloError:
            # Some proxies refuse HELLO and close: RESP2 then, on another stream, without it.
            self._reset_decoder()
            await self._establish(options._replace(protocol=2), credentials)

    async def _establish(self, options: HandshakeOptions, credentials: Credentials) -> None:
        stream = await self.open_stream()
        try:
            conversation = negotiate(options, credentials)
            self.server_info = await perform_handshake(
                conversation, stream, self._decoder, self.encoder
            )
            self.check_server(self.server_info)
        except BaseException:
            await anyio.aclose_forcefully(stream)
            raise
        self._stream = stream

    async def disconnect(self) -> None:
        """Undo `establish`: close the stream and forget all bytes that were read."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await anyio.aclose_forcefully(stream)
        self._reset_decoder()
