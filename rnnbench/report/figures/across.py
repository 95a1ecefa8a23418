"""Models across several tasks: interquartile mean skill, performance profiles, ranks with a
critical difference.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np

from rnnbench.analysis.across_tasks import (
    Ranks,
    interquartile_mean_interval,
    performance_profile,
    ranks,
)
from rnnbench.analysis.groups import TaskGroup
from rnnbench.analysis.stats import Estimate
from rnnbench.report.escaping import figure_text
from rnnbench.report.figures.style import INK, MOST_DRAWN, Look, Picture, legend, panels, picture

SkillsByTask = dict[str, list[list[float]]]
"""By configuration label: one list of the seeds' skills per task, tasks in one order."""


def skills_on_all_tasks(tasks: Sequence[TaskGroup]) -> SkillsByTask:
    """Return the skills of the configurations that have a score on every task; empty for fewer than
    two tasks.
    """
    if len(tasks) < 2:
        return {}
    by_label: SkillsByTask = {}
    for task in tasks:
        for configuration in task.scored:
            skills = [x.skill for x in configuration.learned.values() if np.isfinite(x.skill)]
            if skills:
                by_label.setdefault(configuration.label, []).append(skills)
    return {label: skills for label, skills in by_label.items() if len(skills) == len(tasks)}


def interquartile_means(skills: SkillsByTask) -> dict[str, Estimate]:
    """Return each configuration's interquartile mean skill with its interval, best first."""
    means = {label: interquartile_mean_interval(by_task) for label, by_task in skills.items()}
    return dict(sorted(means.items(), key=lambda item: -item[1].value))


def rank_configurations(skills: SkillsByTask) -> Ranks | None:
    """Rank the configurations by their mean skill on each task; ``None`` below five tasks or three
    configurations.
    """
    return (
        ranks(
            {
                label: [float(np.mean(seeds)) for seeds in by_task]
                for label, by_task in skills.items()
            }
        )
        if skills
        else None
    )


def across_figure(
    skills: SkillsByTask, means: Mapping[str, Estimate], looks: Mapping[str, Look], name: str
) -> Picture:
    """Draw interquartile means with intervals beside performance profiles."""
    shown = list(means)[:MOST_DRAWN]
    figure, [[left, right]] = panels(2, height=3.8)
    for place, label in enumerate(reversed(shown)):
        estimate, look = means[label], looks[label]
        if estimate.low is not None and estimate.high is not None:
            left.plot(
                [estimate.low, estimate.high],
                [place, place],
                color=look.colour,
                linewidth=4,
                alpha=0.35,
            )
        left.plot([estimate.value], [place], color=look.colour, marker=look.marker, markersize=8)
    left.set_yticks(range(len(shown)), [figure_text(label, 28) for label in reversed(shown)])
    left.set_xlabel("interquartile mean of skill")
    pooled = [skill for label in shown for seeds in skills[label] for skill in seeds]
    thresholds = np.linspace(
        min(0.0, float(np.quantile(pooled, 0.02))), max(1.0, float(np.quantile(pooled, 0.98))), 200
    )
    for label in shown:
        look = looks[label]
        right.plot(thresholds, performance_profile(skills[label], thresholds), color=look.colour, linestyle=look.dashes,
                   linewidth=2, marker=look.marker, markersize=4, markevery=25)  # fmt: skip
    right.set_xlabel("skill τ")
    right.set_ylabel("share of trials above τ")
    right.set_ylim(-0.03, 1.03)
    legend(figure, [(label, looks[label]) for label in shown])
    tasks = len(next(iter(skills.values())))
    caption = (
        f"Left: interquartile mean skill over {tasks} tasks and all seeds, with stratified bootstrap intervals. "
        "Right: performance profiles; higher is better at every τ (Agarwal et al. 2021)."
    )
    return picture(
        figure, name, "Across tasks", caption, f"Skill across tasks of {', '.join(shown)}"
    )


def rank_figure(ranked: Ranks, looks: Mapping[str, Look], name: str) -> Picture:
    """Draw the critical-difference diagram: models joined by a bar were not told apart."""
    import scikit_posthocs  # slow to import, and rarely wanted

    names = {label: figure_text(label, 28) for label in ranked.mean.index}
    figure, [[axes]] = panels(1, height=1.6 + 0.22 * len(names))
    figure.set_size_inches(8.6, 1.6 + 0.22 * len(names))
    axes.grid(visible=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn = scikit_posthocs.critical_difference_diagram(
            ranked.mean.rename(index=names), ranked.nemenyi_p.rename(index=names, columns=names), ax=axes,
            color_palette={names[label]: looks[label].colour for label in names}, text_h_margin=0.04,
            crossbar_props={"color": INK, "linewidth": 3},
        )  # fmt: skip
    for bar in chain(*drawn["crossbars"]):
        bar.set_xdata(
            sorted(bar.get_xdata())
        )  # it was drawn through a set, whose order changes from run to run
    caption = (
        f"Mean rank over {ranked.tasks} tasks, 1 is best; a bar joins models that Nemenyi's test at 5 % does not tell apart "
        "(Demšar 2006)."
    )
    return picture(
        figure, name, "Critical differences", caption, f"Mean ranks of {', '.join(names)}"
    )
