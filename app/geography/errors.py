"""Everything that can be wrong with a question, as one tree.

    GeographyError
    ├── InvalidInput                the question itself cannot be answered            (HTTP 400)
    │   ├── CoordinateInvalid       lat, lon or bbox is no place on earth, or likely swapped
    │   ├── FsaMalformed            no postal code can look like this
    │   └── ParameterInvalid        any other parameter: unknown, repeated, out of range
    ├── NotFound                    a well-formed question about something that is not here   (HTTP 404)
    │   ├── CoverageUnknown         no kind of region has this name
    │   ├── RegionUnknown           no region of the vintage has this code
    │   ├── FsaWithoutBoundary      a possible FSA that has no polygon in the vintage (K1A, H0H …)
    │   ├── TileUnknown             no zoom, column or row of that number
    │   ├── VintageUnknown          no published vintage has this label
    │   ├── VintagesNotCompared     what became of regions between the two is not computed
    │   ├── NoVintage               no published vintage is in force on the date
    │   ├── DownloadUnknown         no file of this name, or with this checksum
    │   └── DownloadNotMade         there could be such a file, and nothing is making it
    ├── NothingPublished            no vintage of the coverage is published yet       (HTTP 503)
    ├── TilesMissing                a vintage was loaded before there were tiles      (HTTP 503)
    └── DownloadMissing             a file is being made                              (HTTP 503)

Each carries the parameter at fault, so that a client can show the message beside the right field.
"""

from geography.translation import Message


class GeographyError(Exception):
    """Base of the tree. `message` and `hint` are for the reader of the answer; they never hold internals."""

    def __init__(self, message: Message, *, parameter: str | None = None, hint: Message | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.parameter = parameter
        self.hint = hint


class InvalidInput(GeographyError):
    """The question cannot be answered as it was put."""


class CoordinateInvalid(InvalidInput):
    """Not a place on earth, not a finite number, or very likely swapped or unsigned."""


class FsaMalformed(InvalidInput):
    """No Canadian postal code can look like this."""


class ParameterInvalid(InvalidInput):
    """A parameter that is unknown, repeated, out of its range or of the wrong form."""


class NotFound(GeographyError):
    """A well-formed question about something that is not here."""


class CoverageUnknown(NotFound):
    """No kind of region has this name."""


class RegionUnknown(NotFound):
    """No region of the vintage has this code."""


class FsaWithoutBoundary(NotFound):
    """A possible FSA that has no polygon in the vintage: Canada Post uses more codes than the census does.

    `code` is the FSA; its letters still say which province it is in (`geography.codes.fsa_provinces`). `neighbours` are the
    FSAs before and after it, in the order of codes, that do have a boundary.
    """

    def __init__(
        self,
        message: Message,
        *,
        code: str,
        neighbours: tuple[str, ...] = (),
        parameter: str | None = None,
        hint: Message | None = None,
    ) -> None:
        super().__init__(message, parameter=parameter, hint=hint)
        self.code = code
        self.neighbours = neighbours


class TileUnknown(NotFound):
    """There is no tile of this zoom, column and row."""


class VintageUnknown(NotFound):
    """No published vintage of the coverage has this label."""


class VintagesNotCompared(NotFound):
    """Both vintages are published, but what became of their regions is not computed: one of them is made up."""


class NoVintage(NotFound):
    """No published vintage of the coverage is in force on the date."""


class DownloadUnknown(NotFound):
    """No vintage has a file of this name, or the file has another checksum."""


class TilesMissing(GeographyError):
    """The vintage has no tiles: it was loaded by a release that made none."""


class DownloadMissing(GeographyError):
    """There should be such a file, and it is being made or went away just now."""


class DownloadNotMade(NotFound):
    """There should be such a file, but it is not on this machine and nothing is making it."""


class NothingPublished(GeographyError):
    """No vintage of the coverage is published yet."""
