"""The routes of growth: figures for what was typed, and the chart of heights."""

from __future__ import annotations

from fastapi import APIRouter

from ...clinic.growth import GrowthAnswer, GrowthRequest, HeightChart, growth_answer, height_chart
from .routes import ERRORS

growth_router = APIRouter(prefix="/api", responses=ERRORS)


@growth_router.post("/growth")
def growth(sent: GrowthRequest) -> GrowthAnswer:
    """What a bone age means for a child: deviation, heights, and what has changed. Nothing is kept."""
    return growth_answer(sent)


@growth_router.get("/heights")
async def heights() -> HeightChart:
    """The chart of heights that children are compared with."""
    return height_chart()
