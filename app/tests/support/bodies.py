"""Bodies of responses, streamed or not."""

from typing import Any


def body(response: Any) -> bytes:
    """Return the whole body, and release the file and the transfer slot of a streamed one, as a server does."""
    if not response.streaming:
        return bytes(response.content)
    whole = b"".join(response.streaming_content)
    for close in response._resource_closers:
        close()
    return whole
