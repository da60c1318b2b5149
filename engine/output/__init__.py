"""Results on the disk: written whole or not at all, with their origin, and listed with their hashes."""

from engine.output.atomic import TEMPORARY_SUFFIX, telling, temporary_beside, write_atomic
from engine.output.folder import OutputFolder, Stage, Verification, verify
from engine.output.pictures import FORMATS, MOST_SIDE, SUFFIXES, encode_picture
from engine.output.provenance import Provenance, encode_png, xmp_packet

__all__ = [
    "FORMATS",
    "MOST_SIDE",
    "SUFFIXES",
    "TEMPORARY_SUFFIX",
    "OutputFolder",
    "Provenance",
    "Stage",
    "Verification",
    "encode_picture",
    "encode_png",
    "telling",
    "temporary_beside",
    "verify",
    "write_atomic",
    "xmp_packet",
]
