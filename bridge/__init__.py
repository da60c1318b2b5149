"""The live link: texture maps, tiles and revisions over ZeroMQ. Knows nothing of lesions, Qt or the engine."""

from bridge.errors import BadEndpoint, BadMap, BridgeError, Disconnected, ProtocolError

__all__ = ["BadEndpoint", "BadMap", "BridgeError", "Disconnected", "ProtocolError"]
