"""The Django app of the HTTP API."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """App configuration: lets Django find templates, static files and commands."""

    name = "api"
