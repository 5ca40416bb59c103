"""The Django app of the write side."""

from django.apps import AppConfig


class LoaderConfig(AppConfig):
    """Only there for its management commands."""

    name = "loader"
