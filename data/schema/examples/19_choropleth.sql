-- A choropleth for QGIS, or for ogr2ogr to a GeoPackage: the reporting regions with their boundaries, coloured by a day.
-- Index: region(vintage_id)
select region_id, code, name_en, rate_7d, status, day_to, geom
from geo.indicator_map('cases', '2022-01-08');
