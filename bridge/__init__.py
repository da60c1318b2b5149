"""The live link: texture maps, tiles and revisions over ZeroMQ. Knows nothing of lesions, Qt or the engine."""

from bridge.errors import BadEndpoint, BridgeError, Disconnected, ProtocolError

__all__ = ["BadEndpoint", "BridgeError", "Disconnected", "ProtocolError"]
