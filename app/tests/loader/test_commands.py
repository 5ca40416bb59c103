"""Command line of load_boundaries and seed: output, refused options, exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import InterfaceError, OperationalError, connection

from geography.models import Vintage
from loader import pipeline
from tests.support import boundary_files as files
from tests.support.loading import checksums

Load = Callable[..., Any]
REPORT_KEYS = {
    "field_names",
    *("file", "sha256", "asked", "encoding", "crs", "fields", "rows_in_file", "regions", "vertices", "largest", "repaired"),
    *("repairs", "fit", "drawn", "changes", "gates", "seconds", "memory_mb"),
}
LAYER = ["--coverage=health-regions", "--vintage=2022", "--effective-from=2022-12-01", "--representation=digital"]


def run(*args: Any, verbosity: int = 1) -> str:
    out = StringIO()
    call_command("load_boundaries", *args, stdout=out, verbosity=verbosity)
    return out.getvalue()


def error(*args: Any, code: int = 1) -> str:
    with pytest.raises(CommandError) as caught:
        run(*args, verbosity=0)
    assert caught.value.returncode == code
    return str(caught.value)


@pytest.fixture
def shp(tmp_path: Path) -> Path:
    return files.shape(tmp_path / "shp", files.grid())


def test_load_prints_rows_steps_and_published_vintage(db: None, shp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = run(*LAYER, f"--file={shp}")
    assert "regions.shp: 4 regions of 4 rows, 20 vertices" in out
    assert "read as       utf-8, EPSG:3347" in out
    assert "pass      overlaps" in out
    assert out.endswith("health-regions 2022 is published.\n")
    steps = capsys.readouterr().err
    assert all(name in steps for name in ("read", "derive", "draw", "verify", "publish"))
    assert run(*LAYER, f"--file={shp}") == "health-regions 2022: the same file is published already, nothing to do.\n"


def test_verbosity_zero_prints_nothing(db: None, shp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*LAYER, f"--file={shp}", verbosity=0) == ""
    assert capsys.readouterr() == ("", "")


def test_extract_prints_that_it_must_be_named(db: None, shp: Path) -> None:
    assert "an extract: it answers only requests that name it (2022)" in run(*LAYER, f"--file={shp}", "--extract")


def test_file_options_are_stored_in_vintage(db: None, shp: Path) -> None:
    more = ["--effective-to=2030-01-01", "--title=T", "--title-fr=F", "--licence=L", "--licence-url=https://example.org/"]
    run(
        *LAYER,
        f"--file={shp}",
        *more,
        "--attribution=A",
        "--attribution-fr=B",
        "--url=https://example.org/x.zip",
        "--expect-count=4",
    )
    vintage = Vintage.objects.get()
    assert (str(vintage.effective_to), vintage.product, vintage.licence, vintage.licence_url) == (
        "2030-01-01",
        "T",
        "L",
        "https://example.org/",
    )
    assert (vintage.attribution_en, vintage.attribution_fr, vintage.source_url) == ("A", "B", "https://example.org/x.zip")
    assert vintage.layer == "ad-hoc"


def test_declared_layer_with_file_option_is_loaded(db: None, tmp_path: Path) -> None:
    path = files.shape(tmp_path, [files.fsa("R3A", files.cell(0))])
    run("fsa-2011", f"--file={path}", "--expect-count=1")
    vintage = Vintage.objects.get()
    assert (vintage.layer, vintage.label, vintage.licence) == ("fsa-2011", "2011", "Statistics Canada Open Licence")


def test_list_shows_vintages_and_layers(db: None, shp: Path) -> None:
    empty = run("--list")
    assert "In the database:\n  nothing\n" in empty
    run(*LAYER, f"--file={shp}", "--extract")
    listed = run("--list")
    assert (
        "health-regions  2022                            published  from 2022-12-01       4 regions  digital      extract"
        in listed
    )
    for layer in ("fsa-2021-digital", "health-regions-2015-cartographic"):
        assert layer in listed
    assert "downloaded" in listed
    assert "needs --file" in listed


def test_dry_run_prints_result_and_stores_nothing(db: None, shp: Path) -> None:
    before = checksums()
    assert run(*LAYER, f"--file={shp}", "--dry-run").endswith("Dry run: nothing was stored. It would be published.\n")
    assert "It would stop at: count" in error(*LAYER, f"--file={shp}", "--dry-run", "--expect-count=5", code=2)
    accepted = run(*LAYER, f"--file={shp}", "--dry-run", "--expect-count=5", "--accept=count", "--because=x")
    assert accepted.endswith("It would be published.\n")
    assert checksums() == before


def test_extract_is_counted_only_with_expect_count(db: None, shp: Path) -> None:
    assert "gate count" in error(*LAYER, f"--file={shp}", "--extract", "--expect-count=5", code=2)
    assert "health-regions 2022 is published" in run(*LAYER, f"--file={shp}", "--extract")


def test_unknown_gate_is_refused_before_reading(db: None) -> None:
    assert "Unknown gate 'nope'" in error(*LAYER, "--file=not-there.zip", "--accept=nope", "--because=x")


def test_json_report_has_documented_keys(db: None, shp: Path, tmp_path: Path) -> None:
    printed = json.loads(run(*LAYER, f"--file={shp}", "--json", f"--report={tmp_path / 'r.json'}"))
    written = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert printed == written
    assert set(printed) == REPORT_KEYS
    assert {"name", "limit", "found", "passed", "rows", "acceptable", "said"} == set(printed["gates"][0])
    assert Vintage.objects.get().report == printed


def test_failed_gates_still_write_report(db: None, shp: Path, tmp_path: Path) -> None:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command(
            "load_boundaries",
            *LAYER,
            f"--file={shp}",
            "--expect-count=5",
            "--json",
            f"--report={tmp_path / 'r.json'}",
            stdout=out,
            verbosity=0,
        )
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert [gate["name"] for gate in report["gates"] if not gate["passed"]] == ["count"]
    assert json.loads(out.getvalue()) == report


def test_unwritable_report_is_a_one_line_error(db: None, shp: Path, tmp_path: Path) -> None:
    assert "cannot be written" in error(*LAYER, f"--file={shp}", f"--report={tmp_path / 'none' / 'r.json'}")
    # The path is checked before the load.
    assert not Vintage.objects.exists()
    assert "cannot be written to" in error(*LAYER, f"--file={shp}", f"--report={tmp_path}")


def test_rollback_and_prune_print_their_vintages(db: None, shp: Path, tmp_path: Path) -> None:
    run(*LAYER, f"--file={shp}")
    run(*LAYER, f"--file={files.shape(tmp_path / 'two', files.grid(3))}", "--accept=change", "--because=x")
    assert run("--rollback=health-regions") == "health-regions 2022 is retired.\nhealth-regions 2022 is published again.\n"
    assert run("--prune") == "deleted health-regions 2022 (retired)\n"
    assert run("--prune") == ""
    assert "no earlier one to restore" in error("--rollback=health-regions")


def test_embedded_layers_are_loaded_once(db: None, shp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsa = files.shape(tmp_path / "fsa", files.fsa_grid(["R3A"]))
    toml = (settings.REPO_DIR / "geodata" / "sources.toml").read_text(encoding="utf-8")
    toml = toml.replace('"sample/health_regions_sample.zip"', json.dumps(str(shp))).replace(
        '"sample/fsa_sample.zip"', json.dumps(str(fsa))
    )
    embedded = settings.REPO_DIR / "geodata" / "sample" / "series" / "covid_reporting_regions.zip"
    toml = toml.replace('"sample/series/covid_reporting_regions.zip"', json.dumps(str(embedded)))
    (tmp_path / "sources.toml").write_text(toml, encoding="utf-8")
    monkeypatch.setattr("loader.source.declarations.SOURCES_FILE", tmp_path / "sources.toml")
    run("--embedded")
    assert set(Vintage.objects.values_list("label", "demo", "status")) == {
        ("2022-demo", True, "published"),
        ("2021-demo", True, "published"),
        ("2020-08", False, "published"),
    }
    before = checksums()
    run("--embedded")
    assert checksums() == before


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "Name a layer (--list shows them)"),
        (["nonsense"], "Unknown layer 'nonsense': sources.toml declares health-regions-sample"),
        (["fsa-2011"], "give the file with --file"),
        (["fsa-2011", "--file=/nowhere/x.zip"], "/nowhere/x.zip does not exist"),
        (["fsa-2011", "fsa-sample", "--srid=3347"], "one layer at a time"),
        (["fsa-2011", "fsa-sample", "--json"], "--json and --report go with one layer at a time"),
        (["fsa-2011", "--coverage=fsa"], "leave the name of the layer out"),
        (["--coverage=fsa"], "--coverage also needs --file"),
        (["--coverage=fsa", "--file=x"], "--coverage also needs --vintage"),
        (["--coverage=fsa", "--file=x", "--vintage=1"], "--coverage also needs --effective-from"),
        (
            ["--coverage=fsa", "--file=x", "--vintage=1", "--effective-from=2020-01-01"],
            "--coverage also needs --representation",
        ),
        ([*LAYER, "--file=x", "--coverage=nonsense"], "Unknown coverage 'nonsense': sources.toml declares health-regions, fsa"),
        ([*LAYER, "--file=x", "--vintage=Not this"], "vintage 'Not this' must be at most 40 of"),
        ([*LAYER, "--file=x", "--effective-to=2000-01-01"], "effective_to must be later"),
        ([*LAYER, "--file=x", "--field=nonsense=A"], "--field takes COLUMN=FIELD, where COLUMN is one of code"),
        ([*LAYER, "--file=x", "--field=code"], "--field takes COLUMN=FIELD"),
        (["fsa-2011", "--accept=text"], "--accept needs --because"),
        (["--embedded", "fsa-2011"], "--embedded takes no layer"),
        (["--list", "fsa-2011"], "--list takes no layer"),
        (["--prune", "--file=x"], "--prune takes no layer and no file"),
        (["--rollback=fsa", "--dry-run"], "--dry-run does not go with --rollback"),
        (["--prune", "--dry-run"], "--dry-run does not go with --prune"),
        (["--list", "--json"], "--json does not go with --list"),
        (["--list", "--prune"], "not allowed with argument"),
        (["--rollback=nonsense"], "No vintage of nonsense is published"),
        (["x", "--effective-from=yesterday"], "is not a date such as"),
        (["x", "--representation=other"], "--representation: invalid choice"),
    ],
)
def test_invalid_options_are_a_one_line_error(db: None, args: list[str], message: str) -> None:
    said = error(*args)
    assert message in said
    assert "\n" not in said


def test_invalid_declaration_is_a_one_line_error(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "s.toml").write_text("[coverages.x]\n")
    monkeypatch.setattr("loader.source.declarations.SOURCES_FILE", tmp_path / "s.toml")
    assert "coverages.x: fields.code is missing" in error("--list")


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_lost_database_connection_is_a_one_line_error(
    db: None, shp: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def lose_connection(*args: Any, **kwargs: Any) -> None:
        raise kind("server closed the connection unexpectedly\n\tThis probably means\n\tthe server terminated abnormally")

    monkeypatch.setattr(pipeline, "stage", lose_connection)
    message = error(*LAYER, f"--file={shp}")
    assert message.startswith("Database unavailable: server closed the connection")
    assert "\n" not in message


def process(*args: str, stdout: int = subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess[str]:
    database = connection.settings_dict
    env = os.environ | {"DB_NAME": str(database["NAME"]), "DEBUG": "false", "SECRET_KEY": "x"} | environment
    return subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=settings.APP_DIR,
        env=env,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", [["load_boundaries", "--list"], ["load_boundaries", "--embedded"], ["seed", "api"]])
def test_database_unavailable_exits_with_code_one(command: list[str]) -> None:
    done = process(*command, DB_HOST="127.0.0.1", DB_PORT="1", DATABASE_URL="")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("CommandError: Database unavailable: ")


@pytest.mark.parametrize("command", [["load_boundaries", "--list"], ["showmigrations"], ["load_series", "--list"]])
def test_closed_pipe_ends_a_command_without_a_traceback(db: None, command: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = process(*command, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_help_names_every_option() -> None:
    done = process("load_boundaries", "--help")
    assert done.returncode == 0
    for option in (
        "--embedded",
        "--rollback",
        "--prune",
        "--file",
        "--field",
        "--dry-run",
        "--accept",
        "--because",
        "--report",
    ):
        assert option in done.stdout
