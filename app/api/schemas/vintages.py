"""Editions of the boundaries, and kinds of regions."""

from api.schemas.parts import COUNT, DAY, LABEL, LINKS, NAMES, SLUG, SOURCE, Schema, array, flag, or_null, record, ref, text

VINTAGE: Schema = {
    "coverage": SLUG,
    "label": text("Name for the parameters `vintage` and `fsa_vintage`."),
    "effective_from": DAY | {"description": "First day in force."},
    "effective_to": or_null(DAY | {"description": "First day no longer in force; null: until a later edition is published."}),
    "representation": text(
        "Digital boundaries run into the water, cartographic ones end at the shoreline.", enum=["digital", "cartographic"]
    ),
    "demo": flag("True for made-up boundaries: not for decisions."),
    "extract": flag("True where it covers a part of the country: it answers only to its label."),
    **SOURCE,
    "licence_url": text("Address of the licence; empty where it has none."),
}

COMPONENTS: dict[str, Schema] = {
    "Vintage": record(VINTAGE, description="The edition of the boundaries that was used."),
    "VintageList": record(
        {
            "vintages": array(
                record(
                    {
                        **VINTAGE,
                        "product": text("Title of the source product."),
                        "source_url": text("Where the file was published."),
                        "region_count": COUNT,
                    }
                )
            )
        },
        description="Published vintages by coverage, the latest first.",
    ),
    "CoverageList": record(
        {
            "coverages": array(
                record(
                    {
                        "coverage": text("Name in URLs."),
                        **NAMES,
                        "vintage": or_null(ref("Vintage")) | {"description": "What answers today; null where nothing does."},
                        "vintages": array(LABEL, description="Every published vintage, the latest first."),
                        **LINKS,
                    }
                )
            )
        },
        description="Kinds of regions of which something is published.",
    ),
}
