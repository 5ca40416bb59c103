"""Serializers of regions as GeoJSON features."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework_gis.serializers import GeoFeatureModelSerializer

from api.responses.payloads import DEGREE_DECIMALS, province_payload, warnings_payload
from geography.models import Region, Vintage
from geography.queries.changes import ReusedCode, reused_codes
from geography.queries.geometry_stream import StreamedGeometry
from geography.queries.region_rows import RegionRow


class StoredGeoJSONField(serializers.Field[RegionRow, str, orjson.Fragment | StreamedGeometry | None, Any]):
    """Geometry stored as GeoJSON text, which is copied into the body without parsing."""

    def to_representation(self, value: RegionRow) -> orjson.Fragment | StreamedGeometry | None:
        """Return the geometry as a JSON fragment, as a stream if it is too long for memory, or None without a geometry."""
        shape = value.shape
        return orjson.Fragment(shape) if isinstance(shape, str) else shape


class _Context(NamedTuple):
    """Values that all features of a response share, and the function that returns a geometry."""

    language: str
    label: str
    reused: Mapping[str, Sequence[ReusedCode]]
    shares: Mapping[str, Mapping[str, Any]]
    fields: tuple[str, ...] | None
    geometry: Callable[[RegionRow], orjson.Fragment | StreamedGeometry | None]


class RegionSerializer(GeoFeatureModelSerializer):  # type: ignore[misc] # the package has no types
    """A region of any coverage as a Feature.

    Context (see `features`): `vintage`, `language`, `shares`, `reused`, `fields`.
    """

    id = serializers.CharField(source="code")
    geojson = StoredGeoJSONField(source="*")
    code_name = "code"

    class Meta:
        model = Region
        id_field = "id"
        geo_field = "geojson"
        fields: tuple[str, ...] = ("id", "geojson")

    @cached_property
    def _shared(self) -> _Context:
        """Shared values of all features, looked up once.

        DRF resolves `context` again on each access. The declared field is used directly, since `self.fields` copies all fields
        for every request.
        """
        context = self.context
        return _Context(
            context["language"],
            context["vintage"].label,
            context["reused"],
            context["shares"],
            context["fields"],
            self._declared_fields["geojson"].to_representation,
        )

    def to_representation(self, instance: RegionRow) -> dict[str, Any]:
        """Return the feature. Its bbox is that of the simplified geometry, or of the published boundary with `detail=none`.

        The properties are built without serializer fields, which would take most of the time of a national layer.
        """
        language, label, reused, shares, fields, geometry = self._shared
        code = instance.code
        properties = {
            self.code_name: code,
            "dguid": instance.dguid,
            "name": instance.name_fr if language == "fr" else instance.name_en,
            "name_en": instance.name_en,
            "name_fr": instance.name_fr,
            # None for a region that crosses provinces.
            "pruid": instance.pruid or None,
            "province": province_payload(instance.pruid, language),
            "population": instance.population,
            "land_area_km2": instance.land_area_km2,
            "area_km2": instance.area_km2,
            "vintage": label,
            "warnings": warnings_payload(code, reused, language) if code in reused else [],
        }
        if code in shares:
            properties |= shares[code]
        return {
            "id": code,
            "type": "Feature",
            "geometry": geometry(instance),
            "properties": properties if fields is None else {name: properties[name] for name in fields},
            "bbox": [round(side, DEGREE_DECIMALS) for side in instance.extent],
        }


class CoverageRegionSerializer(RegionSerializer):
    """A region of any coverage as a Feature, with the property names that all coverages share."""


class HealthRegionSerializer(RegionSerializer):
    """A health region as a Feature."""

    code_name = "hruid"


class FsaSerializer(RegionSerializer):
    """An FSA as a Feature."""

    code_name = "cfsauid"


def features(
    serializer: type[RegionSerializer],
    regions: Sequence[RegionRow],
    *,
    vintage: Vintage,
    language: str,
    shares: Mapping[str, Mapping[str, Any]] | None = None,
    fields: tuple[str, ...] | None = None,
) -> list[dict[str, Any]]:
    """Return regions of one vintage as features, in the same order.

    Args:
        regions: rows of `geography.queries.region_rows`.
        shares: further properties, by region code.
        fields: names of the properties to return; None for all.

    Queries: those of `reused_codes`.
    """
    context = {
        "vintage": vintage,
        "language": language,
        "shares": shares or {},
        "reused": reused_codes(vintage),
        "fields": fields,
    }
    serialized: list[dict[str, Any]] = serializer(regions, many=True, context=context).data["features"]
    return serialized
