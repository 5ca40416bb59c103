-- A layer for QGIS, coloured by your own values.
-- Index: region(vintage_id)
-- Paste it into the DB Manager's SQL window and load it as a layer, with region_id as the key and geom as the geometry. For the
-- boundaries alone no query is needed: Layer > Add Layer > PostgreSQL lists the views, each with its key and its geometries.
with my_values (hruid, rate) as (
  values ('3595', 12.5), ('3551', 8.1)
)
select r.region_id, r.hruid, r.name_en, m.rate, r.geom
from geo.health_regions r
left join my_values m using (hruid)
where r.pruid = '35';
