"""The map page."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The map page: one template, and files that a browser loads as they are."""

    name = "web"
