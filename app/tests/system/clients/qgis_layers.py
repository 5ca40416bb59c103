"""Opens layers in QGIS without a screen, in the system's Python. Input (connection, layers) and output are JSON."""

import json
import sys
import time

from qgis.core import QgsApplication, QgsDataSourceUri, QgsFeatureRequest, QgsRectangle, QgsVectorLayer, QgsWkbTypes

loaded = json.load(sys.stdin)
database = loaded["database"]
QgsApplication.setPrefixPath("/usr", True)
application = QgsApplication([], False)
application.initQgis()

results = []
for view, column in loaded["layers"]:
    uri = QgsDataSourceUri()
    uri.setConnection(database["host"], database["port"], database["dbname"], database["user"], database["password"])
    uri.setDataSource("geo", view, column, "", "region_id")
    began = time.perf_counter()
    layer = QgsVectorLayer(uri.uri(False), view, "postgres")
    valid = layer.isValid()
    opened = time.perf_counter() - began
    provider = layer.dataProvider()
    extent = layer.extent()
    middle = QgsRectangle.fromCenterAndSize(extent.center(), extent.width() / 4, extent.height() / 4)
    began = time.perf_counter()
    drawn = sum(1 for _ in layer.getFeatures(QgsFeatureRequest(middle)))
    seconds = time.perf_counter() - began
    results.append(
        {
            "view": view,
            "column": column,
            "valid": valid,
            "error": layer.error().message(),
            "type": QgsWkbTypes.displayString(layer.wkbType()),
            "crs": layer.crs().authid(),
            "key": [layer.fields()[index].name() for index in provider.pkAttributeIndexes()],
            "features": layer.featureCount(),
            "in_the_middle": drawn,
            "comment": layer.fields().field("region_id").comment(),
            "seconds_to_open": round(opened, 3),
            "seconds_to_read_the_middle": round(seconds, 3),
        }
    )
del layer
application.exitQgis()
print(json.dumps(results))
