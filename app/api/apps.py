"""The Django app of the HTTP API."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Only there for its translations and templates."""

    name = "api"
