"""Log formats, and the request ID that links log lines with a response (X-Request-ID)."""

import json
import logging
import re
import sys
from typing import Any
from uuid import UUID

import pytest

from operations import request_id
from operations.log_format import JsonFormatter, LineFormatter
from tests.system.server.conftest import Server

# The fixtures of the server need a test database.
pytestmark = pytest.mark.django_db

ID = "0123456789abcdef0123456789abcdef"


def record(message: str, *args: Any, error: bool = False) -> logging.LogRecord:
    info = None
    if error:
        try:
            raise ValueError("43.123456 M5V3L9")
        except ValueError:
            info = sys.exc_info()
    return logging.LogRecord("geo", logging.WARNING, __file__, 1, message, args, info)


class TestFormats:
    def test_json_log_is_one_object_per_line(self) -> None:
        request_id.start(ID)
        line = JsonFormatter().format(record('é "%s"\n', "x"))
        assert "\n" not in line
        entry = json.loads(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry.pop("time"))
        assert entry == {"level": "warning", "logger": "geo", "message": 'é "x"\n', "request_id": ID}

    def test_log_line_ends_with_request_id(self) -> None:
        request_id.start(ID)
        assert LineFormatter().format(record("hello")).endswith(f" WARNING geo hello [{ID}]")

    @pytest.mark.parametrize("formatter", [JsonFormatter(), LineFormatter()])
    def test_exception_is_logged_with_location_without_text(self, formatter: logging.Formatter) -> None:
        line = formatter.format(record("went wrong", error=True))
        assert "ValueError at record (" in line
        assert "43.123456" not in line
        assert "M5V3L9" not in line


class TestRequestId:
    @pytest.mark.parametrize("value", [ID, ID.upper(), "01234567-89ab-cdef-0123-456789abcdef"])
    def test_valid_request_id_is_adopted(self, client: Any, value: str) -> None:
        assert client.get("/livez", headers={"X-Request-ID": value}).headers["X-Request-ID"] == value.lower()

    @pytest.mark.parametrize(
        "value", ["", "M5V3L9", "43.123456", ID[1:], f"{ID}0", f"{ID}\r\nX: 1", ID.replace("0", "٠"), "é" * 32, "x" * 5000]
    )
    def test_invalid_request_id_is_replaced(self, client: Any, value: str) -> None:
        request_id_header = client.get("/livez", HTTP_X_REQUEST_ID=value).headers["X-Request-ID"]
        assert re.fullmatch("[0-9a-f]{32}", request_id_header)
        assert request_id_header != value

    def test_request_ids_are_unique(self, client: Any) -> None:
        assert len({client.get("/livez").headers["X-Request-ID"] for _ in range(20)}) == 20

    @pytest.mark.usefixtures("database_away")
    def test_server_error_has_request_id_as_instance(self, client: Any) -> None:
        response = client.get("/readyz")
        assert response.json()["instance"] == f"urn:uuid:{UUID(response.headers['X-Request-ID'])}"

    def test_client_error_has_no_instance(self, client: Any) -> None:
        assert "instance" not in client.get("/nowhere").json()

    def test_cors_exposes_request_id(self, client: Any) -> None:
        response = client.get("/livez", headers={"Origin": "https://maps.example.org"})
        assert "X-Request-ID" in response.headers["Access-Control-Expose-Headers"]


def test_running_server_writes_json_with_request_id(server: Server) -> None:
    status, _, headers = server.get("/fsa/K1A", {"X-Request-ID": ID})
    assert (status, headers["x-request-id"]) == (404, ID)
    entries = [json.loads(line) for line in server.written.splitlines()]
    messages = [(entry["logger"], entry["message"].split(" ms")[0]) for entry in entries if entry.get("request_id") == ID]
    assert messages[0] == ("api.problems", "404 fsa-without-boundary: GET fsa/<str:code>")
    assert re.fullmatch(r"404 GET /fsa/\{code\} \d+\.\d", messages[1][1])
    assert {"_granian", "requests"} <= {entry["logger"] for entry in entries}
