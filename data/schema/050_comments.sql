-- Comments of views, columns and functions, for psql's \d+, QGIS and the dictionary. Idempotent; runs after views and functions.

comment on view geo.vintages is 'Published vintages of boundaries with their sources; in_force marks the vintage of each coverage that applies today.';
comment on view geo.regions is 'Regions in force today, of every coverage.';
comment on view geo.regions_all is 'Regions of every published vintage, of every coverage.';
comment on view geo.health_regions is 'Health regions in force today.';
comment on view geo.health_regions_all is 'Health regions of every published vintage. A code is unique only within its vintage.';
comment on view geo.fsa is 'Forward sortation areas in force today.';
comment on view geo.fsa_all is 'Forward sortation areas of every published vintage. A code is unique only within its vintage.';
comment on view geo.fsa_health_regions is 'Overlaps of the FSAs and health regions in force today, with shares of area and of people; at least 0.1 % of the FSA, without artefacts.';
comment on view geo.fsa_health_regions_all is 'Overlaps of the FSAs and health regions of every pair of published vintages; at least 0.1 % of the FSA, without artefacts.';
comment on view geo.fsa_health_region_artefacts_all is 'Overlaps of an FSA and a health region that exist only because two vintages draw the same border differently.';
comment on view geo.region_parts is 'Boundaries of every published vintage, cut into small pieces: for large joins. The pieces of a region share seams, so a point may lie in two of them.';
comment on view geo.changes is 'Changes of each region between two published vintages, in both directions, with the regions that share its area (at least 0.1 % of either). A region that is new in a vintage has the kind gone in the opposite direction.';

-- A column has the same meaning in every view, unless a row names the view.
do $$
declare
  note record;
begin
  for note in
    with notes (view, col, text) as (values
      (null, 'region_id', 'Stable integer key of a region in a vintage.'),
      (null, 'vintage_id', 'Stable integer key of the vintage, as in geo.vintages.'),
      (null, 'part_id', 'Integer key of the piece.'),
      (null, 'overlap_id', 'Stable integer key of the pair.'),
      (null, 'coverage', 'health-regions, fsa or another kind of region. Source: geodata/sources.toml.'),
      (null, 'code', 'Code of the region within its vintage: HRUID, CFSAUID or another coverage''s; text with leading zeros. Source: the boundary file.'),
      (null, 'hruid', 'Health region code, four digits; text. Source: the boundary file.'),
      (null, 'cfsauid', 'Forward sortation area: the first three characters of a postal code. Source: the boundary file.'),
      (null, 'dguid', 'Dissemination Geography Unique Identifier; null if the source gives none. Source: the boundary file.'),
      (null, 'name_en', 'English name. Source: the boundary file.'),
      (null, 'name_fr', 'French name. Source: the boundary file.'),
      (null, 'pruid', 'Province or territory, Statistics Canada code (10 to 62). Source: the boundary file, or the code.'),
      (null, 'population', 'Inhabitants; null if the source gives none. Source: the boundary file.'),
      (null, 'land_area_km2', 'Land area, km2; null if the source gives none. Source: the boundary file.'),
      (null, 'area_km2', 'Area of geom, km2 on the GRS 80 ellipsoid. Source: computed at load.'),
      ('fsa_health_regions', 'area_km2', 'Common area, km2 on the GRS 80 ellipsoid. Source: computed at load.'),
      (null, 'share_of_fsa', 'Common area as a share of the FSA, 0 to 1. Source: computed at load.'),
      (null, 'share_of_people', 'Share of the FSA''s people who live in the health region, 0 to 1; null if not known. Source: computed from census blocks or positions of postal codes.'),
      (null, 'people_basis', 'Source of share_of_people: blocks (census) or postal_codes (an estimate); null if not known.'),
      (null, 'share_of_region', 'Common area as a share of the health region, 0 to 1. Source: computed at load.'),
      (null, 'fsa_region_id', 'The FSA: region_id in geo.fsa_all.'),
      (null, 'health_region_id', 'The health region: region_id in geo.health_regions_all.'),
      (null, 'fsa_vintage_id', 'Vintage of the FSA: vintage_id in geo.vintages.'),
      (null, 'fsa_vintage', 'Name of the FSA''s vintage, such as 2021.'),
      (null, 'health_region_vintage_id', 'Vintage of the health region: vintage_id in geo.vintages.'),
      (null, 'health_region_vintage', 'Name of the health region''s vintage, such as 2022.'),
      ('changes', 'area_km2', 'Common area of both regions, km2 on the GRS 80 ellipsoid; null without another region. Source: computed at load.'),
      ('changes', 'share_of_region', 'Common area as a share of the region, 0 to 1. Source: computed at load.'),
      (null, 'share_of_other', 'Common area as a share of the other region, 0 to 1. Source: computed at load.'),
      (null, 'misfit_m', 'Uncertainty of borders, metres: width of the widest overlap or gap between regions of the vintage; 0 if it is edge-matched. Source: computed at load.'),
      ('fsa_health_regions', 'share_outside', 'Part of the FSA that no health region of the vintage covers, 0 to 1. Source: computed at load.'),
      ('fsa_health_region_artefacts', 'area_km2', 'Common area, km2 on the GRS 80 ellipsoid. Source: computed at load.'),
      ('fsa_health_region_artefacts', 'kind', 'province: the region lies in a province that the FSA''s first letter excludes; sliver: under 0.1 % of the FSA, or no wider than the distance between the lines of the two vintages. Source: computed at load.'),
      (null, 'width_m', 'Diameter of the largest circle within the common area, metres; null if not measured. Source: computed at load.'),
      (null, 'share_outside', 'Part of the region that no region of the other vintage covers, 0 to 1. Source: computed at load.'),
      (null, 'kind', 'Kind of change from the region''s vintage to the other one: kept, renamed, recoded, moved, split, merged, gone or outside. Source: computed at load.'),
      (null, 'code_reused', 'True if the other vintage uses the same code for another area. Source: computed at load.'),
      (null, 'change_id', 'Integer key of the change; one row for each region of the other vintage that shares its area.'),
      (null, 'other_vintage', 'Name of the other vintage of the comparison.'),
      (null, 'other_vintage_id', 'That vintage: vintage_id in geo.vintages.'),
      (null, 'other_region_id', 'The other region: region_id in geo.regions_all; null if no region shares its area.'),
      (null, 'other_code', 'Code of a region of the other vintage that shares its area; null if there is none.'),
      (null, 'other_name_en', 'English name of that region.'),
      (null, 'other_name_fr', 'French name of that region.'),
      (null, 'vintage', 'Name of the vintage, such as 2022. Source: geodata/sources.toml, or the load.'),
      (null, 'effective_from', 'First day on which the vintage is in force. Source: geodata/sources.toml, or the load.'),
      (null, 'effective_to', 'First day on which the vintage is no longer in force; null: until a later vintage is published. Source: geodata/sources.toml, or the load.'),
      (null, 'representation', 'digital (runs into the water) or cartographic (ends at the shoreline). Source: geodata/sources.toml, or the load.'),
      (null, 'demo', 'True for demonstration boundaries: not for decisions.'),
      ('fsa_health_regions', 'demo', 'True if either is a demonstration: not for decisions.'),
      (null, 'extract', 'True if the vintage is an extract, which covers a part of the country and is never in force.'),
      (null, 'region_count', 'Number of regions.'),
      (null, 'product', 'Title of the source product.'),
      (null, 'source_url', 'URL of the source file.'),
      (null, 'source_file', 'Name of the source file.'),
      (null, 'source_sha256', 'SHA-256 of the source file, hexadecimal.'),
      (null, 'licence', 'Name of the licence.'),
      (null, 'licence_url', 'URL of the licence.'),
      (null, 'attribution_en', 'Attribution required by the licence, English.'),
      (null, 'attribution_fr', 'Attribution required by the licence, French.'),
      (null, 'published_at', 'Time of the last publication.'),
      (null, 'in_force', 'True for the vintage of the coverage that is in force today.'),
      (null, 'geom', 'Boundary, EPSG:3347 (NAD83 / Statistics Canada Lambert, metres), as published, not simplified; positions are tested against it. Source: the boundary file; repaired only if it was invalid.'),
      ('region_parts', 'geom', 'Piece of the boundary, EPSG:3347 (metres), at most 96 vertices. Source: computed at load.'),
      (null, 'geom_4326', 'The same in EPSG:4326 (degrees, longitude first) with 6 decimals, long edges densified, so that they follow the same curve. Source: computed at load.'),
      (null, 'rep_point', 'A point on the surface of geom, EPSG:4326 (degrees, longitude first). Source: computed at load.')
    )
    select distinct on (c.relname, a.attname)
           format('comment on column geo.%I.%I is %L', c.relname, a.attname, notes.text) as sql
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join notes on notes.col = a.attname and (notes.view is null or c.relname in (notes.view, notes.view || '_all'))
    where c.relnamespace = 'geo'::regnamespace and c.relkind = 'v'
    order by c.relname, a.attname, notes.view nulls last
  loop
    execute note.sql;
  end loop;
end
$$;

comment on function geo.vintages_at(date) is
  'The vintage of each coverage in force on a day; no row for a coverage before its first vintage.';
comment on function geo.region_at(text, double precision, double precision, date) is
  'The region of a coverage at a position (EPSG:4326 degrees, longitude first), in the vintage in force on a day: one row, or none if no region covers it. On a shared border the region with the lowest code; certain is false within 2 m of another region.';
comment on function geo.health_region_at(double precision, double precision, date) is
  'The health region at a position (EPSG:4326 degrees, longitude first), in the vintage in force on a day: one row, or none if no region covers it. On a shared border the region with the lowest code; certain is false within 2 m of another region.';
comment on function geo.fsa_at(double precision, double precision, date) is
  'The FSA at a position (EPSG:4326 degrees, longitude first), in the vintage in force on a day: one row, or none if no region covers it. On a shared border the region with the lowest code; certain is false within 2 m of another FSA.';
comment on function geo.health_regions_of_fsa(text, date) is
  'The health regions of an FSA, or of a postal code''s FSA, in the vintages in force on a day: largest share first; at least 0.1 % of the FSA.';
