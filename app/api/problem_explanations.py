"""An explanation of every problem type: its meaning, and what a client does about it."""

from geography.translation import Message

# By slug, `/problems/<slug>`. A test holds the keys against `api.problems.PROBLEM_TYPES`.
EXPLANATIONS: dict[str, Message] = {
    "coordinate-invalid": Message(
        "The position is not a number, or lies outside Canada. Latitude and longitude are WGS 84 decimal degrees; check their "
        "order and signs: longitudes in Canada are negative."
    ),
    "fsa-malformed": Message(
        "An FSA is a letter, a digit and a letter, such as K0A. Check for O in place of 0, and I in place of 1."
    ),
    "parameter-invalid": Message(
        "A parameter has an unknown name or a value that cannot be read. `parameter` names it; /docs lists all."
    ),
    "body-invalid": Message(
        "The body cannot be read as the format of its Content-Type. `detail` says where; nothing was answered."
    ),
    "body-too-large": Message(
        "The body has too many items or bytes. Send it in parts, or use the command line for large files."
    ),
    "media-type-unknown": Message("Send JSON, GeoJSON, CSV or lines of JSON, and name the format in Content-Type."),
    "coverage-unknown": Message("No kind of region has this name. /coverages lists those that are published."),
    "region-unknown": Message(
        "The edition has no region with this code. Codes change between editions: name one with `vintage`."
    ),
    "fsa-without-boundary": Message(
        "Canada Post uses more codes than the census draws. `fsa` names the province and FSAs that are close by code; with a "
        "position, /locate finds the region."
    ),
    "tile-unknown": Message("Tiles have zooms 0 to 14, and columns and rows from 0. Take their address from TileJSON."),
    "vintage-unknown": Message("The edition is not published. /vintages lists those that are."),
    "vintages-not-compared": Message(
        "Two editions are compared when the later one is loaded. /vintages lists what is published."
    ),
    "no-vintage": Message("No edition was in force on the day that `at` names. /vintages gives the dates."),
    "download-unknown": Message(
        "The edition has no file of this name, or the file has changed. /downloads lists the current ones."
    ),
    "tiles-missing": Message("The tiles of this edition are still being drawn. Ask again after the time in Retry-After."),
    "download-missing": Message(
        "The file is still being made, or is on another machine. Ask again after the time in Retry-After."
    ),
    "range-unsatisfiable": Message("The Range header begins after the end of the file. Content-Range gives the length."),
    "nothing-published": Message("The operator has not published boundaries yet. Ask again after the time in Retry-After."),
    "not-ready": Message(
        "The service has started but cannot answer everything. `checks` says why; ask again after Retry-After."
    ),
    "database-busy": Message(
        "The database did not answer in time. Ask again after the time in Retry-After, with a longer pause each time."
    ),
    "database-away": Message(
        "The database does not answer. Ask again after the time in Retry-After, with a longer pause each time."
    ),
    "too-many-at-once": Message(
        "The server works on as many large requests as it can. Ask again after the time in Retry-After."
    ),
    "too-many-requests": Message("This address sent more requests than the service allows. Wait for the time in Retry-After."),
    "route-unknown": Message("No page or route has this address. /docs lists the routes, and the map is at /."),
    "method-not-allowed": Message(
        "The route exists but does not take this method. The Allow header lists those that it takes."
    ),
    "not-acceptable": Message(
        "The Accept header names no format that this route has. Leave it out, or accept application/json."
    ),
    "request-refused": Message("The request breaks a rule of HTTP or names a host that this service does not serve."),
    "internal-error": Message("A fault of the service. It was logged under the id in `instance`: name it to the operator."),
    "indicator-unknown": Message("No indicator has this name. /indicators lists those that are loaded."),
    "place-unknown": Message(
        "The indicator has no figures for this place. Places are region codes, letters of a province, CA for the country, or a "
        "province and the code of what is assigned to no region, such as NS-9999."
    ),
    "encoding-unknown": Message("Send the body without Content-Encoding, or compressed with gzip."),
    "download-not-made": Message(
        "The vintage is published, but the operator has not made this file. /downloads says which files are ready."
    ),
    "body-timeout": Message("The body must arrive as a whole within a time limit. Send less, or over a faster connection."),
}
