"""Links in responses: web addresses from boundary files, and the Link header (RFC 8288)."""

from typing import Any

from django.utils.encoding import iri_to_uri

from geography.normalize import is_web_address


def web_address(text: str) -> str:
    """Return the text where somebody may be led there, else nothing: a load takes no other address, but a row may be older."""
    return text if is_web_address(text) else ""


def licence_links(body: Any) -> str:
    """Return the value of the Link header (RFC 8288) that leads to the licences of an answer's vintages.

    One for each licence; empty where none has an address, and for a body that names no vintage.
    """
    blocks = [body.get(name) for name in ("vintage", "fsa_vintage")] if isinstance(body, dict) else []
    addresses = dict.fromkeys(block["licence_url"] for block in blocks if isinstance(block, dict))
    return ", ".join(f'<{iri_to_uri(address)}>; rel="license"' for address in addresses if web_address(address))
