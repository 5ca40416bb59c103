"""Views of overlaps: the health regions of an FSA, and the FSAs of a health region."""

from django.http import HttpResponseBase
from rest_framework.request import Request

from api.openapi import document
from api.requests import models
from api.requests.vintage_choice import chosen_vintages
from api.responses.features import FsaSerializer, HealthRegionSerializer, features
from api.responses.payloads import (
    artefacts_payload,
    collection,
    fsa_payload,
    people_attribution,
    provenance,
    region_names,
    shares_payload,
    warnings_payload,
)
from api.views.base import GeoView
from api.views.pages import PageView, wants_page
from api.views.region_pages import fsa_page_response
from geography import errors
from geography.queries.changes import reused_codes
from geography.queries.overlaps import fsa_health_regions, health_region_fsas


class FsaView(PageView):
    """Health regions of one FSA: GeoJSON, or a page."""

    @document.documented(
        models.FSA,
        operation_id="get_fsa",
        tag="FSA",
        summary="The health regions of an FSA",
        body="FsaHealthRegions",
        problems=(errors.ParameterInvalid, errors.FsaMalformed, errors.FsaWithoutBoundary, *document.SHAPE_PROBLEMS),
    )
    def get(self, request: Request, code: str) -> HttpResponseBase:
        """Return the health regions of an FSA, largest share of people first.

        FSAs do not nest in health regions: where `fsa.is_split` is true, the FSA alone does not determine the region of an
        address; use `/locate` with its position. `share_of_people` is by census blocks if the operator loaded them, otherwise
        an estimate from the positions of postal codes (`fsa.people_basis`); `share_of_fsa` is of area. `fsa.ordered_by` names
        the share that determines the order: `area` only if people are not known. Overlaps that come only from two vintages
        drawing one
        border differently are no shares: `fsa.artefacts` lists them.

        Clients that prefer HTML to JSON, as browsers do, get a page; `/fsa/{code}.json` is GeoJSON and `/fsa/{code}.html` the
        page, whatever `Accept` is.
        """
        query = self.parse(request, models.FSA, code=code)
        if wants_page(request):
            return fsa_page_response(request, query, self.language)
        vintages = chosen_vintages(query)
        regions = fsa_health_regions(
            fsa_vintage=vintages["fsa_vintage"],
            health_region_vintage=vintages["vintage"],
            code=query.fsa.code,
            level=query.level,
        )
        shares = {
            overlap.region.code: shares_payload(overlap) | {"region_area_km2": overlap.region.area_km2}
            for overlap in regions.overlaps
        }
        drawn = features(
            HealthRegionSerializer,
            [overlap.region for overlap in regions.overlaps],
            vintage=vintages["vintage"],
            language=self.language,
            shares=shares,
        )
        return self.uncached_collection(
            request,
            collection(
                drawn,
                fsa=fsa_payload(regions, query.fsa, reused_codes(vintages["fsa_vintage"]), self.language),
                number_matched=len(drawn),
                number_returned=len(drawn),
                **provenance(vintages, self.language, people_attribution(regions.people_basis, self.language)),
            ),
        )


class HealthRegionFsasView(GeoView):
    """FSAs of one health region."""

    @document.documented(
        models.HEALTH_REGION_FSAS,
        operation_id="get_health_region_fsas",
        tag="Health regions",
        summary="The FSAs of a health region",
        body="HealthRegionFsas",
        problems=(errors.ParameterInvalid, errors.RegionUnknown, *document.SHAPE_PROBLEMS),
    )
    def get(self, request: Request, id: str) -> HttpResponseBase:
        """Return the FSAs of a health region in the order of their codes, each with its shares of area.

        Overlaps that come only from two vintages drawing one border differently are no shares: `health_region.artefacts` lists
        them.
        """
        query = self.parse(request, models.HEALTH_REGION_FSAS, id=id)
        vintages = chosen_vintages(query)
        fsas = health_region_fsas(
            fsa_vintage=vintages["fsa_vintage"],
            health_region_vintage=vintages["vintage"],
            region_id=query.region_id,
            level=query.level,
        )
        shares = {
            overlap.region.code: shares_payload(overlap) | {"fsa_area_km2": overlap.region.area_km2}
            for overlap in fsas.overlaps
        }
        drawn = features(
            FsaSerializer,
            [overlap.region for overlap in fsas.overlaps],
            vintage=vintages["fsa_vintage"],
            language=self.language,
            shares=shares,
        )
        return self.uncached_collection(
            request,
            collection(
                drawn,
                health_region=region_names(fsas.region, code_name="hruid", language=self.language)
                | {
                    "warnings": warnings_payload(fsas.region.code, reused_codes(vintages["vintage"]), self.language),
                    "slivers_left_out": fsas.slivers,
                    "artefacts": artefacts_payload(fsas.artefacts, code_name="cfsauid", language=self.language),
                },
                number_matched=len(drawn),
                number_returned=len(drawn),
                **provenance(vintages, self.language, people_attribution(fsas.people_basis, self.language)),
            ),
        )
