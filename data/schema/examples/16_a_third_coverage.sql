-- The regions of every loaded coverage at a position: provinces, a province's own health areas, and others.
-- Index: region_part(geom)
select v.coverage, v.vintage, r.code, r.name_en, r.certain
from geo.vintages v
cross join lateral geo.region_at(v.coverage, -79.3832, 43.6532) r
where v.in_force
order by v.coverage;
