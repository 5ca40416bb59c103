-- Export to GeoPackage: every FSA of a province in degrees, each with the health region that has most of it.
-- Index: region(vintage_id)
--   ogr2ogr fsa.gpkg PG:"host=… dbname=covidtrends_geo user=geo_reader" -sql @09_export_to_geopackage.sql -nln fsa -nlt MULTIPOLYGON
select f.region_id, f.cfsauid, f.vintage, most.hruid, most.share_of_fsa, f.geom_4326
from geo.fsa f
left join lateral (
  select hruid, share_of_fsa from geo.fsa_health_regions o where o.fsa_region_id = f.region_id
  order by share_of_fsa desc, hruid limit 1
) as most on true
where f.pruid = '11';
