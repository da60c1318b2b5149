"""The engine's exceptions. Messages name the file or field, say what is wrong with it, and what to do.

MoulageError
├── BadInput            the user's file, argument or document is at fault (the command line exits 2)
│   ├── AvatarError     a body that can't be used
│   ├── SpecError       a lesion or shape that can't be asked for
│   ├── SceneError      a scene file that can't be opened or is another's
│   ├── ModelError      a model folder that is missing or broken
│   └── DataError       a data set that can't be trained on or measured with
├── OutputError         writing failed: disk full, no permission
└── Cancelled           the user stopped the work between two steps
"""


class MoulageError(Exception):
    """Base of all errors that the engine raises on purpose."""


class BadInput(MoulageError):
    """Something the user gave can't be used as it is."""


class AvatarError(BadInput):
    """An avatar file that can't be used."""


class SpecError(BadInput):
    """A lesion specification with an impossible value."""


class SceneError(BadInput):
    """A scene file that can't be opened, or that somebody else writes."""


class ModelError(BadInput):
    """A model that is missing, incomplete or damaged."""


class DataError(BadInput):
    """A data set, or a file of one, that can't be used."""


class OutputError(MoulageError):
    """A result could not be written; nothing half-written is left."""


class Cancelled(MoulageError):
    """The work was stopped on request; nothing was changed."""
