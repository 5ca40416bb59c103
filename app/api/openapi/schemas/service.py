"""Schemas of the service's own routes and of problems."""

from api.openapi.schemas.parts import CFSAUID, COUNT, LABEL, Schema, array, flag, or_null, record, ref, text

COMPONENTS: dict[str, Schema] = {
    "Checks": record(
        {
            "database": flag("True: it answered."),
            "postgis": or_null(text("Version of PostGIS; null where it is missing.")),
            "functions": flag("False where the server cannot load its own libraries: upgraded while it ran."),
            "migrations_missing": COUNT,
            "vintages": {
                "type": "object",
                "description": "What is in force today, by coverage; empty while migrations are missing.",
                "additionalProperties": or_null(record({"label": LABEL, "demo": flag("True for made-up boundaries.")})),
            },
        }
    ),
    "Live": record({"status": {"const": "alive"}}, description="The process is up."),
    "Ready": record({"status": {"const": "ready"}, "checks": ref("Checks")}, description="Every question can be answered."),
    "OpenApi": {"type": "object", "description": "The OpenAPI 3.1 document."},
    "Problem": record(
        {
            "type": text("Stable identifier of the kind of problem.", format="uri-reference"),
            "title": text("The kind in words."),
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": text("What is wrong with this request."),
            "parameter": text("The parameter at fault."),
            "hint": text("What was likely meant, or what there is."),
            "fsa": record(
                {
                    "code": CFSAUID,
                    "provinces": array(ref("Province"), description="Where its letters place it; two where X is shared."),
                    "neighbours": array(CFSAUID, description="The FSAs before and after it, by code, that have a boundary."),
                },
                description="Only with `fsa-without-boundary`.",
            ),
            "checks": ref("Checks") | {"description": "Only with `not-ready`."},
            "instance": text("The request's id, as in X-Request-ID. Only from 500 up.", format="uri"),
        },
        optional=("parameter", "hint", "fsa", "checks", "instance"),
        description="RFC 9457 problem document.",
    ),
}
