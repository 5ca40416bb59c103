-- The FSAs of a health region, with the share of each FSA in the region, and the share of the region in each FSA.
-- Index: overlap
select cfsauid, round(share_of_fsa::numeric, 3) as share_of_fsa, round(share_of_region::numeric, 3) as share_of_region
from geo.fsa_health_regions
where hruid = '3551'
order by share_of_region desc, cfsauid;
