"""Measures: what a claim reads of each trial.

A measure reads a number from a record, and can write one into a record. The latter makes the
simulated records on which ``rnnbench check`` tries a claim's rule.
"""

from rnnbench.claims.measures.gradients import (
    GradientAtLag,
    GradientFactor,
    GradientHalfLife,
    GradientSlope,
    GradientSteadiness,
    Lyapunov,
)
from rnnbench.claims.measures.learning import (
    ClippedShare,
    Diverged,
    LearningMeasure,
    OverfitGap,
    Score,
    Skill,
    Solved,
    Steps,
)
from rnnbench.claims.measures.measure import Measure
from rnnbench.claims.measures.size import CoreParameters
from rnnbench.claims.measures.speed import PeakMemory, SpeedMeasure, SpeedRatio, StepTime

__all__ = [
    "ClippedShare",
    "CoreParameters",
    "Diverged",
    "GradientAtLag",
    "GradientFactor",
    "GradientHalfLife",
    "GradientSlope",
    "GradientSteadiness",
    "LearningMeasure",
    "Lyapunov",
    "Measure",
    "OverfitGap",
    "PeakMemory",
    "Score",
    "Skill",
    "Solved",
    "SpeedMeasure",
    "SpeedRatio",
    "StepTime",
    "Steps",
]
