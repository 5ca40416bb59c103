"""App configuration of the map page."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The map page: one template, and static files without a build step."""

    name = "web"
