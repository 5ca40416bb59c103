"""Clients of app/clients: generated types, installation, examples of docs/clients.md, behaviour on a real server."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser

from tests.system.clients import node
from tests.system.clients.conftest import venv_python
from tests.system.clients.test_bundlers import served

CLIENTS: Path = settings.APP_DIR / "clients"
EXAMPLES = (settings.REPO_DIR / "docs" / "clients.md").read_text(encoding="utf-8")
SERVICE = "http://127.0.0.1:8000"
# Output of the examples in both languages; TypeScript omits trailing zeros of a number.
PRINTED = """3595 true
/problems/coordinate-invalid Did you mean lat=43.6532&lon=-79.3832?
Circonscription sanitaire de la ville d'Ottawa 0.641791
Circonscription sanitaire de l'Est de l'Ontario 0.253731
Circonscription sanitaire du district de Leeds, Grenville et Lanark 0.089552
Circonscription sanitaire du comté et du district de Renfrew 0.014925
cases 42.19 2022-11-09
deaths 0.17 2022-12-10
52 2022-11-05 47.56
['3595', '2403']
lat,lon,hruid,status
43.6532,-79.3832,3595,ok

20 3526
14 3555
"""
# 100,000 positions, a lookup as by GET, revalidation, languages, problems; prints results as JSON.
PYTHON = """
import json, pickle, sys, pandas
from covidtrends_geo_client import Client, ProblemError, columns

service = sys.argv[1]
with Client(service, lang="fr", retries=0) as geo:
    region = geo.get_health_region("3595", detail="none")
    again = geo.get_health_region("3595", detail="none")
    position = geo.locate(lat=43.6532, lon=-79.3832, accuracy=500)
    plain = json.loads(geo.read("/locate", {"lat": 43.6532, "lon": -79.3832, "accuracy": 500, "lang": "fr"}))
    many = geo.locate_many({"points": [(-79.3832, 43.6532), (79.3832, 43.6532)] * 50_000}, fields="hruid")["results"]
    table = pandas.DataFrame(columns(geo.get_indicator_series("cases", place="3595,NS-9999"))).set_index("date")
    now = geo.now({"fsa": "M5V"})
    caught = {}
    for name, call in {
        "fsa": lambda: geo.get_fsa("MOV"),
        "now": lambda: geo.now({"lat": 43.6532, "lon": 79.3832}),
        "path": lambda: geo.get_health_region("../fsa"),
    }.items():
        try:
            call()
        except ProblemError as error:
            error = pickle.loads(pickle.dumps(error))  # as between processes
            caught[name] = [error.status, error.problem["type"], str(error)]
print(json.dumps({
    "name": region["properties"]["name"], "again": region == again and region is not again, "same": position == plain,
    "many": [len(many), many[0], many[1]["status"]],
    "table": [list(table.columns), str(table.dtypes["3595"]), len(table) > 140],
    "now": now["region"]["hruid"], "caught": caught,
}))
"""
JAVASCRIPT = """
import { Client, ProblemError, rows } from "covidtrends-geo-client";

const statuses = [];
const plainFetch = globalThis.fetch;
globalThis.fetch = async (...request) => {
  const response = await plainFetch(...request);
  statuses.push(response.status);
  return response;
};
export async function run(service) {
  const geo = new Client(service, { lang: "fr", retries: 0, revalidate: 2 });
  const region = await geo.get("/health-regions/{id}", { id: "3595", detail: "none" });
  const again = await geo.get("/health-regions/{id}", { id: "3595", detail: "none" });
  const position = await geo.locate({ lat: 43.6532, lon: -79.3832, accuracy: 500 });
  const plain = await geo.get("/locate", { lat: 43.6532, lon: -79.3832, accuracy: 500 });
  const points = Array.from({ length: 100_000 }, (_, index) => [index % 2 ? 79.3832 : -79.3832, 43.6532]);
  const { results: many } = await geo.post("/locate", { points }, { fields: "hruid" });
  const table = rows(await geo.get("/indicators/{id}/series", { id: "cases", place: "3595,NS-9999" }));
  const now = await geo.now({ fsa: "M5V" });
  const caught = {};
  for (const [name, call] of Object.entries({
    fsa: () => geo.get("/fsa/{code}", { code: "MOV" }),
    now: () => geo.now({ lat: 43.6532, lon: 79.3832 }),
    path: () => geo.get("/health-regions/{id}", { id: "../fsa" }),
  })) {
    await call().catch((error) => {
      if (error instanceof ProblemError) caught[name] = [error.status, error.problem.type, error.message];
    });
  }
  const aborted = await geo.get("/vintages", {}, { signal: AbortSignal.abort() }).catch((error) => error.name);
  return {
    name: region.properties.name, again: JSON.stringify(region) === JSON.stringify(again) && region !== again,
    same: JSON.stringify(sorted(position)) === JSON.stringify(sorted(plain)),
    many: [many.length, many[0], many[1].status],
    table: [Object.keys(table[0]).sort(), table.length > 140], now: now.region.hruid, caught, aborted,
    statuses: statuses.slice(0, 2),
  };
}
const sorted = (value) =>
  Array.isArray(value) ? value.map(sorted)
  : value && typeof value === "object" ? Object.entries(value).map(([key, part]) => [key, sorted(part)]).sort()
  : value;
"""
CAUGHT = {
    "fsa": [
        400,
        "/problems/fsa-malformed",
        "Le deuxième caractère d’un code postal est un chiffre; il ne peut pas être «\u00a0O\u00a0». Vouliez-vous dire M0V?",
    ],
}


def example(language: str, service: str) -> str:
    """Return the example of a language in docs/clients.md, with the address of the test's server."""
    (code,) = re.findall(rf"```{language}\n(.*?)```", EXAMPLES, re.DOTALL)
    assert SERVICE in code
    return str(code.replace(SERVICE, service))


def output(folder: Path, *command: str, **environment: str) -> str:
    """Run a program in a folder and return its output.

    Raises: AssertionError with its messages where it fails.
    """
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"} | environment
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the JavaScript client, installed as docs/clients.md says but as a copy, and TypeScript."""
    packages = ("--install-links", str(CLIENTS / "javascript"), "typescript@5.9.3", "@types/node@24.10.1")
    return node.install(tmp_path_factory.mktemp("javascript"), *packages)


def test_generated_files_are_current(tmp_path: Path) -> None:
    subprocess.run([venv_python("openapi"), CLIENTS / "generate.py", tmp_path], check=True, timeout=300)
    generated = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert [path.name for path in generated] == ["schema.d.ts", "operations.py", "types.py"]
    for path in generated:
        assert (CLIENTS / path).read_bytes() == (tmp_path / path).read_bytes(), f"python app/clients/generate.py: {path}"


def test_python_client_is_installed_typed_and_runs_the_examples(service: str, tmp_path: Path) -> None:
    python = str(tmp_path / "venv" / "bin" / "python")
    output(tmp_path, sys.executable, "-m", "venv", "venv")
    # From a copy: pip builds in the folder.
    output(tmp_path, "cp", "-r", str(CLIENTS / "python"), "client")
    output(tmp_path, python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "./client")
    (tmp_path / "example.py").write_text(example("python", service), encoding="utf-8")
    output(tmp_path, sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "example.py")
    printed = output(tmp_path, python, "example.py").replace("True", "true")
    assert printed.startswith(PRINTED)
    assert printed.removeprefix(PRINTED).startswith("{'v': 47.56, 'count': 1419, 'status': 'reported'")
    # A wrong parameter and an unknown member are errors of the types.
    wrong = ["from covidtrends_geo_client import Client", 'geo = Client("")']
    wrong += ['geo.get_fsa("K0A", detail="hi")', 'geo.list_vintages()["x"]']
    (tmp_path / "wrong.py").write_text("\n".join(wrong), encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "wrong.py"]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert re.findall(r"wrong\.py:(\d): error: .*\[([\w-]+)\]", checked.stdout) == [("3", "arg-type"), ("4", "typeddict-item")]


def test_python_client_on_a_real_server(service: str, tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(PYTHON, encoding="utf-8")
    results = json.loads(output(tmp_path, sys.executable, "run.py", service, PYTHONPATH=str(CLIENTS / "python")))
    assert results.pop("table") == [["3595", "NS-9999"], "float64", True]
    check_results(results)


def test_typescript_client_compiles_and_runs_the_examples(service: str, package: Path) -> None:
    (package / "example.ts").write_text(example("ts", service), encoding="utf-8")
    strict = ("--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes")
    options = (*strict, "--target", "es2022", "--module", "nodenext", "--types", "node")
    node.run(package, "npx", "tsc", *options, "example.ts")
    printed = node.run(package, "node", "example.js").replace("[ '3595', '2403' ]", "['3595', '2403']")
    assert printed.startswith(PRINTED)
    assert "v: 47.56" in printed.removeprefix(PRINTED)
    wrong = ['import { Client } from "covidtrends-geo-client";', 'const geo = new Client("");']
    wrong += ['await geo.get("/fsa/{code}", { code: "K0A", detail: "hi" });', '(await geo.get("/vintages")).x;']
    wrong += ['await geo.get("/locate");']
    (package / "wrong.ts").write_text("\n".join(wrong), encoding="utf-8")
    command = ["npx", "tsc", *options, "--noEmit", "wrong.ts"]
    checked = subprocess.run(
        command, cwd=package, env=node.environment(), capture_output=True, text=True, check=False, timeout=300
    )
    assert re.findall(r"^wrong\.ts\((\d)", checked.stdout, re.MULTILINE) == ["3", "4", "5"]


def test_javascript_client_in_node(service: str, package: Path) -> None:
    (package / "run.js").write_text(JAVASCRIPT, encoding="utf-8")
    (package / "main.js").write_text(
        f'import {{ run }} from "./run.js";\nconsole.log(JSON.stringify(await run("{service}")));', encoding="utf-8"
    )
    results = json.loads(node.run(package, "node", "main.js"))
    assert results.pop("statuses") == [200, 304]
    check_javascript(results)


def test_javascript_client_in_a_browser_on_another_host(service: str, package: Path, browser: Browser) -> None:
    (package / "run.js").write_text(JAVASCRIPT, encoding="utf-8")
    imports = '{"imports": {"covidtrends-geo-client": "./node_modules/covidtrends-geo-client/index.js"}}'
    (package / "index.html").write_text(f'<script type="importmap">{imports}</script>', encoding="utf-8")
    with served(package, "python3", "-m", "http.server", "{port}", "--bind", "127.0.0.1") as address:
        page = browser.new_page()
        page.goto(f"{address}/index.html")
        results = page.evaluate(f'import("./run.js").then(({{ run }}) => run("{service}"))')
        page.close()
    assert results.pop("statuses")[0] == 200
    check_javascript(results)


def check_javascript(results: dict[str, Any]) -> None:
    assert results.pop("aborted") == "AbortError"
    assert results.pop("table") == [["3595", "NS-9999", "date"], True]
    check_results(results)


def check_results(results: dict[str, Any]) -> None:
    """Compare the results that both clients have."""
    caught = results.pop("caught")
    assert caught["fsa"] == CAUGHT["fsa"]
    assert caught["now"][:2] == [400, "/problems/coordinate-invalid"]
    assert caught["path"][:2] == [404, "/problems/region-unknown"]
    assert results == {
        "name": "Circonscription sanitaire de la cité de Toronto",
        "again": True,
        "same": True,
        "many": [100_000, {"status": "ok", "hruid": "3595"}, "coordinate-invalid"],
        "now": "3595",
    }


def test_clients_wait_as_long_as_a_busy_service_states(start_service: Callable[..., str], package: Path) -> None:
    service = start_service(THROTTLE_RATE="2/s")
    python = f"""
from covidtrends_geo_client import Client, ProblemError
patient, hasty = Client("{service}"), Client("{service}", retries=0)
numbers = [len(patient.list_vintages(lang=lang)["vintages"]) for lang in ("en", "fr") * 3]
try:
    for _ in range(9):
        hasty.list_coverages()
except ProblemError as error:
    print(numbers, error.status, error.problem["type"])
"""
    (package / "busy.py").write_text(python, encoding="utf-8")
    (package / "busy.js").write_text(
        f"""import {{ Client, ProblemError }} from "covidtrends-geo-client";
const [patient, hasty] = [new Client("{service}"), new Client("{service}", {{ retries: 0 }})];
const numbers = [];
for (const lang of ["en", "fr", "en", "fr", "en", "fr"]) {{
  numbers.push((await patient.get("/vintages", {{ lang }})).vintages.length);
}}
try {{
  for (let index = 0; index < 9; index++) await hasty.get("/coverages");
}} catch (error) {{
  console.log(JSON.stringify(numbers).replaceAll(",", ", "), error.status, error.problem.type);
}}""",
        encoding="utf-8",
    )
    refused = "[3, 3, 3, 3, 3, 3] 429 /problems/too-many-requests\n"
    assert output(package, sys.executable, "busy.py", PYTHONPATH=str(CLIENTS / "python")) == refused
    assert node.run(package, "node", "busy.js") == refused
