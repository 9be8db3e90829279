"""Pictures of the tables, as SVG beside the raw figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.sides import Result

_OURS, _THEIRS, _WORSE = "#2a6f97", "#a9a9a9", "#c1121f"


def _pyplot() -> Any:
    import matplotlib as mpl  # noqa: PLC0415 -- slow, and only benchmarks need it

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 9}
    from matplotlib import pyplot as plt  # noqa: PLC0415 -- after the choice of how to draw

    return plt


def ratios(name: str, results: Sequence[Result], title: str) -> None:
    """Draw each row's ratio as a bar, with its target as a mark."""
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(8, 0.32 * len(results) + 1))
    shown = [result for result in reversed(results) if result.ratio is not None]
    values = [result.ratio or 0.0 for result in shown]
    places = range(len(shown))
    axes.barh(places, values, color=[_OURS if result.met else _WORSE for result in shown], height=0.6)
    axes.plot(
        [result.row.target or 1.0 for result in shown],
        places,
        "|",
        color="black",
        markersize=11,
        label="asked: at most",
    )
    axes.set_yticks(places, [result.row.what.replace("`", "") for result in shown])
    axes.axvline(1, color=_THEIRS, linewidth=1)
    for at, value in zip(places, values, strict=True):
        axes.text(value, at, f" {value:.2f}", va="center")
    axes.set_xlabel("ours / versioned, ratio of medians")
    axes.legend(loc="lower right", frameon=False)
    _save(plt, figure, axes, name, title)


def lines(
    name: str, title: str, across: tuple[str, Sequence[float]], up: str, sides: Mapping[str, Sequence[float]]
) -> None:
    """Draw what each side took against something that grows, both axes logarithmic."""
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(7, 4))
    label, values = across
    for (side, found), style in zip(sides.items(), ("o-", "s--", "^:", "v-."), strict=False):
        axes.plot(values[: len(found)], found, style, label=side.replace("`", ""))
    axes.set(xscale="log", yscale="log", xlabel=label, ylabel=up)
    axes.legend(frameon=False)
    _save(plt, figure, axes, name, title)


def bars(name: str, title: str, up: str, groups: Sequence[str], sides: Mapping[str, Sequence[float]]) -> None:
    """Draw groups of bars, one for each side."""
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(8, 4))
    width = 0.8 / len(sides)
    for number, (side, found) in enumerate(sides.items()):
        axes.bar([at + number * width for at in range(len(groups))], found, width, label=side.replace("`", ""))
    axes.set_xticks([at + 0.4 - width / 2 for at in range(len(groups))], groups, rotation=20, ha="right")
    axes.set_ylabel(up)
    axes.legend(frameon=False)
    _save(plt, figure, axes, name, title)


def _save(plt: Any, figure: Any, axes: Any, name: str, title: str) -> None:
    axes.set_title(title.replace("`", ""))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    report.FIGURES.mkdir(parents=True, exist_ok=True)
    figure.savefig(report.FIGURES / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)
