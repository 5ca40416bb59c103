"""docs/deploy-azure.md: its settings exist, its probes are answered."""

import re
from typing import Any

import pytest
import yaml
from django.conf import settings

from tests.docs.test_documents import _example_keys, _settings_keys
from tests.support.demo_regions import World

DOCUMENT = (settings.REPO_DIR / "docs" / "deploy-azure.md").read_text(encoding="utf-8")


def web() -> Any:
    """Return the container of the service, as the document describes it."""
    (text,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    (container,) = yaml.safe_load(text)["properties"]["template"]["containers"]
    return container


def test_every_setting_that_it_names_exists() -> None:
    named = {item["name"] for item in web()["env"]} | set(re.findall(r"`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`", DOCUMENT))
    assert named - {"SIGTERM"} <= _settings_keys() | _example_keys() | {"WEB_WORKERS"}


def test_what_it_starts_is_a_command_of_the_container() -> None:
    script = (settings.REPO_DIR / "bin" / "container").read_text(encoding="utf-8")
    assert {f"{web()['args'][0]})", "setup)"} <= set(re.findall(r"\w+\)", script))


@pytest.mark.django_db
def test_its_probes_are_answered_over_plain_http_by_a_service_that_is_secured(client: Any, world: World, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = [r"^livez/?$", r"^readyz/?$", r"^metrics/?$"]
    settings.ALLOWED_HOSTS = next(item["value"] for item in web()["env"] if item["name"] == "ALLOWED_HOSTS").split(",")
    for probe in web()["probes"]:
        requested = probe["httpGet"]
        headers = {httpHeader["name"]: httpHeader["value"] for httpHeader in requested["httpHeaders"]}
        assert client.get(requested["path"], headers=headers).status_code == 200, probe["type"]
        # Without the name it would not be.
        assert client.get(requested["path"], headers={"Host": "10.0.0.5"}).status_code == 400


def test_in_production_what_the_world_talks_to_cannot_write_what_the_owner_of_the_database_reads() -> None:
    compose = yaml.safe_load((settings.REPO_DIR / "docker-compose.prod.yml").read_text(encoding="utf-8"))
    cache = "/var/cache/covidtrends-geo"
    volumes = {
        service: dict(reversed(item.split(":")[:2]) for item in compose["services"][service]["volumes"])
        for service in ("setup", "web")
    }
    assert volumes["setup"][cache] != volumes["web"][cache]
    assert {volume[cache] for volume in volumes.values()} <= set(compose["volumes"])
