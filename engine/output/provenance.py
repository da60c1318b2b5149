"""What a picture says of itself: synthetic, from which specification, by which model, under which licence.

`DigitalSourceType` is IPTC Photo Metadata (https://iptc.org/std/photometadata/specification/), in an XMP packet
(ISO 16684-1) where PNG keeps it: an iTXt chunk `XML:com.adobe.xmp`. The rest stands in plain text chunks.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from numpy.typing import NDArray

from engine import png

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
NOTICE = "Synthetic. Not for diagnosis."
NAMESPACE = "urn:moulage:1"
XMP_KEYWORD = "XML:com.adobe.xmp"
_MAX_SPEC = 16_000_000


@dataclass(frozen=True)
class Provenance:
    """spec: JSON text of what was asked for (one LesionSpec, or a list of them for an atlas).

    model: SHA-256 fingerprint of the weights, "" where no network took part. licence: of the picture, in words.
    """

    spec: str
    model: str
    licence: str

    def __post_init__(self) -> None:
        """Raise ValueError for a spec that is no JSON or too long to travel in a picture."""
        if len(self.spec) > _MAX_SPEC:
            raise ValueError(f"a specification of {len(self.spec)} characters is too long for a picture")
        json.loads(self.spec)


def encode_png(pixels: NDArray[Any], provenance: Provenance) -> bytes:
    """A PNG that says what it is; the same bytes for the same pixels and provenance.

    pixels: uint8 [H, W, 3] or [H, W, 4] (sRGB), uint8 [H, W], uint16 [H, W] (an instance map) or bool [H, W].
    """
    texts = [
        (XMP_KEYWORD, xmp_packet(provenance)),
        ("Software", "Moulage"),
        ("Disclaimer", NOTICE),
        ("Copyright", provenance.licence),
        ("moulage:model", provenance.model),
        ("moulage:spec", provenance.spec),
    ]
    return png.encode(pixels, [(keyword, text) for keyword, text in texts if text])


def xmp_packet(provenance: Provenance) -> str:
    """The XMP packet by itself, for other picture formats. Of a long specification it holds the SHA-256."""
    licence, model = _xml(provenance.licence), _xml(provenance.model)
    spec = hashlib.sha256(provenance.spec.encode()).hexdigest()
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"\n'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"\n'
        f' xmlns:moulage="{NAMESPACE}">\n'
        f"<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>\n"
        f"<xmp:CreatorTool>Moulage, model {model or 'none'}</xmp:CreatorTool>\n"
        f"<moulage:model>{model}</moulage:model><moulage:specSha256>{spec}</moulage:specSha256>\n"
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{NOTICE}</rdf:li></rdf:Alt></dc:description>\n'
        f'<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">{licence}</rdf:li></rdf:Alt></dc:rights>\n'
        '</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end="r"?>'
    )


def _xml(text: str) -> str:
    """Text as XML 1.0 can carry it."""
    return escape("".join(c if c >= " " and c not in "\ufffe\uffff" else " " for c in text))
