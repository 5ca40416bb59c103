"""Explanations of the problem types: meaning, and remedy for a client."""

from geography.translation import Message

# By slug, `/problems/<slug>`. A test holds the keys against `api.problems.PROBLEM_TYPES`.
EXPLANATIONS: dict[str, Message] = {
    "coordinate-invalid": Message(
        "A coordinate is not a number, or the position is outside Canada. Latitude and longitude are WGS 84 decimal degrees; "
        "check their order and signs: longitudes in Canada are negative."
    ),
    "fsa-malformed": Message(
        "An FSA is a letter, a digit and a letter, such as K0A. Check for O in place of 0, and I in place of 1."
    ),
    "parameter-invalid": Message(
        "A parameter has an unknown name or an invalid value. `parameter` names it; /docs lists all parameters."
    ),
    "body-invalid": Message(
        "The body does not match the format of its Content-Type. `detail` says where; no item was answered."
    ),
    "body-too-large": Message("The body has too many items or bytes. Split it, or use the command line for large files."),
    "media-type-unknown": Message("Send JSON, GeoJSON, CSV or NDJSON, and name the format in Content-Type."),
    "coverage-unknown": Message("No coverage has this name. /coverages lists the published ones."),
    "region-unknown": Message(
        "The vintage has no region with this code. Codes change between vintages: choose one with `vintage`."
    ),
    "fsa-without-boundary": Message(
        "Canada Post uses more FSAs than the census has boundaries for. `fsa` names the province and the FSAs with the closest "
        "codes; with a position, /locate finds the region."
    ),
    "tile-unknown": Message("Tiles have zooms 0 to 14, and columns and rows from 0. Use the address template in TileJSON."),
    "vintage-unknown": Message("The vintage is not published. /vintages lists the published ones."),
    "vintages-not-compared": Message(
        "Two vintages are compared when the later one is loaded. /vintages lists the published vintages."
    ),
    "no-vintage": Message("No vintage was in force on the date in `at`. /vintages gives the dates."),
    "download-unknown": Message("There is no file of this name, or the file has changed. /downloads lists the current files."),
    "tiles-missing": Message("The tiles of this vintage are still being built. Retry after the time in Retry-After."),
    "download-missing": Message(
        "The file is still being created, or is not on this machine yet. Retry after the time in Retry-After."
    ),
    "range-unsatisfiable": Message("The range begins after the end of the file. Content-Range gives the length of the file."),
    "nothing-published": Message("The operator has not published boundaries yet. Retry after the time in Retry-After."),
    "not-ready": Message(
        "The service has started but cannot answer every request. `checks` has the reasons; retry after the time in "
        "Retry-After."
    ),
    "database-busy": Message(
        "The database did not answer in time. Retry after the time in Retry-After, with exponential backoff."
    ),
    "database-away": Message("The database does not answer. Retry after the time in Retry-After, with exponential backoff."),
    "too-many-at-once": Message(
        "The server processes as many bulk requests and large responses as it can. Retry after the time in Retry-After."
    ),
    "too-many-requests": Message("The client address exceeded the rate limit. Wait for the time in Retry-After."),
    "route-unknown": Message("No page or route has this address. /docs lists the routes, and the map is at /."),
    "method-not-allowed": Message("The route does not support this method. The Allow header lists the supported methods."),
    "not-acceptable": Message("The Accept header names no format of this route. Leave it out, or accept application/json."),
    "request-refused": Message("The request violates HTTP, or names a host that this service does not serve."),
    "internal-error": Message("An error of the service, logged under the id in `instance`. Report that id to the operator."),
    "indicator-unknown": Message("No indicator has this name. /indicators lists the published ones."),
    "issue-unknown": Message(
        "The indicator has no issue with this id, or none as early as `as_of`. /indicators/{id}/issues lists them."
    ),
    "place-unknown": Message(
        "The indicator has no figures for this place. A place is a region code, the two letters of a province, CA for the "
        "country, or a province with 9999 for its figures that are assigned to no region, such as NS-9999."
    ),
    "encoding-unknown": Message("Send the body without Content-Encoding, or compressed with gzip."),
    "download-not-made": Message(
        "The vintage or indicator is published, but this file was not created. /downloads lists the files that are ready."
    ),
    "body-timeout": Message("The whole body must arrive within a time limit. Send a smaller body, or use a faster connection."),
}
