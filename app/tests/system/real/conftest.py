"""Fixtures of tests with real boundary files, loaded once for this folder."""

from collections.abc import Iterator
from typing import Any

import pytest

from geography.models import Coverage, Vintage
from loader import pipeline
from loader.pipeline import Outcome
from loader.publication import publish
from loader.source.declarations import read_sources, with_options
from tests.support import boundary_files as files
from tests.support.loading import accept, load_file

EXTRACTS = {
    "fsa_toronto_2016_digital.zip": ("2016-toronto-digital", 96),
    "fsa_toronto_2016_cartographic.zip": ("2016-toronto", 96),
    "fsa_york_2021.zip": ("2021-york", 19),
}


@pytest.fixture(scope="package")
def loaded(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Outcome]]:
    """Load every real file once for this folder."""
    outcomes = {}
    with django_db_blocker.unblock():
        try:
            outcomes["2015"] = official("health-regions-2015-cartographic", "health_regions_2015.zip")
            path = files.real("health_regions_2022.zip")
            # The publisher simplified each region separately: not a valid coverage, refused without the acceptance.
            outcomes["2022"] = load_file(path, acceptance=accept("overlaps", because="simplified region by region"))
            gates = {gate["name"]: gate for gate in outcomes["2022"].report["gates"]}
            assert [name for name, gate in gates.items() if not gate["passed"]] == ["overlaps"]
            outcomes["2011"] = official("fsa-2011", "fsa_2011.zip")
            for name, (label, _) in EXTRACTS.items():
                outcomes[label] = load_file(files.real(name), "fsa", vintage=label, extract=True)
            yield outcomes
        finally:
            for vintage in Vintage.objects.all():
                publish.delete(vintage)
            Coverage.objects.all().delete()


def official(layer: str, name: str) -> Outcome:
    return pipeline.load(with_options(read_sources().layer(layer), path=files.real(name)), steps=files.quiet())
