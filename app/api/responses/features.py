"""GeoJSON features of regions."""

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
    """A geometry that is stored as GeoJSON text: it goes into the body as it is, and nothing is parsed."""

    def to_representation(self, value: RegionRow) -> orjson.Fragment | StreamedGeometry | None:
        """Return a region's text as a part of the body, where it lies if it is too long to be held; None without a geometry."""
        shape = value.shape
        return orjson.Fragment(shape) if isinstance(shape, str) else shape


class _Context(NamedTuple):
    """What a serializer tells of every region alike, and how it writes a geometry."""

    language: str
    label: str
    reused: Mapping[str, Sequence[ReusedCode]]
    shares: Mapping[str, Mapping[str, Any]]
    fields: tuple[str, ...] | None
    geometry: Callable[[RegionRow], orjson.Fragment | StreamedGeometry | None]


class RegionSerializer(GeoFeatureModelSerializer):  # type: ignore[misc] # the package has no types
    """A region of any coverage as a Feature.

    Context (see `features`): `vintage`, asked once instead of once a region, `language`, `shares`, `reused` codes, `fields`.
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
    def _told(self) -> "_Context":
        """What holds for all regions, looked up once.

        DRF looks for a serializer's context anew each time. The field is the declared one: copies of all fields, and what else
        the model has, would be made for every request.
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
        """Return the feature. Its bbox is that of what is drawn; with `detail=none` that of the boundary as published.

        Written out but for the geometry, since asking a field object for each value takes longer than all else that a national
        layer needs.
        """
        language, label, reused, shares, fields, geometry = self._told
        code = instance.code
        properties = {
            self.code_name: code,
            "dguid": instance.dguid,
            "name": instance.name_fr if language == "fr" else instance.name_en,
            "name_en": instance.name_en,
            "name_fr": instance.name_fr,
            # None where the region lies in several.
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
    """A region as a Feature, under names that every coverage has."""


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
        regions: as the selectors return them.
        shares: further properties by the region's code.
        fields: names of the properties to return, None for all.

    Queries: those of `reused_codes`.
    """
    context = {
        "vintage": vintage,
        "language": language,
        "shares": shares or {},
        "reused": reused_codes(vintage),
        "fields": fields,
    }
    drawn: list[dict[str, Any]] = serializer(regions, many=True, context=context).data["features"]
    return drawn
