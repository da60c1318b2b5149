"""The bridge's exceptions.

BridgeError
├── BadEndpoint     an address or key that can't be used (the command line exits 2)
├── ProtocolError   the peer broke the protocol: it is dropped, everyone else goes on
└── Disconnected    the peer is gone
"""


class BridgeError(Exception):
    """Base of all errors that the bridge raises on purpose."""


class BadEndpoint(BridgeError):
    """An address or key that can't be used; the message says what to do."""


class ProtocolError(BridgeError):
    """A peer sent something that the protocol forbids."""


class Disconnected(BridgeError):
    """The peer is gone."""
