"""Texts of the page about health figures, in the form of `web.texts`."""

Text = str | dict[str, str]

# key: (English, French)
FIGURE_TEXTS: dict[str, tuple[Text, Text]] = {
    "indicator": ("Indicator", "Indicateur"),
    "measure": ("Measure", "Mesure"),
    "boundaries": ("Regions", "Régions"),
    "boundaries_reporting": ("Reporting regions", "Régions déclarantes"),
    "boundaries_vintage": ("Vintage {label}", "Édition {label}"),
    "boundaries_why": (
        "Figures are reported by other regions than these. Relations link the two, declared or computed from where people "
        "live. A region without a relation has no figure.",
        "Les chiffres sont déclarés par d'autres régions que celles-ci. Des relations lient les unes aux autres, établies ou "
        "calculées selon les lieux de résidence; une région sans relation n'a pas de chiffre.",
    ),
    "method_same": ("same region", "même région"),
    "method_sum": ("sum of reporting regions", "somme de régions déclarantes"),
    "method_common": ("figure of several regions together", "chiffre de plusieurs régions ensemble"),
    "method_part_of": ("rate of a larger region", "taux d'une région plus grande"),
    "method_none": ("no related figure", "aucun chiffre lié"),
    "method_same_why": ("Reported for this region itself.", "Déclaré pour cette région même."),
    "method_sum_why": (
        "Computed from the sum of the reporting regions that make up this region.",
        "Calculé d'après la somme des régions déclarantes qui composent cette région.",
    ),
    "method_common_why": (
        "Figure of these regions together: {codes}. The reporting regions cover the same area only as a group.",
        "Chiffre de l'ensemble de ces régions : {codes}. Les régions déclarantes ne couvrent la même superficie qu'en groupe.",
    ),
    "method_part_of_why": (
        "Rate of a larger reporting region that contains this region; its count is not divided.",
        "Taux d'une région déclarante plus grande qui contient cette région; son nombre n'est pas réparti.",
    ),
    "figures_away": ("The figures could not be loaded", "Les chiffres n'ont pas pu être chargés"),
    "latest": ("Latest figures", "Derniers chiffres"),
    "latest_none": (
        "No reported figures are related to this region of this vintage.",
        "Aucun chiffre déclaré n'est lié à cette région de cette édition.",
    ),
    "interval": ("95 % interval {from} to {to}", "intervalle à 95 % : {from} à {to}"),
    "trend": ("{word} from {period}", "{word} par rapport à la période : {period}"),
    "trend_ratio": ("ratio {ratio}, 95 % interval {from} to {to}", "rapport {ratio}, intervalle à 95 % : {from} à {to}"),
    "timeline": ("Legend and week", "Légende et semaine"),
    "week": ("Week", "Semaine"),
    "week_to": ("Week ending {day}", "Semaine se terminant le {day}"),
    "week_before": ("Step back", "Reculer d'un pas"),
    "week_after": ("Step forward", "Avancer d'un pas"),
    "play": ("Play", "Lire"),
    "pause": ("Pause", "Pause"),
    "class_below": ("< {to}", "< {to}"),
    "class_range": ("{from}–{to}", "{from}–{to}"),
    "class_from": ("≥ {from}", "≥ {from}"),
    "class_part_of": (
        "dashed: figure of a larger region, or of several together",
        "tireté : chiffre d'une région plus grande, ou de plusieurs ensemble",
    ),
    "class_negative": ("below 0: a correction", "inférieur à 0 : une correction"),
    "class_missing": ("not reported", "non déclaré"),
    "region": ("Region", "Région"),
    "reporting_region": ("reporting region {code}", "région déclarante {code}"),
    "period": ("Period", "Période"),
    "reported_on": ("Reported on", "Déclaré le"),
    "count": ("Count", "Nombre"),
    "population_of": ("Population, {year}", "Population, {year}"),
    "reported_before": ("last report: {day}", "dernière déclaration : {day}"),
    "provinces_table": ("Provinces and territories", "Provinces et territoires"),
    "regions_table": ("All regions as a table", "Toutes les régions en tableau"),
    "unassigned": ("Assigned to no region", "Sans région attribuée"),
    "unassigned_of": ("{province}: assigned to no region", "{province} : sans région attribuée"),
    "unassigned_why": (
        "Reported for the province, but for none of its regions: the map cannot show them. Shares are of the province.",
        "Déclarés pour la province, mais pour aucune de ses régions : la carte ne peut pas les montrer. Les parts sont celles "
        "de la province.",
    ),
    "in_7_days": ("{count} in 7 days", "{count} en 7 jours"),
    "unassigned_share": (
        "{share} of the figure of {province} ({count}) is assigned to no region.",
        "{share} du chiffre de {province} ({count}) est sans région attribuée.",
    ),
    "ended_why": (
        "Not reported for this region since {day}. That is not zero: the province may still report totals.",
        "Aucune déclaration pour cette région depuis le {day}. Ce n'est pas zéro : la province peut continuer à déclarer des "
        "totaux.",
    ),
    "missing_why": (
        "Nothing was reported for this period. That is not zero.",
        "Rien n'a été déclaré pour cette période. Ce n'est pas zéro.",
    ),
    "no_rate_why": (
        "This measure is not available here: the count is a negative correction, or the population is unknown.",
        "Cette mesure n'est pas disponible ici : le nombre est une correction négative, ou la population est inconnue.",
    ),
    "estimated_why": (
        "Estimated: the report covers more than a week; a weekly mean is shown.",
        "Estimé : la déclaration porte sur plus d'une semaine; une moyenne hebdomadaire est affichée.",
    ),
    "chart_label": ("{name} over time", "{name} au fil du temps"),
    "gap_without_rate": ("no rate", "aucun taux"),
    "chart_gaps": ("Grey: {statuses}.", "En gris : {statuses}."),
    "notes": (
        {"one": "One note from the source", "other": "{n} notes from the source"},
        {"one": "Une note de la source", "other": "{n} notes de la source"},
    ),
    "note_source": ("Source", "Source"),
    "until": ("until {day}", "jusqu'au {day}"),
    "since": ("since {day}", "depuis le {day}"),
    "compare_with": ("Compare with", "Comparer avec"),
    "compare_hint": ("or Shift-click on the map", "ou Maj-clic sur la carte"),
    "compare_most": ("At most four places can be compared.", "On peut comparer quatre lieux au plus."),
    "choose_place": ("Choose a place", "Choisir un lieu"),
    "places_compared": (
        {"one": "One place", "other": "{n} places compared"},
        {"one": "Un lieu", "other": "{n} lieux comparés"},
    ),
    "remove_place": ("Remove {name}", "Retirer {name}"),
    "figures_csv": ("This week (CSV)", "Cette semaine (CSV)"),
    "source_figures": ("Figures: {attribution}", "Chiffres : {attribution}"),
    "source_boundaries": ("Boundaries: {attribution}", "Limites : {attribution}"),
}
