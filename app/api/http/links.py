"""Link header (RFC 8288) and web addresses from boundary files."""

from collections.abc import Mapping
from typing import Any

from django.utils.encoding import iri_to_uri

from geography.normalize import is_web_address


def web_address(text: str) -> str:
    """Return the text if it is a web address, else an empty string. The loader checks addresses too, but rows may be older."""
    return text if is_web_address(text) else ""


def licence_links(body: Mapping[str, Any]) -> str:
    """Return the value of the Link header for the licences of a body's vintages (`vintage`, `fsa_vintage`).

    One link per licence. Empty where no licence has an address, and for a body without vintages.
    """
    blocks = (body.get(name) for name in ("vintage", "fsa_vintage"))
    addresses = dict.fromkeys(block["licence_url"] for block in blocks if isinstance(block, dict))
    return ", ".join(f'<{iri_to_uri(address)}>; rel="license"' for address in addresses if web_address(address))
