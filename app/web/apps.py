"""App configuration of the map page."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The map page: one template, and static files without a build step."""

    name = "web"

    def ready(self) -> None:
        from web import checks  # noqa: F401 - registers
