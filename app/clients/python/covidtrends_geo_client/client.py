"""The client: requests with timeouts, retries and revalidation; problem documents as exceptions."""

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, Unpack, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from . import types
from .operations import Operations

# Maximum number of responses cached for revalidation, and maximum length of their bodies in bytes.
_REVALIDATED_MAX, _BODY_MAX = 32, 4_000_000
# Longest wait before a retry, in seconds, even if Retry-After is longer.
_WAIT_MAX_S = 60

Page = TypeVar(
    "Page", types.HealthRegionCollection, types.FsaCollection, types.RegionCollection, types.IndicatorIssues, types.Changes
)


class ProblemError(Exception):
    """Error response of the service.

    Attributes:
        problem: the problem document (RFC 9457). Its `type` is stable; `detail` and `hint` are for people.
        status: the HTTP status code.
    """

    def __init__(self, problem: types.Problem) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status = problem["status"]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.problem.get("detail", self.problem["title"]), self.problem.get("hint"))))


class Client(Operations):
    """A client of one service, for use in one thread. All its requests only read, so that each can be repeated.

    Its methods have the names of the operations in the API documentation. They take path parameters by position and query
    parameters by name (`from_` for `from`), and return the JSON of the response unchanged: `covidtrends_geo_client.types`.
    Positions are in the body of a request, since proxies log addresses.

    Raises, in all methods: ProblemError, and requests.RequestException without an answer of the service.
    """

    def __init__(self, service: str, *, lang: Literal["en", "fr"] | None = None, timeout: float = 30, retries: int = 3) -> None:
        """Create a client of the service at a URL.

        Args:
            lang: language of names and texts, unless a call has a `lang` of its own.
            timeout: seconds to wait for a connection, and for each part of a response.
            retries: repetitions of a request that cannot connect, or is answered with 429 or 503: after the time in
                Retry-After, at most a minute, otherwise after 1, 2, 4 … seconds.
        """
        self._service = service.rstrip("/")
        self._timeout = timeout
        self._session = requests.Session()
        if lang is not None:
            self._session.headers["Accept-Language"] = lang
        retry = Retry(
            retries,
            status_forcelist=(429, 503),
            allowed_methods=None,
            backoff_factor=1,
            raise_on_status=False,
            retry_after_max=_WAIT_MAX_S,
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))
        self._revalidated: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def locate(self, **parameters: Unpack[types.LocateParametersQuery]) -> types.Located:
        """Return the health region, FSA and province at a position: `GET /locate`, but with the position in a body.

        Args:
            parameters: `lat` and `lon` in WGS 84 decimal degrees, `accuracy` in metres and the others of `GET /locate`.
        """
        query: dict[str, Any] = {**parameters}
        lat, lon = query.pop("lat"), query.pop("lon")
        many: dict[str, Any] = self._json("POST", "/locate", query, {"points": [[lon, lat]]})
        (result,) = many.pop("results")
        status = result.pop("status")
        if status != "ok":
            problem = {"type": f"/problems/{status}", "title": result["detail"], "status": 400, **result}
            raise ProblemError(cast(types.Problem, problem))
        point = {"type": "Point", "coordinates": [lon, lat]}
        return cast(types.Located, {"type": "Feature", "geometry": point, "properties": result, **many})

    def now(
        self, where: types.NowPosition | types.NowFsa, **parameters: Unpack[types.GetNowPrivatelyParametersQuery]
    ) -> types.Now:
        """Return the latest figures at a position (`{"lat": …, "lon": …}`) or of an FSA (`{"fsa": …}`): `POST /now`."""
        response: types.Now = self._json("POST", "/now", {**parameters}, where)
        return response

    def pages(self, first: Page) -> Iterator[Page]:
        """Yield a page and the pages after it, all of the same vintage.

        Args:
            first: response of a method with `limit`, such as `list_health_regions`.
        """
        page: Page | None = first
        while page is not None:
            yield page
            following = [link["href"] for link in page["links"] if link["rel"] == "next"]
            page = cast(Page, self._json("GET", following[0], {})) if following else None

    def read(
        self,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        accept: str = "*/*",
        body: str | bytes | None = None,
        content_type: str = "text/csv",
    ) -> bytes:
        """Return the body of a response of any format: CSV, NDJSON, Arrow, a tile, a file of `/downloads`.

        Args:
            path: path of the route, with its path parameters.
            accept: media type of the response.
            body: positions or codes to POST, in the format `content_type`; None for a GET.
        """
        headers = {"Accept": accept} | ({} if body is None else {"Content-Type": content_type})
        return self._request("GET" if body is None else "POST", path, parameters or {}, headers, body).content

    def _json(self, method: str, path: str, parameters: Mapping[str, Any], body: object = None) -> Any:
        if body is not None:
            headers = {"Accept": "application/json", "Content-Type": "application/json"}
            return self._request(method, path, parameters, headers, json.dumps(body)).json()
        # A parameter whose name is a keyword of Python has an underscore at its end: `from_`.
        parameters = {name.rstrip("_"): value for name, value in parameters.items()}
        key = str(requests.Request("GET", self._service + path, params=parameters).prepare().url)
        etag, text = self._revalidated.get(key, (None, b""))
        headers = {"Accept": "application/json"} | ({} if etag is None else {"If-None-Match": etag})
        response = self._request(method, path, parameters, headers)
        if response.status_code == requests.codes.not_modified:
            self._revalidated.move_to_end(key)
            return json.loads(text)
        # No cache may store an answer about a position or an FSA: it has no ETag.
        if "ETag" in response.headers and len(response.content) <= _BODY_MAX:
            self._revalidated[key] = response.headers["ETag"], response.content
            if len(self._revalidated) > _REVALIDATED_MAX:
                self._revalidated.popitem(last=False)
        return response.json()

    def _request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any],
        headers: Mapping[str, str],
        body: str | bytes | None = None,
    ) -> requests.Response:
        # Text without an encoding would be sent as Latin-1.
        data = body.encode() if isinstance(body, str) else body
        response = self._session.request(
            method, self._service + path, params=parameters, headers=headers, data=data, timeout=self._timeout
        )
        if response.headers.get("Content-Type", "").startswith("application/problem+json"):
            raise ProblemError(response.json())
        response.raise_for_status()
        return response


def columns(series: types.IndicatorSeries) -> dict[str, list[date] | list[float | None]]:
    """Return the columns of a table of a series: `date`, the last day of each step, and one column for each place.

    Missing values are None. `pandas.DataFrame(columns(series)).set_index("date")` makes a table of it.
    """
    start = date.fromisoformat(series["start"]) if series["start"] is not None else date.min
    dates = [start + timedelta(days=step * series["step_days"]) for step in range(series["length"])]
    return {"date": dates} | {place: item["values"] for place, item in series["places"].items()}
