-- The health region of every point in a table: one row per point, with a flag for points too near a border to be certain.
-- Index: region_part(geom)
-- A million points take about half a minute. Points outside all regions (in the water or abroad) keep null.
with my_points (id, lon, lat) as (
  values (1, -79.3832, 43.6532), (2, -71.2080, 46.8139), (3, -63.5752, 44.6488), (4, 0.0, 0.0)
)
select p.id, r.hruid, r.name_en, r.certain
from my_points p
left join lateral geo.health_region_at(p.lon, p.lat) r on true
order by p.id;
