"""Regions as GeoJSON features."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from rest_framework import serializers
from rest_framework_gis.serializers import GeoFeatureModelSerializer

from api.bodies import DEGREE_DECIMALS, province_block
from geography.models import Region, Vintage


class StoredGeoJSONField(serializers.Field[str | None, str, orjson.Fragment | None, Any]):
    """A geometry that is stored as GeoJSON text: it goes into the body as it is, and nothing is parsed."""

    def to_representation(self, value: str | None) -> orjson.Fragment | None:
        """Return the text as a part of the body, None where no geometry was asked for."""
        return None if value is None else orjson.Fragment(value)


class RegionSerializer(GeoFeatureModelSerializer):  # type: ignore[misc] # the package has no types
    """A region of any coverage as a Feature.

    Context (see `features`): `vintage`, asked once instead of once a region, `language` and `shares`.
    """

    id = serializers.CharField(source="code")
    geojson = StoredGeoJSONField()
    name = serializers.SerializerMethodField()
    pruid = serializers.SerializerMethodField()
    province = serializers.SerializerMethodField()
    vintage = serializers.SerializerMethodField()

    class Meta:
        model = Region
        id_field = "id"
        geo_field = "geojson"
        fields: tuple[str, ...] = (
            "id",
            "geojson",
            "dguid",
            "name",
            "name_en",
            "name_fr",
            "pruid",
            "province",
            "population",
            "land_area_km2",
            "area_km2",
            "vintage",
        )

    def get_name(self, region: Region) -> str:
        """Return the name in the reader's language."""
        return region.name_fr if self.context["language"] == "fr" else region.name_en

    def get_pruid(self, region: Region) -> str | None:
        """Return the code of the region's province or territory, None where it lies in several."""
        return region.pruid or None

    def get_province(self, region: Region) -> dict[str, str] | None:
        """Return what names the region's province or territory."""
        return province_block(region.pruid, self.context["language"])

    def get_vintage(self, region: Region) -> str:
        """Return the label of the vintage."""
        label: str = self.context["vintage"].label
        return label

    def get_properties(self, instance: Region, fields: list[Any]) -> Mapping[str, Any]:
        """Return the properties, followed by the shares where there are any."""
        properties: dict[str, Any] = super().get_properties(instance, fields)
        properties.update(self.context["shares"].get(instance.code, {}))
        return properties

    def to_representation(self, instance: Region) -> dict[str, Any]:
        """Return the feature. Its bbox is that of what is drawn; with `detail=none` that of the boundary as published."""
        feature: dict[str, Any] = super().to_representation(instance)
        extent: list[float] = instance.drawn_extent  # type: ignore[attr-defined] # as the selectors annotate it
        feature["bbox"] = [round(side, DEGREE_DECIMALS) for side in extent]
        return feature


class CoverageRegionSerializer(RegionSerializer):
    """A region as a Feature, under names that every coverage has."""

    code = serializers.CharField()

    class Meta(RegionSerializer.Meta):
        fields = (*RegionSerializer.Meta.fields[:2], "code", *RegionSerializer.Meta.fields[2:])


class HealthRegionSerializer(RegionSerializer):
    """A health region as a Feature."""

    hruid = serializers.CharField(source="code")

    class Meta(RegionSerializer.Meta):
        fields = (*RegionSerializer.Meta.fields[:2], "hruid", *RegionSerializer.Meta.fields[2:])


class FsaSerializer(RegionSerializer):
    """An FSA as a Feature."""

    cfsauid = serializers.CharField(source="code")

    class Meta(RegionSerializer.Meta):
        fields = (*RegionSerializer.Meta.fields[:2], "cfsauid", *RegionSerializer.Meta.fields[2:])


def features(
    serializer: type[RegionSerializer],
    regions: Sequence[Region],
    *,
    vintage: Vintage,
    language: str,
    shares: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Return regions of one vintage as features, in the same order.

    Args:
        regions: as the selectors return them, with `geojson`.
        shares: further properties by the region's code.
    """
    context = {"vintage": vintage, "language": language, "shares": shares or {}}
    drawn: list[dict[str, Any]] = serializer(regions, many=True, context=context).data["features"]
    return drawn
