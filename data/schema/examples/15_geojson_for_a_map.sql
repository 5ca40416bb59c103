-- A GeoJSON FeatureCollection of a province for a quick map: stored degrees, five decimals.
-- Index: region(vintage_id)
select json_build_object('type', 'FeatureCollection', 'features', json_agg(st_asgeojson(r.*, 'geom_4326', 5)::json))
from (
  select region_id, hruid, name_en, geom_4326 from geo.health_regions where pruid = '11' order by hruid
) as r;
