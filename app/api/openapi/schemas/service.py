"""Schemas of health checks, the OpenAPI document and problem documents."""

from api.openapi.schemas.parts import CFSAUID, COUNT, LABEL, Schema, array, flag, or_null, record, ref, text

COMPONENTS: dict[str, Schema] = {
    "Checks": record(
        {
            "database": flag("True if the database answered."),
            "postgis": or_null(text("Version of PostGIS; null if it is missing.")),
            "functions": flag(
                "False if the database server cannot load the PostGIS library, for example after an upgrade without a restart."
            ),
            "migrations_missing": COUNT,
            "vintages": {
                "type": "object",
                "description": "Vintage in force today, by coverage; empty while migrations are missing.",
                "additionalProperties": or_null(
                    record({"label": LABEL, "demo": flag("True for demonstration data.")}, name="VintageInForce")
                ),
            },
        }
    ),
    "Live": record({"status": {"const": "alive"}}, description="The process is running."),
    "Ready": record({"status": {"const": "ready"}, "checks": ref("Checks")}, description="All routes can answer."),
    "OpenApi": {"type": "object", "description": "The OpenAPI 3.1 document."},
    "Problem": record(
        {
            "type": text("Stable identifier of the problem type.", format="uri-reference"),
            "title": text("Title of the problem type."),
            "status": {"type": "integer", "description": "HTTP status code."},
            "detail": text("Explanation of the error in this request."),
            "parameter": text("Parameter that caused the error."),
            "hint": text("Suggested correction, or the valid values."),
            "fsa": record(
                {
                    "code": CFSAUID,
                    "provinces": array(ref("Province"), description="Provinces or territories of its first letter; two for X."),
                    "neighbours": array(CFSAUID, description="Previous and next FSA with a boundary, by code."),
                },
                description="Only with `fsa-without-boundary`.",
                name="FsaWithoutBoundary",
            ),
            "elsewhere": array(
                record(
                    {
                        "vintage": text("Label of the vintage."),
                        "code": text("Code of the region in that vintage."),
                        "name": text("Name in the language of the response."),
                        "name_en": text("English name."),
                        "name_fr": text("French name."),
                        "href": text("Address of the region in that vintage.", format="uri-reference"),
                        "page": text("Address of its HTML page; health regions and FSAs have one.", format="uri-reference"),
                    },
                    optional=("page",),
                    description="A region of another vintage with the requested code.",
                    name="OtherVintage",
                ),
                description="Other published vintages that have the code, the latest first. "
                "Only with `region-unknown` and `fsa-without-boundary`.",
            ),
            "checks": ref("Checks") | {"description": "Only with `not-ready`."},
            "instance": text("Id of the request, as in X-Request-ID. Only with status 500 and above.", format="uri"),
        },
        optional=("parameter", "hint", "fsa", "elsewhere", "checks", "instance"),
        description="RFC 9457 problem document.",
    ),
}
