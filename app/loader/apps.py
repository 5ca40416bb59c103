"""Django app configuration of the loader."""

from django.apps import AppConfig


class LoaderConfig(AppConfig):
    """App for the management commands of the loader."""

    name = "loader"
