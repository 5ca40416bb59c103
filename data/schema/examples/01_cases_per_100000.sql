-- Cases per 100,000 by health region, from your own table.
-- Index: region(vintage_id)
-- A vintage without population gives no rate: join your own population by hruid instead.
with my_cases (hruid, cases) as (
  values ('3595', 1200), ('3551', 640), ('2406', 980)
)
select r.hruid, r.name_en, m.cases, r.population, round(100000.0 * m.cases / nullif(r.population, 0), 1) as per_100000
from my_cases m
join geo.health_regions r using (hruid)
order by per_100000 desc nulls last, r.hruid;
