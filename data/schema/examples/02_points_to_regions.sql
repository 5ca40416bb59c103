-- Every point of a table to its health region, a row for each point, with a note where a border is too near to be sure.
-- Index: region_part(geom)
-- A million points take about half a minute. Points that nothing covers keep null: they lie in the water or abroad.
with my_points (id, lon, lat) as (
  values (1, -79.3832, 43.6532), (2, -71.2080, 46.8139), (3, -63.5752, 44.6488), (4, 0.0, 0.0)
)
select p.id, r.hruid, r.name_en, r.certain
from my_points p
left join lateral geo.health_region_at(p.lon, p.lat) r on true
order by p.id;
