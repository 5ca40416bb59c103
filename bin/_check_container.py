"""Health check of the web container: exits with 0 if /readyz answers 200."""

import os
import urllib.request

# With an allowed host name: Django refuses every other one.
host = (os.environ.get("ALLOWED_HOSTS") or "localhost").split(",")[0].strip().lstrip(".").replace("*", "localhost")
request = urllib.request.Request("http://127.0.0.1:8000/readyz", headers={"Host": host, "X-Forwarded-Proto": "https"})
urllib.request.urlopen(request, timeout=4).close()  # noqa: S310 - a fixed address
