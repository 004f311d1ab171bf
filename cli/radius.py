"""The blast radius of a case out of ClickHouse, as the command and the console work with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from livewarden.blast_radius import BlastRadius
from livewarden.errors import SetupError
from models.misjudgement.blast_radius import blast_radius
from models.sampling.review import Review, Reviews
from sinks.queries import blast_radius as queries
from sinks.store.reader import Reader


class StoredRadius:
    """Reads the siblings of a case's measures, and what people said of them."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def __call__(
        self,
        case_id: str,
        where: Mapping[str, str] | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
        said: Mapping[str, str] | None = None,
    ) -> BlastRadius:
        """The radius of a case; `where` narrows its slices, `from_ms` and `to_ms` replace their window, and `said` are
        verdicts beside those that stand in the log.
        """
        more = dict(where or {})
        if unknown := sorted(more.keys() - set(queries.DIMENSIONS)):
            raise SetupError(f"{unknown[0]}: no name of a slice, only {', '.join(queries.DIMENSIONS)}")
        slices = [
            replace(
                each,
                series={**each.series, **more},
                from_ms=each.from_ms if from_ms is None else from_ms,
                to_ms=each.to_ms if to_ms is None else to_ms,
            )
            for each in await queries.slices_of(self._reader, case_id, named=bool(more))
        ]
        found = await queries.siblings(self._reader, slices)
        reviews = Reviews.of(Review(*each) for each in await queries.verdicts(self._reader, case_id))
        verdicts = {each: reviews.verdict(each) for each in reviews.by_item}
        return blast_radius(case_id, slices, found, {**verdicts, **(said or {})})
