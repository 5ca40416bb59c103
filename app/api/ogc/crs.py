"""Coordinate reference systems of features by their URIs (OGC 18-058r1)."""

from geography.constants import CRS84, EPSG_3347
from geography.errors import ParameterInvalid
from geography.queries.geometry_stream import CRSS
from geography.translation import Message

_ROOT = "http://www.opengis.net/def/crs"


def uri_of(crs: str) -> str:
    """Return the URI of a CRS."""
    return f"{_ROOT}/OGC/1.3/CRS84" if crs == CRS84 else f"{_ROOT}/EPSG/0/{crs.partition(':')[2]}"


URIS = {uri_of(crs): crs for crs in CRSS}
DEFAULT_URI = uri_of(CRS84)
# The CRS of the boundaries as published.
STORAGE_URI = uri_of(EPSG_3347)


class CrsReader:
    """Validator of a CRS parameter: a URI of `URIS`, to the name of the CRS. Raises: ParameterInvalid."""

    def __init__(self, parameter: str) -> None:
        self.parameter = parameter

    def __call__(self, text: str) -> str:
        """Return the CRS of a URI."""
        crs = URIS.get(text.strip())
        if crs is None:
            raise ParameterInvalid(
                Message("%(name)s must be the URI of a supported CRS.", name=self.parameter),
                parameter=self.parameter,
                hint=Message("Supported: %(uris)s.", uris=list(URIS)),
            )
        return crs
