"""Opens collections of OGC API - Features and the map style in QGIS, in the system's Python. Input and output are JSON."""

import json
import sys

from qgis.core import (
    QgsApplication,
    QgsFeatureRequest,
    QgsMapBoxGlStyleConverter,
    QgsRectangle,
    QgsVectorLayer,
    QgsVectorTileLayer,
    QgsWkbTypes,
)

loaded = json.load(sys.stdin)
QgsApplication.setPrefixPath("/usr", True)
application = QgsApplication([], False)
application.initQgis()


def collection(name):
    uri = f"url='{loaded['address']}/ogc' typename='{name}' version='OGC_API_FEATURES' maxNumFeatures='10000'"
    layer = QgsVectorLayer(uri, name, "OAPIF")
    result = {"valid": layer.isValid(), "error": layer.error().message()}
    if not result["valid"]:
        return result
    regions = {feature["code"]: feature.geometry().asWkb().toHex().data().decode() for feature in layer.getFeatures()}
    window = QgsRectangle(-79.5, 43.6, -79.3, 43.7)
    subset = QgsVectorLayer(uri, name, "OAPIF")
    subset.setSubsetString("\"code\" = '3595'")
    return result | {
        "crs": layer.crs().authid(),
        "type": QgsWkbTypes.displayString(layer.wkbType()),
        "fields": layer.fields().names(),
        "count": layer.featureCount(),
        "regions": regions,
        "in_window": sorted({feature["code"] for feature in layer.getFeatures(QgsFeatureRequest(window))}),
        "subset": sorted({feature["code"] for feature in subset.getFeatures()}),
    }


def style(theme):
    converter = QgsMapBoxGlStyleConverter()
    converted = converter.convert(loaded["styles"][theme])
    layer = QgsVectorTileLayer(f"type=xyz&url={loaded['tiles']}&zmin=0&zmax=14", theme)
    layer.setRenderer(converter.renderer().clone())
    return {
        "converted": converted == QgsMapBoxGlStyleConverter.Success,
        "error": converter.errorMessage(),
        "warnings": converter.warnings(),
        "valid": layer.isValid(),
        "colours": {item.styleName(): item.symbol().color().name() for item in converter.renderer().styles()},
        "labels": [item.styleName() for item in converter.labeling().styles()],
    }


results = {
    "collections": {name: collection(name) for name in loaded["collections"]},
    "styles": {theme: style(theme) for theme in loaded["styles"]},
}
application.exitQgis()
print(json.dumps(results))
