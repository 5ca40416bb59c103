"""Label positions of provinces and territories by PRUID: longitude and latitude, placed by hand."""

LABEL_POSITIONS: dict[str, tuple[float, float]] = {
    "10": (-61.0, 53.6),
    "11": (-62.4, 47.5),
    "12": (-63.0, 44.1),
    "13": (-66.4, 46.6),
    "24": (-72.0, 52.6),
    "35": (-86.2, 50.6),
    "46": (-97.4, 55.0),
    "47": (-105.8, 54.4),
    "48": (-114.6, 54.8),
    "59": (-124.8, 54.9),
    "60": (-135.6, 63.4),
    "61": (-119.6, 64.6),
    "62": (-93.5, 66.0),
}
