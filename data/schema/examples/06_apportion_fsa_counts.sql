-- Counts by FSA apportioned to health regions, by the share of each FSA's people, or of its area where people are not known.
-- Index: overlap
-- Divided by the sum of the shares of the FSA's regions, so that the total stays the same.
with my_counts (cfsauid, people) as (
  values ('K0A', 1000), ('M5V', 500), ('G1R', 250)
)
select o.hruid, o.name_en, round(sum(m.people * coalesce(o.share_of_people, o.share_of_fsa) / whole.share)::numeric, 1) as people
from my_counts m
join geo.fsa_health_regions o using (cfsauid)
join lateral (
  select sum(coalesce(share_of_people, share_of_fsa)) as share from geo.fsa_health_regions w where w.cfsauid = m.cfsauid
) as whole on true
group by o.hruid, o.name_en
order by people desc, o.hruid;
