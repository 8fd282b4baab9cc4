"""The product catalogue, recognition, and an inspection's corrections of it."""

from __future__ import annotations

from typing import Annotated, Any

from flask import make_response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from api.present import page
from api.v1.common import ONE, PREFIX, PROBLEM, SECURITY, answer, appliance, tag
from api.v1.schemas import InspectionPath, Name, Request, Text
from appliance.model import Category, LicensingModel, SoftwareOrigin
from appliance.recognition.corrections import Correction, OwnProduct
from appliance.visits import recognising as use
from scanner.model import Platform

catalogue = APIBlueprint("catalogue", __name__, abp_tags=tag("catalogue"), abp_security=SECURITY, abp_responses=PROBLEM)
STATES = "^(product|noise|unknown|corrected)$"


class ProductsQuery(Request):
    category: Category | None = None
    after: Annotated[int, Field(ge=-1)] = -1
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class RawName(Request):
    name: Annotated[str, Field(min_length=1, max_length=1000)]
    publisher: Text = ""
    version: Text = ""
    platform: Platform = Platform.WINDOWS


class RecogniseBody(Request):
    items: Annotated[list[RawName], Field(min_length=1, max_length=10_000)]


class NamesQuery(Request):
    state: Annotated[str, Field(pattern=STATES)] | None = None
    after: Annotated[int, Field(ge=-1)] = -1
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class OwnProductBody(Request):
    name: Name
    vendor: Name
    category: Category
    origin: SoftwareOrigin
    licensing: LicensingModel
    industrial_class: Annotated[str, Field(pattern="^(CAD|CAE|CAM|EDA|BIM|MBSE|CAPP|)$")] = ""


class CorrectionBody(Request):
    name: Annotated[str, Field(min_length=1, max_length=1000)]
    publisher: Text = ""
    product_id: Text = ""
    own: OwnProductBody | None = None
    noise: bool = False
    note: Text = ""


class CorrectionPath(BaseModel):
    inspection_id: Annotated[str, Field(pattern=r"^[0-9A-Z]{26}$")]
    correction_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


@catalogue.get(f"{PREFIX}/catalogue")
def get_catalogue() -> Any:
    """Version, digest, counts, and what is wrong with the files when a last good copy stands in."""
    loaded = appliance().loaded_catalogue
    problem = loaded.problem.to_json() if loaded.problem else None
    return answer({**use.check(loaded.value), "problem": problem})


@catalogue.get(f"{PREFIX}/catalogue/products")
def list_products(query: ProductsQuery) -> Any:
    """Products in the order of the files."""
    every = list(use.list_products(appliance().catalogue, query.category.value if query.category else None))
    return _page(every, query.after, query.limit)


@catalogue.post(f"{PREFIX}/catalogue/recognise")
def recognise(body: RecogniseBody) -> Any:
    """What raw names are, in the order given."""
    known = appliance().catalogue
    items = [
        {**one.model_dump(mode="json"), **use.recognise(known, one.name, one.publisher, one.version, one.platform)}
        for one in body.items
    ]
    return answer({"items": items, "next": None})


@catalogue.get(f"{ONE}/recognition")
def list_names(path: InspectionPath, query: NamesQuery) -> Any:
    """Every distinct name found in an inspection, what it is, and on how many computers."""
    return _page(use.names_of(appliance(), path.inspection_id, query.state), query.after, query.limit)


@catalogue.get(f"{ONE}/recognition/corrections")
def list_corrections(path: InspectionPath) -> Any:
    """What this inspection has corrected, or was given by an earlier one of its unit."""
    return answer({"items": use.list_corrections(appliance(), path.inspection_id), "next": None})


@catalogue.put(f"{ONE}/recognition/corrections")
def put_correction(path: InspectionPath, body: CorrectionBody) -> Any:
    """Say what a name means; remembered for the unit."""
    own = OwnProduct(**body.own.model_dump()) if body.own else None
    correction = Correction(body.name, body.publisher, body.product_id, own, body.noise, body.note)
    return answer(use.correct(appliance(), path.inspection_id, correction))


@catalogue.delete(f"{ONE}/recognition/corrections/<correction_id>")
def delete_correction(path: CorrectionPath) -> Any:
    """Forget a correction."""
    use.withdraw(appliance(), path.inspection_id, path.correction_id)
    return make_response("", 204)


def _page(every: list[dict[str, Any]], after: int, limit: int) -> Any:
    rows = list(enumerate(every))[after + 1 : after + 2 + limit]
    listed = page(rows, limit, lambda row: row[0])
    return answer({"items": [row for _, row in listed["items"]], "next": listed["next"]})
