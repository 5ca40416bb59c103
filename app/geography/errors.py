"""Exception hierarchy of the domain, with the HTTP status of each branch.

    GeographyError
    ├── InvalidInput                a parameter is invalid                            (HTTP 400)
    │   ├── CoordinateInvalid       lat, lon or bbox is out of range, or likely swapped
    │   ├── FsaMalformed            not the form of an FSA or postal code
    │   └── ParameterInvalid        any other parameter: unknown, repeated, out of range
    ├── NotFound                    a valid request for something that does not exist (HTTP 404)
    │   ├── CoverageUnknown         no coverage has this slug
    │   ├── RegionUnknown           no region of the vintage has this code
    │   ├── FsaWithoutBoundary      a possible FSA that has no polygon in the vintage (K1A, H0H …)
    │   ├── TileUnknown             no zoom, column or row of that number
    │   ├── VintageUnknown          no published vintage has this label
    │   ├── VintagesNotCompared     changes between the two are not computed
    │   ├── NoVintage               no published vintage is in force on the date
    │   ├── DownloadUnknown         no file of this name, or with this checksum
    │   └── DownloadNotMade         the file does not exist, and no export is running
    ├── NothingPublished            no vintage of the coverage is published yet       (HTTP 503)
    ├── TilesMissing                a vintage was loaded without tiles                (HTTP 503)
    └── DownloadMissing             the file does not exist, but an export is running (HTTP 503)

Each exception names the invalid parameter, so a client can show the message beside the right field.
"""

from typing import NamedTuple

from geography.translation import Message


class OtherVintage(NamedTuple):
    """A region of another published vintage that has the requested code.

    Attributes:
        coverage: slug of the coverage. vintage: label of the vintage.
        code: code of the region; differs from the requested text where that is a DGUID.
    """

    coverage: str
    vintage: str
    code: str
    name_en: str
    name_fr: str


class GeographyError(Exception):
    """Base class. `message` and `hint` appear in responses and contain no internals."""

    def __init__(self, message: Message, *, parameter: str | None = None, hint: Message | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.parameter = parameter
        self.hint = hint


class InvalidInput(GeographyError):
    """A parameter is invalid."""


class CoordinateInvalid(InvalidInput):
    """A coordinate is out of range, not a finite number, or very likely swapped or unsigned."""


class FsaMalformed(InvalidInput):
    """The text does not have the form of an FSA or a Canadian postal code."""


class ParameterInvalid(InvalidInput):
    """A parameter is unknown, repeated, out of range or malformed."""


class NotFound(GeographyError):
    """A valid request for something that does not exist."""


class CoverageUnknown(NotFound):
    """No coverage has this slug."""


class RegionUnknown(NotFound):
    """No region of the vintage has this code. `elsewhere`: regions of other published vintages that have it, latest first."""

    def __init__(
        self,
        message: Message,
        *,
        parameter: str | None = None,
        hint: Message | None = None,
        elsewhere: tuple[OtherVintage, ...] = (),
    ) -> None:
        super().__init__(message, parameter=parameter, hint=hint)
        self.elsewhere = elsewhere


class FsaWithoutBoundary(NotFound):
    """A possible FSA that has no polygon in the vintage: Canada Post uses more codes than the census does.

    `code` is the FSA; its letters determine its province (`geography.codes.fsa_provinces`). `neighbours` are the previous and
    the next FSA, in the order of codes, that have a boundary. `elsewhere`: the FSA in other published vintages, latest first.
    """

    def __init__(
        self,
        message: Message,
        *,
        code: str,
        neighbours: tuple[str, ...] = (),
        parameter: str | None = None,
        hint: Message | None = None,
        elsewhere: tuple[OtherVintage, ...] = (),
    ) -> None:
        super().__init__(message, parameter=parameter, hint=hint)
        self.code = code
        self.neighbours = neighbours
        self.elsewhere = elsewhere


class TileUnknown(NotFound):
    """No tile has this zoom, column and row."""


class VintageUnknown(NotFound):
    """No published vintage of the coverage has this label."""


class VintagesNotCompared(NotFound):
    """Both vintages are published, but changes between them are not computed: one is a demonstration."""


class NoVintage(NotFound):
    """No published vintage of the coverage is in force on the date."""


class DownloadUnknown(NotFound):
    """No vintage has a file of this name, or the file has another checksum."""


class TilesMissing(GeographyError):
    """The vintage has no tiles: the release that loaded it did not create any."""


class DownloadMissing(GeographyError):
    """The file does not exist, but an export is running."""


class DownloadNotMade(NotFound):
    """The file does not exist on this machine, and no export is running."""


class NothingPublished(GeographyError):
    """No vintage of the coverage is published yet."""
