"""The server's side of a TLS connection in memory, to send its bytes at any time and in any cut."""

from __future__ import annotations

import ssl
from contextlib import suppress

from anyredis.connection.tls_lane import TLSState
from tests.connection.lanes import contexts


class TLSPeer:
    """The server's side; what it sends is taken and fed by hand."""

    def __init__(self) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl_object = contexts().server.wrap_bio(
            self._incoming, self._outgoing, server_side=True
        )

    def shake(self, data: bytes) -> bytes:
        """Its answer to *data* of the handshake; after the last, its session tickets."""
        self._incoming.write(data)
        with suppress(ssl.SSLWantReadError):
            self._ssl_object.do_handshake()
        return self._outgoing.read()

    def encrypted(self, data: bytes) -> bytes:
        """*data* in records."""
        if data:
            self._ssl_object.write(data)
        return self._outgoing.read()

    def decrypted(self, data: bytes) -> bytes:
        """All that can be read once *data* has arrived."""
        self._incoming.write(data)
        pieces: list[bytes] = []
        try:
            while piece := self._ssl_object.read(65536):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        return b"".join(pieces)

    def close_notify(self) -> bytes:
        """Its last record."""
        with suppress(ssl.SSLError):  # the other side has not closed
            self._ssl_object.unwrap()
        return self._outgoing.read()


def connected() -> tuple[TLSState, TLSPeer]:
    """Both sides after the handshake, session tickets included."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = contexts().client.wrap_bio(incoming, outgoing, server_hostname="localhost")
    peer = TLSPeer()
    while True:
        try:
            ours.do_handshake()
            break
        except ssl.SSLWantReadError:
            incoming.write(peer.shake(outgoing.read()))
    incoming.write(peer.shake(outgoing.read()))
    return TLSState(ours, incoming, outgoing), peer
