"""Constants of point lookups, each with its reason."""

# In place of the number of a region: none.
NO_REGION = -1

# A point within this distance of a border is on it. Transforming to EPSG:3347 and back moves a point by a few nanometres, and
# subdividing a polygon moves its edge by about as much. No measurement on the ground is accurate to a millimetre.
BORDER_EPSILON_M = 0.001

# Positions are in WGS 84, boundaries in NAD83. The two frames are up to 2 m apart in Canada, and the service uses a null
# transformation between them. Within this distance of a border, the side of a point is therefore unknown.
DATUM_UNCERTAINTY_M = 2.0

# The accuracy of a device is the radius that contains the true position in 95 of 100 cases (W3C Geolocation API). If the error
# is normally distributed in both directions, 1.5 times that radius contains 99.88 of 100. benchmarks/certainty.py measures
# the remaining rate of wrong answers.
ACCURACY_FACTOR = 1.5

# Maximum units of EPSG:3347 for a metre on the ground, from 40 degrees north to `POLAR_LATITUDE`, and from there to a
# millimetre off the pole. At the pole the scale is unbounded.
UNITS_MOST = 1.1
UNITS_MOST_POLAR = 12.0
POLAR_LATITUDE = 84.5

# Segments for each quarter of the polygon that approximates a circle; its area is 0.04 % smaller than the circle's.
CIRCLE_QUARTER_SEGMENTS = 32

# A box around Canada and its waters, degrees: detects swapped or unsigned coordinates and rejects files of other countries. It
# reaches the pole, because Statistics Canada's digital boundary files of 2011 to 2021 reach 89.9995 degrees.
CANADA_WEST, CANADA_SOUTH, CANADA_EAST, CANADA_NORTH = -142.0, 41.0, -52.0, 90.0
# Degrees of latitude, 111 km: more than an accuracy or a maximum distance can extend beyond that box.
REACH_DEGREES = 1.0
# North of this latitude, nearly all longitudes are within that reach.
ALL_LONGITUDES = 88.0
