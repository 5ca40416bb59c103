-- The health regions of a list of postal codes: one row per region of the code's FSA, with the likeliest marked.
-- Index: overlap
with my_people (id, postal_code) as (
  values (1, 'K0A 1A0'), (2, 'm5v3l9'), (3, 'H0H 0H0')
)
select p.id, r.hruid, r.name_en, round(r.share_of_fsa::numeric, 3) as share,
       case when r.hruid is not null then row_number() over (partition by p.id order by r.share_of_fsa desc, r.hruid) = 1 end
         as likeliest
from my_people p
left join lateral geo.health_regions_of_fsa(p.postal_code) r on true
order by p.id, share desc nulls last;
