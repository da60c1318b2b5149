"""The bridge's exceptions.

BridgeError
├── BadEndpoint     an address or key that can't be used (the command line exits 2)
├── BadMap          a map, rectangle or document that the protocol can't carry
├── ProtocolError   the peer broke the protocol: it is dropped, everyone else goes on
└── Disconnected    the peer is gone
"""


class BridgeError(Exception):
    """Base of all errors that the bridge raises on purpose."""


class BadEndpoint(BridgeError):
    """An address or key that can't be used; the message says what to do."""


class BadMap(BridgeError):
    """A map, rectangle or document that this side wanted to publish and that the protocol can't carry."""


class ProtocolError(BridgeError):
    """A peer sent something that the protocol forbids. `code` is the BYE code it earns (docs/protocol.md §8)."""

    def __init__(self, message: str, code: str = "malformed") -> None:
        super().__init__(message)
        self.code = code


class Disconnected(BridgeError):
    """The peer is gone."""
