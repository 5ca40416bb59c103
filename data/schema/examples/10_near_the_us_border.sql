-- Health regions within 50 km of the border with the United States.
-- Index: region_part(geom)
-- The line is rough (some 10 km): replace it by a better one. The index finds pieces near it in the projection, with a margin for
-- the scale; the 50 km are measured on the ellipsoid.
with border as materialized (
  select line, st_transform(st_segmentize(line, 0.1), 3347) as geom
  from (values (st_geomfromtext('MULTILINESTRING(
    (-124.73 48.49, -123.25 48.28, -123.22 48.55, -123.27 48.69, -123.01 48.83, -123.32 49.00, -95.15 49.00, -95.15 49.38,
     -94.82 49.32, -94.69 48.85, -93.40 48.60, -92.95 48.62, -92.37 48.22, -91.42 48.07, -90.83 48.23, -89.60 48.01, -88.40 48.30,
     -84.88 46.90, -84.55 46.45, -84.35 46.51, -84.12 46.18, -83.60 46.10, -83.48 45.82, -82.52 45.34, -82.13 43.59, -82.42 43.00,
     -82.52 42.60, -82.87 42.40, -83.08 42.31, -83.12 42.13, -82.69 41.68, -82.40 41.68, -81.24 42.21, -80.08 42.39, -78.91 42.86,
     -79.06 43.09, -79.06 43.26, -79.19 43.45, -78.69 43.63, -76.79 43.63, -76.44 44.09, -75.82 44.43, -75.30 44.83, -74.75 45.00,
     -71.50 45.01, -71.40 45.21, -71.08 45.30, -70.80 45.43, -70.39 45.73, -70.29 46.19, -70.05 46.41, -70.00 46.69, -69.23 47.46,
     -69.05 47.30, -68.33 47.36, -67.79 47.07, -67.79 45.70, -67.43 45.38, -67.45 45.14, -66.96 44.81),
    (-141.00 69.65, -141.00 60.31, -139.20 60.09, -137.50 58.90, -136.48 59.47, -135.50 59.80, -135.00 59.35, -133.40 58.40,
     -131.70 56.60, -130.10 56.10, -130.00 55.90, -130.15 55.00, -130.60 54.70))', 4326))) as rough (line)
), near as materialized (
  select part.region_id, b.line, st_transform(st_closestpoint(part.geom, b.geom), 4326) as point
  from border b
  join geo.region_parts part on st_dwithin(part.geom, b.geom, 55000)
)
select distinct r.hruid, r.name_en
from near
join geo.health_regions r using (region_id)
where st_dwithin(near.point::geography, near.line::geography, 50000)
order by r.hruid;
