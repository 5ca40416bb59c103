"""Django app configuration of the health indicators."""

from django.apps import AppConfig


class IndicatorsConfig(AppConfig):
    """Tables and reads of health indicators by place and period."""

    name = "indicators"
    default_auto_field = "django.db.models.BigAutoField"
