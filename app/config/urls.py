"""Routes of the service."""

from django.urls import include, path, re_path

from api.problems import unknown_route
from operations.metrics_view import metrics

urlpatterns = [
    # Tried in order: the API has the most requests.
    path("", include("api.urls")),
    path("", include("web.urls")),
    path("metrics", metrics, name="metrics"),
    # Last: an unknown path gets a problem document, with DEBUG too.
    re_path("", unknown_route),
]

handler400 = "api.problems.request_refused"
handler403 = "api.problems.request_refused"
handler404 = "api.problems.unknown_route"
handler500 = "api.problems.internal_error"
