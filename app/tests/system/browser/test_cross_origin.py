"""Cross-origin requests: headers a page of another origin can send and read, and the forwarded headers that are trusted."""

import socket
from urllib.parse import urlsplit

import pytest

ASK = """async ([address, headers]) => {
  const answer = await fetch(address, { headers });
  return [answer.status, Object.fromEntries(answer.headers), (await answer.json()).features?.length];
}"""
TRACING = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "congo=t61rcWkgMzE",
    "sentry-trace": "771a43a4192642f0b136d5159a501700-7b7f4f0ce1c0e7b2-1",
    "baggage": "sentry-environment=production",
    "Cache-Control": "no-cache",
    "X-Request-ID": "0af7651916cd43dd8448eb211c80319c",
    "If-None-Match": '"another"',
    "x-datadog-trace-id": "1",
    "Authorization": "Bearer of-another-service",
}


def test_cors_allows_any_request_header_and_exposes_response_headers(browser, service):
    # Chromium asks before a public page may reach a loopback address; no permission is needed for a public one.
    context = browser.new_context(permissions=["local-network-access"])
    page = context.new_page()
    page.route("https://page.example/", lambda route: route.fulfill(content_type="text/html", body="<title>A page</title>"))
    page.goto("https://page.example/")
    status, headers, count = page.evaluate(ASK, [f"{service}/health-regions?detail=none", TRACING])
    assert (status, count) == (200, 104)
    assert {"etag", "link", "x-request-id", "vary"} <= set(headers)
    context.close()


@pytest.mark.parametrize("name", ["Accept-Language", "Accept_Language"])
def test_vary_names_every_spelling_of_accept_language(service, name):
    """A cache must not reuse a response that depends on a spelling for requests without that header."""
    url = urlsplit(service)
    with socket.create_connection((url.hostname, url.port), timeout=20) as connection:
        connection.sendall(f"GET /coverages HTTP/1.1\r\nHost: {url.netloc}\r\n{name}: fr\r\nConnection: close\r\n\r\n".encode())
        response = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    headers = dict(line.lower().split(": ", 1) for line in response.partition("\r\n\r\n")[0].splitlines()[1:])
    # The server reads both spellings as the same header.
    assert headers["content-language"] == "fr"
    assert name.lower() in headers["vary"].split(", ")
