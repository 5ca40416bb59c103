"""Every route of the service."""

from django.urls import include, path

urlpatterns = [path("", include("api.urls"))]
