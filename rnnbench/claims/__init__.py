"""Claims about architectures as data: what is said, the trials, the effect and the decision rule.

The public names for authors of claims. Nothing here imports torch.
"""

from rnnbench.claims.claim import Claim, Group, Simulated
from rnnbench.claims.effects import (
    Contrast,
    Effect,
    Estimate,
    Moments,
    difference,
    mean,
    ratio,
    slope,
)
from rnnbench.claims.measures import (
    ClippedShare,
    CoreParameters,
    Diverged,
    GradientAtLag,
    GradientFactor,
    GradientHalfLife,
    GradientSlope,
    GradientSteadiness,
    LearningMeasure,
    Lyapunov,
    Measure,
    OverfitGap,
    PeakMemory,
    Score,
    Skill,
    Solved,
    SpeedMeasure,
    SpeedRatio,
    Steps,
    StepTime,
)
from rnnbench.claims.reversals import Reversals
from rnnbench.claims.rules import Above, Below, Between, Rule

__all__ = [
    "Above",
    "Below",
    "Between",
    "Claim",
    "ClippedShare",
    "Contrast",
    "CoreParameters",
    "Diverged",
    "Effect",
    "Estimate",
    "GradientAtLag",
    "GradientFactor",
    "GradientHalfLife",
    "GradientSlope",
    "GradientSteadiness",
    "Group",
    "LearningMeasure",
    "Lyapunov",
    "Measure",
    "Moments",
    "OverfitGap",
    "PeakMemory",
    "Reversals",
    "Rule",
    "Score",
    "Simulated",
    "Skill",
    "Solved",
    "SpeedMeasure",
    "SpeedRatio",
    "StepTime",
    "Steps",
    "difference",
    "mean",
    "ratio",
    "slope",
]
