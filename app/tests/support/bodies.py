"""Bodies of responses, streamed or not."""

from typing import Any


def body(response: Any) -> bytes:
    """Return the whole body; for a streamed response, release its file and transfer slot, as a server does."""
    if not response.streaming:
        return bytes(response.content)
    whole = b"".join(response.streaming_content)
    for close in response._resource_closers:
        close()
    return whole
