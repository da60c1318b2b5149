"""From a site on the skin to a metric patch, and from the patch back into the texels."""

from engine.surface.patch import Patch
from engine.surface.surface import Surface, site_of
from engine.surface.writing import composite, stamp

__all__ = ["Patch", "Surface", "composite", "site_of", "stamp"]
