-- Comments of indicator views, for psql's \d+, QGIS and the dictionary. Idempotent; runs after 035 and 050.

comment on view geo.indicators is 'Health indicators, each with its current issue.';
comment on view geo.places is 'Subjects of values: regions of a vintage, provinces, Canada, the unassigned part of a province, sites.';
comment on view geo.place_members is 'Relations of the places of a series to regions of other vintages of boundaries; declared or computed, never guessed from a code.';
comment on view geo.place_weights is 'Population weights: shares of a place''s people by health region of another vintage, to estimate figures of regions without a declared relation.';
comment on view geo.populations is 'Population of places by year, 1 July.';
comment on view geo.issues is 'Issues: publications of the sources of indicators, with numbers of changes, including held issues.';
comment on view geo.issue_changes is 'Number of values that an issue changed, by place; places without a change have no row.';
comment on view geo.data_notes is 'Dated remarks of the sources about their values.';
comment on view geo.indicator_values is 'Values as published, of the current issue. A missing value is null, never 0; status gives the reason.';
comment on view geo.indicator_values_all is 'Values of all issues: the value of a place and period as published from issued_at until superseded_at.';
comment on function geo.indicator_values_at(text, timestamptz) is
  'Values of an indicator as of an instant: geo.indicator_values as it was then, without the names of the indicator. No rows before the first issue.';
comment on view geo.indicator_days is 'Measures by day and place: value as published, new in 7 days, rate. The API serves these.';
comment on view geo.indicator_weekly is 'Measures by week and place, one row for each Saturday, equal to the API''s map of that day.';
comment on function geo.indicator_map(text, date, text, text) is
  'Regions with one indicator on a day, for a choropleth: of the vintage in which it is reported, or of another one, by geo.place_members. A region without a value has null and a status. Regions with the method common share one figure: their codes are in "group", separated by commas.';

do $$
declare
  note record;
begin
  for note in
    with notes (view, col, text) as (values
      (null, 'indicator_id', 'Stable integer key.'),
      (null, 'indicator', 'Name of the indicator in URLs: cases, deaths.'),
      (null, 'definition_en', 'Definition, English.'),
      (null, 'definition_fr', 'Definition, French.'),
      (null, 'unit', 'Unit of the values.'),
      (null, 'kind', 'Kind of the place: region, unassigned, province, country or site.'),
      ('indicators', 'kind', 'cumulative, count (per period), stock, percent or concentration.'),
      (null, 'period', 'Day of the value, a local calendar day; for a week its last day.'),
      ('indicators', 'period', 'day or week: the length of a count''s period.'),
      (null, 'good_direction', 'Direction of an improvement: up, down or none.'),
      (null, 'coverage', 'Coverage in which the code identifies this place; empty for provinces, the country and sites.'),
      (null, 'vintage', 'Vintage of that coverage.'),
      ('place_members', 'coverage', 'Coverage of the region.'),
      ('place_members', 'vintage', 'Vintage of the region.'),
      ('place_weights', 'coverage', 'Coverage of the region.'),
      ('place_weights', 'vintage', 'Vintage of the region.'),
      ('place_weights', 'code', 'Code of the region in that vintage.'),
      ('place_weights', 'share_of_place', 'Share of the place''s people who live in the region, 0 to 1; shares under 0.5 % are omitted.'),
      ('place_weights', 'basis', 'Source of the positions of people: blocks (census) or postal_codes (an estimate).'),
      (null, 'place_coverage', 'Coverage of the place.'),
      (null, 'place_vintage', 'Vintage of the place.'),
      (null, 'licence', 'Name of the licence.'),
      (null, 'licence_url', 'URL of the licence.'),
      (null, 'attribution_en', 'Attribution required by the licence, English.'),
      (null, 'attribution_fr', 'Attribution required by the licence, French.'),
      (null, 'issue_id', 'Stable integer key of the issue, as in geo.issues.'),
      (null, 'issued_at', 'Time of publication by the source.'),
      (null, 'loaded_at', 'Time of the load or rollback.'),
      (null, 'file', 'Name of the source file.'),
      (null, 'sha256', 'SHA-256 of its content and declaration.'),
      (null, 'source', 'Source of the estimate.'),
      ('issues', 'source', 'Name of the source in geodata/series.toml.'),
      ('issues', 'status', 'published, staged (held by gates, without values) or rolled_back.'),
      (null, 'values_new', 'Number of values for a place and period without an earlier value; computed totals are not counted.'),
      (null, 'values_changed', 'Number of values that replaced others.'),
      (null, 'values_withdrawn', 'Number of values of the previous issue that it does not contain.'),
      ('issues', 'gates_failed', 'Names of the gates that failed.'),
      ('issues', 'gates_accepted', 'Names of the failed gates that were accepted.'),
      ('issues', 'because', 'Reason of the acceptance.'),
      ('issues', 'accepted_by', 'Person who accepted; null if not stated with --by.'),
      (null, 'from_issue_id', 'First issue that contains the value, as in geo.issues.'),
      (null, 'to_issue_id', 'First issue that does not contain the value; null: current.'),
      ('indicator_values_all', 'issued_at', 'Time of publication of the first issue that contains the value.'),
      (null, 'superseded_at', 'Time of publication of the first issue that does not contain the value; null: current.'),
      (null, 'place_id', 'Stable integer key of the place, as in geo.places.'),
      (null, 'place', 'Name of the place in URLs: 3595, ON, CA, NS-9999.'),
      (null, 'code', 'Code of the place within its vintage; 9999: no region assigned.'),
      ('place_members', 'code', 'Code of the region in that vintage.'),
      (null, 'pruid', 'Province or territory, Statistics Canada code; empty for the country.'),
      (null, 'name_en', 'English name.'),
      (null, 'name_fr', 'French name.'),
      (null, 'parent_place_id', 'Place that contains it.'),
      (null, 'method', 'same, sum (of whole places), common (several places and several regions cover the same area together) or part_of (a larger place).'),
      (null, 'share_of_place', 'Share of the place''s population that lives in the region, 0 to 1, of computed relations; null for declared ones.'),
      (null, 'share_of_region', 'Share of the region''s population that lives in the place, 0 to 1, of computed relations; null for declared ones.'),
      (null, 'basis', 'Basis of the relation.'),
      (null, 'year', 'Calendar year.'),
      (null, 'people', 'Inhabitants on 1 July.'),
      (null, 'day', 'Calendar day.'),
      (null, 'week_end', 'Saturday that ends the week.'),
      (null, 'day_from', 'First day of the measure''s period; null: from the beginning.'),
      (null, 'day_to', 'Last day of the measure''s period, the day of the last report; null: to the end.'),
      (null, 'text_en', 'The remark, English.'),
      (null, 'text_fr', 'The remark, French; empty if there is none.'),
      (null, 'url', 'URL of the statement by the source.'),
      (null, 'value', 'Value as published; null if there is none. Cumulative for cases and deaths.'),
      (null, 'new_7d', 'New in the 7 days that end with the last report; negative for a correction by the source; null if not reported.'),
      (null, 'rate_7d', 'new_7d per 100,000 inhabitants of the period''s year; null if new_7d is null or negative.'),
      (null, 'status', 'reported, carried (the last report), not_reported, unassigned, suppressed, capped, withdrawn or estimated.')
    )
    select distinct on (c.relname, a.attname)
           format('comment on column geo.%I.%I is %L', c.relname, a.attname, notes.text) as sql
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join notes on notes.col = a.attname and (notes.view is null or c.relname = notes.view)
    where c.relnamespace = 'geo'::regnamespace and c.relkind = 'v'
      and c.relname in ('indicators', 'places', 'place_members', 'place_weights', 'populations', 'issues', 'data_notes', 'indicator_values',
                        'indicator_values_all', 'issue_changes',
                        'indicator_days', 'indicator_weekly')
    order by c.relname, a.attname, notes.view nulls last
  loop
    execute note.sql;
  end loop;
end
$$;
