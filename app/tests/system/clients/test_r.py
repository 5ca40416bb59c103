"""R computes the same intervals, and reads the archive of an indicator."""

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from indicators.statistics import change, poisson_interval
from loader.export.archive import Archive, write_archive_csv
from tests.system.clients.conftest import require_program

# Columns: count, count before, days, days before, overdispersion. One row of the answer for each.
INTERVALS = """
series <- read.csv("series.csv")
digits <- function(x) formatC(x, digits = 17, format = "g")
for (i in seq_len(nrow(series))) {
  n <- series$count[i]; m <- series$before[i]; phi <- series$phi[i]
  scale <- series$days_before[i] / series$days[i]
  rate <- poisson.test(n)$conf.int
  share <- if (n + m > 0) binom.test(n, n + m)$conf.int else c(0, 1)
  low <- if (n > 0) qbeta(0.025, n / phi, m / phi + 1) else 0
  high <- if (m > 0) qbeta(0.975, n / phi + 1, m / phi) else 1
  cat(digits(c(rate, share / (1 - share) * scale, low / (1 - low) * scale, high / (1 - high) * scale)), "\\n")
}
"""
ARCHIVE = """
archive <- read.csv("cases-archive.csv.gz", colClasses = c(geo_value = "character"))
stopifnot(identical(names(archive), c("geo_value", "time_value", "version", "value")), is.numeric(archive$value))
archive$time_value <- as.Date(archive$time_value)
archive$version <- as.POSIXct(archive$version, format = "%Y-%m-%dT%H:%M:%SZ", tz = "UTC")
stopifnot(!anyNA(archive$time_value), !anyNA(archive$version))
key <- archive[c("geo_value", "time_value", "version")]
stopifnot(anyDuplicated(key) == 0)
stopifnot(identical(order(archive$geo_value, archive$time_value, archive$version), seq_len(nrow(archive))))
seen <- archive[archive$version <= as.POSIXct("2022-10-08", tz = "UTC"), ]
last <- seen[!duplicated(seen[c("geo_value", "time_value")], fromLast = TRUE), ]
last <- last[!is.na(last$value), ]
cat(paste(last$geo_value, last$time_value, last$value), sep = "\\n")
"""
Run = Callable[..., str]


@pytest.fixture
def rscript(run: Run, tmp_path: Path) -> Callable[[str], str]:
    """Return a function that runs a script of R in the test's folder and returns its output."""
    program = require_program("/usr/bin/Rscript", "R (r-base-core)")

    def script(text: str) -> str:
        (tmp_path / "script.R").write_text(text, encoding="utf-8")
        return run(program, "--vanilla", "script.R")

    return script


def test_intervals_of_random_series_are_those_of_r(rscript: Callable[[str], str], tmp_path: Path) -> None:
    """poisson.test, binom.test, and qbeta for counts that are divided by the overdispersion."""
    choose = random.Random(16)  # noqa: S311 -- test data
    rows = []
    for _ in range(60):
        size = choose.choice([3, 50, 2_000, 100_000])
        counts = [choose.randint(0, size) for _ in range(9)]
        days, phi = choose.choice([7, 7, 14, 3]), choose.choice([1.0, 2.5, 5.0])
        rows += [(count, before, days, 7, phi) for before, count in pairwise(counts)]
    lines = ["count,before,days,days_before,phi", *(",".join(map(str, row)) for row in rows)]
    (tmp_path / "series.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    answers = [[float(cell) for cell in line.split()] for line in rscript(INTERVALS).splitlines()]
    assert len(answers) == len(rows) == 480
    for (count, before, days, days_before, phi), answer in zip(rows, answers, strict=True):
        assert list(poisson_interval(count)) == pytest.approx(answer[:2], rel=1e-7)
        for overdispersion, (low, high) in ((1.0, answer[2:4]), (phi, answer[4:6])):
            interval = change(count, before, days=days, days_before=days_before, overdispersion=overdispersion).interval
            assert interval.low == pytest.approx(low, rel=1e-6, abs=1e-12)
            # R's upper end is infinite after 0.
            assert (np.inf if interval.high is None else interval.high) == pytest.approx(high, rel=1e-6)


def test_archive_is_read_by_r_with_the_key_and_order_of_epiprocess(rscript: Callable[[str], str], tmp_path: Path) -> None:
    """The last version of a key up to an instant is its value as of that instant; a withdrawn value is NA."""
    versions = ["2022-10-01T20:00:00", "2022-10-07T18:35:41", "2022-10-12T02:07:51"]
    stated: list[list[float | None]] = [[927.0, 5_039.0, 927.0], [12.5, None, 13.0], [None, None, 4.0]]
    record = np.dtype([("day", ">i4"), ("version", ">i8"), ("value", ">f8")])
    rows = [
        (np.datetime64(day).astype(int), np.datetime64(version, "us").astype(int), np.nan if value is None else value)
        for _ in ("2406", "ON")
        for day, values in zip(("2022-09-10", "2022-09-17", "2022-09-24"), stated, strict=True)
        for version, value in zip(versions, values, strict=True)
    ]
    write_archive_csv(Archive(["2406"] * 9 + ["ON"] * 9, np.array(rows, dtype=record)), tmp_path / "cases-archive.csv.gz")
    assert rscript(ARCHIVE).splitlines() == ["2406 2022-09-10 5039", "ON 2022-09-10 5039"]
    before = ARCHIVE.replace('as.POSIXct("2022-10-08"', 'as.POSIXct("2022-10-02"')
    expected = ["2022-09-10 927", "2022-09-17 12.5"]
    assert rscript(before).splitlines() == [f"{place} {line}" for place in ("2406", "ON") for line in expected]
