"""Rate limit per client (THROTTLE_RATE), client address behind proxies (TRUSTED_PROXIES)."""

from typing import Any

import pytest
from django.core.cache import caches

from api.middleware.throttling import client as client_of


@pytest.fixture(autouse=True)
def throttled(settings: Any) -> None:
    caches["throttle"].clear()
    settings.THROTTLE_RATE = "3/min"


@pytest.fixture
def ask(client: Any) -> Any:
    def get(path: str = "/nowhere", **meta: str) -> Any:
        return client.get(path, **meta)

    return get


class TestRateLimit:
    def test_request_above_rate_gets_429_with_retry_after(self, ask: Any, assert_problem: Any) -> None:
        assert [ask().status_code for _ in range(3)] == [404] * 3
        response = ask()
        assert_problem(response, 429, "too-many-requests")
        assert 1 <= int(response.headers["Retry-After"]) <= 60
        assert response.headers["X-Request-ID"]

    def test_rate_limit_is_per_client(self, ask: Any) -> None:
        assert [ask(REMOTE_ADDR=f"192.0.2.{number}").status_code for number in range(9)] == [404] * 9

    def test_health_checks_are_not_limited(self, ask: Any) -> None:
        assert [ask("/livez").status_code for _ in range(9)] == [200] * 9

    def test_empty_throttle_rate_disables_the_limit(self, ask: Any, settings: Any) -> None:
        settings.THROTTLE_RATE = ""
        assert [ask().status_code for _ in range(9)] == [404] * 9

    def test_client_addresses_are_not_stored_on_disk(self, settings: Any) -> None:
        assert settings.CACHES["throttle"]["BACKEND"].endswith("locmem.LocMemCache")

    def test_forged_x_forwarded_for_does_not_evade_the_limit(self, ask: Any, settings: Any) -> None:
        settings.TRUSTED_PROXIES = 1
        for number in range(3):
            assert ask(HTTP_X_FORWARDED_FOR=f"192.0.2.{number}, 203.0.113.7").status_code == 404
        assert ask(HTTP_X_FORWARDED_FOR="192.0.2.99, 203.0.113.7").status_code == 429
        assert ask(HTTP_X_FORWARDED_FOR="203.0.113.8").status_code == 404


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.7", "10.0.0.1"),
        (0, None, "10.0.0.1"),
        (1, None, "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "1.2.3.4, 203.0.113.7", "203.0.113.7"),
        (2, "1.2.3.4, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        (2, "203.0.113.7", "203.0.113.7"),
        (1, "203.0.113.7:51234", "203.0.113.7"),
        (1, "[2001:db8:1:2:3::4]:443", "2001:db8:1:2::/64"),
        (1, "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        (1, "2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        (1, "::ffff:203.0.113.7", "203.0.113.7"),
        (1, "unknown", "unknown"),
        (1, "x" * 5000, "x" * 64),
    ],
)
def test_client_address_behind_trusted_proxies(
    rf: Any, settings: Any, proxies: int, forwarded: str | None, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    more = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    assert client_of(rf.get("/", REMOTE_ADDR="10.0.0.1", **more)) == expected
