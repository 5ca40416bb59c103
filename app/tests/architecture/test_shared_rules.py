"""Shared rules: constants with copies in Python, SQL and JavaScript are equal."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from covidtrends_geo.constants import CANADA_EAST, CANADA_NORTH, CANADA_SOUTH, CANADA_WEST
from geography import codes
from geography.constants import SLIVER_SHARE

SCRIPTS: Path = settings.APP_DIR / "web" / "assets" / "js"


def script_value(script: str, name: str) -> Any:
    """Return the value of a JavaScript constant: an object of numbers and strings, a string or a number."""
    match = re.search(rf"^(?:export )?const {name} = (.+);$", (SCRIPTS / script).read_text(encoding="utf-8"), re.MULTILINE)
    assert match, f"{script} has no constant {name}"
    return json.loads(re.sub(r"(\w+): ", r'"\1": ', match[1]))


def test_sliver_share_is_that_of_the_views() -> None:
    text = (settings.REPO_DIR / "data" / "schema" / "030_views.sql").read_text(encoding="utf-8")
    limits = re.findall(r"(?:share_of_fsa|greatest\([\w., ]+\)) (?:>=|<) ([\d.]+)", text)
    assert [float(limit) for limit in limits] == [SLIVER_SHARE] * 3


def test_sliver_share_is_that_of_the_page() -> None:
    assert script_value("card.js", "SLIVER") == SLIVER_SHARE


def test_limits_of_canada_are_those_of_the_page() -> None:
    limits = {"west": CANADA_WEST, "south": CANADA_SOUTH, "east": CANADA_EAST, "north": CANADA_NORTH}
    assert script_value("parse.js", "CANADA") == limits


@pytest.mark.parametrize(
    ("name", "value"),
    [("LETTERS", codes._LETTERS), ("AS_LETTER", codes._LOOKALIKE_LETTER), ("AS_DIGIT", codes._LOOKALIKE_DIGIT)],
)
def test_letters_of_postal_codes_are_those_of_the_page(name: str, value: object) -> None:
    assert script_value("parse.js", name) == value


def test_first_letters_of_postal_codes_are_those_of_the_page() -> None:
    text = (SCRIPTS / "parse.js").read_text(encoding="utf-8")
    assert re.findall(r"new RegExp\(`\^\[([A-Z]+)\]", text) == [codes._FIRST_LETTERS]
