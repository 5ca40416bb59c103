"""`manage.py seed`: fake regions for development replace the demonstration."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from geography.models import Status, Vintage
from loader import seed
from loader.errors import LoadError
from loader.progress import Steps
from tests.support import boundary_files as files

Load = Callable[..., Any]


@pytest.fixture
def demonstration(load: Load, tmp_path: Path) -> None:
    """Publish demo vintages in another part of the country than the fake regions."""
    load(files.shape(tmp_path / "hr", files.grid()), vintage="2022-demo", demo=True)
    load(files.shape(tmp_path / "fsa", files.fsa_grid(["R3A", "R3B", "R3C", "R3E"])), "fsa", vintage="2021-demo", demo=True)


def labels(status: Status) -> set[tuple[str, str]]:
    return set(Vintage.objects.filter(status=status).values_list("coverage__slug", "label"))


def test_seed_replaces_the_demonstration(demonstration: None) -> None:
    call_command("seed", "api", "--number=15", verbosity=0, stdout=StringIO())
    assert labels(Status.PUBLISHED) == {("health-regions", "fake"), ("fsa", "fake")}
    assert labels(Status.STAGED) == set()


def test_failed_seed_keeps_published_vintages(demonstration: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = labels(Status.PUBLISHED)
    monkeypatch.setattr(seed, "_cfsauid", lambda index: f"no{index}")
    with pytest.raises(LoadError):
        seed.seed(3, steps=Steps(quiet=True))
    assert labels(Status.PUBLISHED) == before
    assert labels(Status.STAGED) == set()
