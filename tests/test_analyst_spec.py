"""QuerySpec: data that goes to JSON and back, and refuses another shape."""

import msgspec
import pytest

from headway.analyst.spec import ColumnRef, Dim, Filter, Having, Measure, QuerySpec

STATUS, DAY = ColumnRef("orders", "status"), ColumnRef("orders", "order_date")
RETURNED = Filter(STATUS, "=", ("returned",))


def test_a_full_spec_survives_json():
    spec = QuerySpec(
        "chart",
        "orders",
        dims=(
            Dim(DAY, grain="month"),
            Dim(ColumnRef("customers", "name"), key=ColumnRef("customers", "customer_id")),
        ),
        measures=(Measure("count", where=(RETURNED,), over=Measure("count"), label="return rate"),),
        filters=(
            Filter(DAY, "during", ("2023-01-01", None)),
            Filter(DAY, "in", (3, 4), grain="month_of_year"),
        ),
        having=(Having(0, ">", 0.5),),
        order="measure",
        limit=10,
        chart="line",
        joins=((ColumnRef("orders", "customer_id"), ColumnRef("customers", "customer_id")),),
    )
    assert QuerySpec.from_json(spec.to_json()) == spec
    assert spec.tables == ("orders", "customers")


def test_a_spec_cannot_be_changed():
    with pytest.raises(AttributeError):
        QuerySpec("file", "orders").limit = 3


def test_a_spec_of_another_shape_is_refused():
    with pytest.raises(msgspec.ValidationError, match=r"Expected `str`, got `int` - at `\$.base`"):
        QuerySpec.from_json(b'{"kind": "chart", "base": 3}')
