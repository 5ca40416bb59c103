"""docs/deploy-azure.md: settings and commands exist, probes succeed. docker-compose.prod.yml: separate caches."""

import re
from typing import Any

import pytest
import yaml
from django.conf import settings

from tests.docs.test_documents import _example_keys, _settings_keys
from tests.support.demo_regions import World

DOCUMENT = (settings.REPO_DIR / "docs" / "deploy-azure.md").read_text(encoding="utf-8")


def web_container() -> Any:
    """Return the container of the service, as described in the document."""
    (text,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    (container,) = yaml.safe_load(text)["properties"]["template"]["containers"]
    return container


def test_named_settings_exist() -> None:
    named = {item["name"] for item in web_container()["env"]} | set(re.findall(r"`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`", DOCUMENT))
    assert named - {"SIGTERM"} <= _settings_keys() | _example_keys() | {"WEB_WORKERS"}


def test_start_commands_exist_in_container_script() -> None:
    script = (settings.REPO_DIR / "bin" / "container").read_text(encoding="utf-8")
    assert {f"{web_container()['args'][0]})", "setup)"} <= set(re.findall(r"\w+\)", script))


@pytest.mark.django_db
def test_probes_succeed_over_plain_http(client: Any, world: World, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = [r"^livez/?$", r"^readyz/?$", r"^metrics/?$"]
    settings.ALLOWED_HOSTS = next(item["value"] for item in web_container()["env"] if item["name"] == "ALLOWED_HOSTS").split(
        ","
    )
    for probe in web_container()["probes"]:
        requested = probe["httpGet"]
        headers = {header["name"]: header["value"] for header in requested["httpHeaders"]}
        assert client.get(requested["path"], headers=headers).status_code == 200, probe["type"]
        # A request without the host name is refused.
        assert client.get(requested["path"], headers={"Host": "10.0.0.5"}).status_code == 400


def test_production_web_and_setup_have_separate_caches() -> None:
    compose = yaml.safe_load((settings.REPO_DIR / "docker-compose.prod.yml").read_text(encoding="utf-8"))
    cache = "/var/cache/covidtrends-geo"
    volumes = {
        service: dict(reversed(item.split(":")[:2]) for item in compose["services"][service]["volumes"])
        for service in ("setup", "web")
    }
    assert volumes["setup"][cache] != volumes["web"][cache]
    assert {volume[cache] for volume in volumes.values()} <= set(compose["volumes"])
