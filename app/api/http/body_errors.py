"""What can be wrong with a body as a whole."""

from geography.errors import GeographyError


class BodyInvalid(GeographyError):
    """It cannot be read as what its media type says, or holds none of what is asked for."""


class BodyTooLarge(GeographyError):
    """It has more items or bytes than are taken at once."""


class EncodingUnknown(GeographyError):
    """It is compressed in a way that is not read."""


class MediaTypeUnknown(GeographyError):
    """It is in none of the formats that are read."""
