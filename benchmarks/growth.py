"""How the cost of a send and of a fold grows with the size of the campaign, as a table and a plot in the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.campaign_steps import Place, Took, run_step
from benchmarks.used_server import used_server
from benchmarks.whole_send import limit, place_for, sent

SIZES = (10_000, 100_000, 1_000_000)
PLOT = Path(__file__).parents[1] / "docs" / "growth.svg"
_STEPS = {
    "send": "a whole send",
    "limit": "its limit: the same bytes and nothing else",
    "report": "reports landed",
    "fold": "reports folded",
}


@dataclass(frozen=True)
class Growth:
    """How long each step took at each size.

    :param took: step -> size -> time and memory.
    """

    took: Mapping[str, Mapping[int, Took]]

    def table(self) -> list[str]:
        """Return the lines of a table: recipients or reports per second and the peak memory, at each size."""
        sizes = [f"{size:,}" for size in SIZES]
        lines = [f"| on PostgreSQL | {' | '.join(sizes)} |", f"| --- {'| --- ' * len(sizes)}|"]
        for step, name in _STEPS.items():
            cells = [_cell(size, took) for size, took in self.took[step].items()]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        return lines

    def plot(self, path: Path) -> None:
        """Plot seconds by size on logarithmic axes, where cost that grows with the size is a straight line."""
        import matplotlib as mpl

        mpl.use("svg")
        # Without a fixed salt each run creates other ids, and the file changes although the picture does not.
        mpl.rcParams["svg.hashsalt"] = "growth"
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4.2), layout="constrained")
        axes = figure.subplots()
        for step, name in _STEPS.items():
            took = self.took[step]
            axes.plot(list(took), [each.seconds for each in took.values()], marker="o", label=name)
        axes.set(xscale="log", yscale="log", xlabel="recipients (one report each)", ylabel="seconds")
        axes.grid(which="major", alpha=0.3)
        axes.legend(frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _cell(size: int, took: Took) -> str:
    rate = f"{size / took.seconds:,.0f}/s"
    return f"{rate}, {took.mebibytes:.0f} MiB" if took.mebibytes else rate


def run(sizes: Sequence[int] = SIZES) -> Growth:
    """Send a campaign of each size, land a report on each message, and fold them, each step in its own process."""
    took: dict[str, dict[int, Took]] = {step: {} for step in _STEPS}
    for size in sizes:
        with used_server() as server, place_for(server, size, 0.0) as place:
            whole = sent(place, size)
            took["send"][size] = Took(whole.mebibytes, whole.seconds)
            for step in ("report", "fold"):
                took[step][size] = run_step(step, Place("", place.store, ""), size)
            took["limit"][size] = Took(0.0, limit(place, size))
    return Growth(took)
