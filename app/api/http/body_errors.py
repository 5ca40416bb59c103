"""Errors that concern a request body as a whole, and the content encodings that a body may have."""

from geography.errors import GeographyError

# Values of Content-Encoding in requests. `identity` needs no entry.
REQUEST_ENCODINGS = ("gzip",)


class BodyInvalid(GeographyError):
    """The body does not match its media type, or holds no items of the expected kind."""


class BodyTooLarge(GeographyError):
    """The body has more items or bytes than one request may have."""


class EncodingUnknown(GeographyError):
    """The Content-Encoding is not supported."""


class MediaTypeUnknown(GeographyError):
    """The Content-Type is not supported."""
