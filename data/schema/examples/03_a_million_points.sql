-- The same for millions of points, in the opposite direction: each boundary piece finds its points.
-- Index: region_part
-- Ten times as fast if your table has an indexed geometry in EPSG:3347:
--   alter table my_points add column geom geometry(Point, 3347);
--   update my_points set geom = st_transform(st_setsrid(st_makepoint(lon, lat), 4326), 3347);
--   create index on my_points using gist (geom);
--   analyze my_points;
-- `distinct on` keeps the lowest code for a point on a border, and one row for a point in two pieces of a region.
with my_points (id, geom) as (
  select id, st_transform(st_setsrid(st_makepoint(lon, lat), 4326), 3347)
  from (values (1, -79.3832, 43.6532), (2, -71.2080, 46.8139), (3, -63.5752, 44.6488)) as positions (id, lon, lat)
)
select distinct on (p.id) p.id, r.hruid
from geo.health_regions r
join geo.region_parts part using (region_id)
join my_points p on st_dwithin(p.geom, part.geom, 0.001)
order by p.id, r.hruid;
