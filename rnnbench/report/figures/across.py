"""Figures across tasks: interquartile means, performance profiles, critical differences."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from itertools import chain

import numpy as np

from rnnbench.analysis.across_tasks import Ranks, SkillsByTask, performance_profile
from rnnbench.analysis.formatting import level_text
from rnnbench.analysis.statistics.intervals import Estimate
from rnnbench.report.blocks import Figure
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.style import (
    INK,
    MOST_DRAWN,
    Style,
    left_out,
    legend,
    panels,
    render_figure,
)


def skill_figure(
    skills: SkillsByTask, means: Mapping[str, Estimate], styles: Mapping[str, Style], name: str
) -> Figure:
    """Draw interquartile means with their intervals, and performance profiles."""
    shown = list(means)[:MOST_DRAWN]
    figure, [[left, right]] = panels(2, height=3.8)
    for place, label in enumerate(reversed(shown)):
        estimate, style = means[label], styles[label]
        if estimate.low is not None and estimate.high is not None:
            left.plot(
                [estimate.low, estimate.high],
                [place, place],
                color=style.colour,
                linewidth=4,
                alpha=0.35,
            )
        left.plot([estimate.value], [place], color=style.colour, marker=style.marker, markersize=8)
    left.set_yticks(range(len(shown)), [figure_text(label, 28) for label in reversed(shown)])
    left.set_xlabel("interquartile mean of skill")
    pooled = [skill for label in shown for seeds in skills[label] for skill in seeds]
    thresholds = np.linspace(
        min(0.0, float(np.quantile(pooled, 0.02))), max(1.0, float(np.quantile(pooled, 0.98))), 200
    )
    for label in shown:
        style = styles[label]
        right.plot(
            thresholds,
            performance_profile(skills[label], thresholds),
            color=style.colour,
            linestyle=style.dashes,
            linewidth=2,
            marker=style.marker,
            markersize=4,
            markevery=25,
        )
    right.set_xlabel("skill τ")
    right.set_ylabel("share of trials above τ")
    right.set_ylim(-0.03, 1.03)
    legend(figure, [(label, styles[label]) for label in shown])
    tasks = len(next(iter(skills.values())))
    caption = (
        f"Left: interquartile mean skill over {tasks} tasks and all seeds, with "
        f"{level_text()} intervals (stratified bootstrap). Right: performance profiles; higher is "
        "better at every τ (Agarwal et al. 2021)." + left_out(len(shown), len(means))
    )
    return render_figure(
        figure, name, "Across tasks", caption, f"Skill across tasks of {', '.join(shown)}"
    )


def rank_figure(ranked: Ranks, styles: Mapping[str, Style], name: str) -> Figure:
    """Draw the critical-difference diagram: a bar joins models without a shown difference."""
    # slow to import, and rarely needed
    import scikit_posthocs

    names = {label: figure_text(label, 28) for label in ranked.mean.index}
    figure, [[axes]] = panels(1, height=1.6 + 0.22 * len(names))
    figure.set_size_inches(8.6, 1.6 + 0.22 * len(names))
    axes.grid(visible=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn = scikit_posthocs.critical_difference_diagram(
            ranked.mean.rename(index=names),
            ranked.nemenyi_p.rename(index=names, columns=names),
            ax=axes,
            color_palette={names[label]: styles[label].colour for label in names},
            text_h_margin=0.04,
            crossbar_props={"color": INK, "linewidth": 3},
        )
    for bar in chain(*drawn["crossbars"]):
        # scikit_posthocs draws it through a set, whose order changes from run to run.
        bar.set_xdata(sorted(bar.get_xdata()))
    caption = (
        f"Mean rank over {ranked.tasks} tasks, 1 is best; a bar joins models between which "
        "Nemenyi's test shows no difference at 5 % (Demšar 2006)."
    )
    return render_figure(
        figure, name, "Critical differences", caption, f"Mean ranks of {', '.join(names)}"
    )
