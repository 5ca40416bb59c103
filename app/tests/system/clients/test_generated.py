"""API clients generated from the OpenAPI document, in Python and TypeScript, against a running server; d3 example."""

import json
import re
import subprocess
from pathlib import Path

from django.conf import settings

from tests.system.clients import node
from tests.system.clients.conftest import venv_python

FRONT_ENDS = (settings.REPO_DIR / "docs" / "front-ends.md").read_text(encoding="utf-8")

PYTHON = """
import json, sys
from covid_trends_geo_client import Client
from covid_trends_geo_client.api.fsa import get_fsa, get_fsa_boundary, locate_many_fsas
from covid_trends_geo_client.api.health_regions import get_health_region, list_health_regions
from covid_trends_geo_client.api.positions import locate
from covid_trends_geo_client.api.tiles import get_tilejson
from covid_trends_geo_client.api.vintages import list_vintages
from covid_trends_geo_client.models import Codes, GetFsaDetail, MultiPolygon, Polygon, Problem

client = Client(base_url=sys.argv[1])
fsa = get_fsa.sync(client=client, code="K0A", detail=GetFsaDetail.LOW)
position = locate.sync(client=client, lat=43.6532, lon=-79.3832)
regions = list_health_regions.sync(client=client)
region = get_health_region.sync(client=client, id="3595")
boundary = get_fsa_boundary.sync(client=client, code="M5V")
many = locate_many_fsas.sync(client=client, body=Codes(codes=["M5V", "K0A 1B0"]))
problem = get_fsa.sync(client=client, code="MOV")
print(json.dumps({
    "fsa": [one.id for one in fsa.features],
    "shapes": all(isinstance(one.geometry, Polygon | MultiPolygon) for one in fsa.features + regions.features),
    "toronto": position.properties.health_region.hruid,
    "regions": len(regions.features),
    "region": region.properties.name_en,
    "ring": len(boundary.geometry.coordinates[0]) > 0,
    "many": [one.status for one in many.results],
    "problem": problem.type_ if isinstance(problem, Problem) else None,
    "tiles": get_tilejson.sync(client=client, coverage="fsa").tilejson,
    "vintages": sorted(one.label for one in list_vintages.sync(client=client).vintages),
}))
"""

TYPESCRIPT = """
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

const client = createClient<paths>({ baseUrl: process.argv[2] });
const fsa = await client.GET("/fsa/{code}", { params: { path: { code: "K0A" }, query: { detail: "low" } } });
const position = await client.GET("/locate", { params: { query: { lat: 43.6532, lon: -79.3832 } } });
const regions = await client.GET("/health-regions", {});
const many = await client.POST("/fsa", { body: { codes: ["M5V", "K0A 1B0"] } });
const wrong = await client.GET("/fsa/{code}", { params: { path: { code: "MOV" } } });

// The types are a part of the test: each of these lines fails to compile where the document leaves a member untyped.
const first = (geometry: components["schemas"]["Geometry"] | null): number | undefined =>
  geometry === null ? undefined
  : geometry.type === "Polygon" ? geometry.coordinates[0]?.[0]?.[0]
  : geometry.coordinates[0]?.[0]?.[0]?.[0];
const hruid: string | undefined = position.data?.properties.health_region?.hruid;
// A bulk answer may be text (CSV, lines of JSON) too.
const status: string[] | undefined = typeof many.data === "object" ? many.data.results.map((one) => one.status) : undefined;
const problem: string | undefined = wrong.error?.type;
console.log(
  JSON.stringify({
    fsa: fsa.data?.features.map((one) => one.id),
    numbers: fsa.data?.features.every((one) => typeof first(one.geometry) === "number"),
    toronto: hruid,
    regions: regions.data?.features.length,
    many: status,
    problem,
  }),
);
"""


def test_documented_rewind_function_makes_d3_draw_regions(service: str, tmp_path: Path) -> None:
    folder = node.install(tmp_path, "d3-geo@3.1.1")
    (rewound,) = (item for item in re.findall(r"```js\n(.*?)```", FRONT_ENDS, re.DOTALL) if "const rewound" in item)
    script = f"""import {{ geoArea }} from "d3-geo";
{rewound}
const {{ features }} = await (await fetch("{service}/health-regions")).json();
const areas = (geometry) => features.map((one) => geoArea(geometry(one.geometry)));
console.log(JSON.stringify({{ as_sent: areas((one) => one), rewound: areas(rewound) }}));
"""
    (folder / "draw.mjs").write_text(script, encoding="utf-8")
    steradians = json.loads(node.run(folder, "node", "draw.mjs"))
    # Canada covers a fiftieth of the sphere; an inverted region covers nearly the whole sphere (4 pi).
    assert len(steradians["rewound"]) == 104
    assert max(steradians["rewound"]) < 1
    assert min(steradians["as_sent"]) > 12


def test_generated_python_client_reads_responses(service: str, tmp_path: Path) -> None:
    python = venv_python("openapi")
    generator = str(Path(python).with_name("openapi-python-client"))
    command = [
        generator,
        "generate",
        "--url",
        f"{service}/schema",
        "--output-path",
        str(tmp_path / "covid_trends_geo_client"),
        "--meta",
        "none",
    ]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    output = made.stdout + made.stderr
    assert made.returncode == 0, output[-3000:]
    # Generators skip media types other than JSON and forms; a dropped schema would be an error of the document.
    assert "Unable to process schema" not in output, output[-3000:]
    (tmp_path / "ask.py").write_text(PYTHON, encoding="utf-8")
    done = subprocess.run([python, "ask.py", service], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == {
        "fsa": ["3551", "3558", "3543", "3557"],
        "shapes": True,
        "toronto": "3595",
        "regions": 104,
        "region": "City of Toronto Health Unit",
        "ring": True,
        "many": ["ok", "ok"],
        "problem": "/problems/fsa-malformed",
        "tiles": "3.0.0",
        "vintages": ["2020-08", "2021-demo", "2022-demo"],
    }


def test_generated_typescript_client_compiles_and_reads_responses(service: str, tmp_path: Path) -> None:
    packages = ("openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3", "@types/node@24.10.1")
    folder = node.install(tmp_path, *packages)
    (folder / "ask.ts").write_text(TYPESCRIPT, encoding="utf-8")
    node.run(folder, "npx", "openapi-typescript", f"{service}/schema", "--output", "schema.d.ts")
    options = ("--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--types", "node")
    node.run(folder, "npx", "tsc", *options, "ask.ts")
    assert json.loads(node.run(folder, "node", "ask.js", service)) == {
        "fsa": ["3551", "3558", "3543", "3557"],
        "numbers": True,
        "toronto": "3595",
        "regions": 104,
        "many": ["ok", "ok"],
        "problem": "/problems/fsa-malformed",
    }
