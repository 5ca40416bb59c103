"""Offline packs of real vintages against the API's own lookup: sizes, and answers near borders and in the far north."""

from pathlib import Path

import numpy as np
import pytest

from loader.export import packs as exported
from loader.pipeline import Outcome
from tests.support import packs
from tests.support.packs import NEAR_BORDER

pytestmark = [pytest.mark.real, pytest.mark.django_db]

# Bytes that a phone downloads once.
LIMITS = {"2015": 1_000_000, "2022": 1_000_000, "2011": 3_000_000}


@pytest.mark.parametrize("label", LIMITS)
def test_no_certain_answer_differs_from_the_api(loaded: dict[str, Outcome], label: str, tmp_path: Path) -> None:
    vintage = loaded[label].vintage
    path = tmp_path / "vintage.pack"
    exported.write(vintage, path)
    assert path.stat().st_size < LIMITS[label]
    hard = packs.near_vertices(vintage, 6_000, seed=5)
    north = packs.near_vertices(vintage, 1_000, seed=6, north_of=66.0)
    positions = np.concatenate([hard, north, packs.anywhere(2_000, seed=7)])
    for accuracy_m in (0.0, 40.0):
        answers = packs.in_node(path, positions, accuracy_m)
        assert packs.wrong_answers(vintage, positions, answers, accuracy_m) == []
        answered = answers.status != NEAR_BORDER
        assert answered[: len(hard)].mean() > 0.05
        assert answered[-2_000:].mean() > 0.95
