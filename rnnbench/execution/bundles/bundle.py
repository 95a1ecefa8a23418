"""A bundle: trials with everything that a node needs to run them, as one JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import PositiveFloat, PositiveInt, ValidationError

from rnnbench.errors import UsageError, one_line
from rnnbench.execution.jobs.plugins import Plugins
from rnnbench.execution.options import TrialOptions
from rnnbench.files import open_regular, written
from rnnbench.records.base import Data, content_hash
from rnnbench.records.spec import TrialSpec

SCHEMA: Literal[1] = 1
MOST_BYTES = 256 << 20
"""Size of the largest bundle that is read."""
Device: TypeAlias = Literal["cpu", "cuda"]


class Bundle(Data):
    """Trials for one node.

    A bundle is as trustworthy as a script: a model that was given as a class travels as its pickle.

    Attributes:
        kind: tells a bundle from other JSON files.
        version: of the format.
        rnnbench: version of the driver's rnnbench.
        torch: version of the driver's torch.
        trials: each once.
        plugins: the models and tasks that their processes load.
        options: of each trial.
        device: that they run on.
        jobs: trials at a time.
        threads: torch threads of each.
        timeout: limit of a trial in seconds.
        memory: limit of a trial in bytes.
        keep_weights: whether trained weights are kept beside the records.
    """

    kind: Literal["rnnbench-bundle"] = "rnnbench-bundle"
    version: Literal[1] = SCHEMA
    rnnbench: str
    torch: str
    trials: tuple[TrialSpec, ...]
    plugins: Plugins = Plugins()
    options: TrialOptions = TrialOptions()
    device: Device = "cpu"
    jobs: PositiveInt = 1
    threads: PositiveInt = 1
    timeout: PositiveFloat | None = None
    memory: PositiveInt | None = None
    keep_weights: bool = True

    @property
    def bundle_id(self) -> str:
        """Hash of the trials, which names its files."""
        return content_hash([spec.trial_id for spec in self.trials])

    def write(self, path: Path) -> None:
        """Write the bundle to a file, which appears whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        with written(path) as part:
            part.write_text(self.model_dump_json(), encoding="utf-8")


def read_bundle(path: Path) -> Bundle:
    """Return the bundle in a file.

    Raises:
        UsageError: the file cannot be read, is no bundle, or is one of another format.
    """
    with open_regular(path, "bundle", UsageError) as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UsageError(f"{path} is larger than a bundle of rnnbench can be.")
    try:
        return Bundle.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        if where == "version":
            raise UsageError(
                f"{path} is a bundle of another format than {SCHEMA}, which this rnnbench reads; "
                "install the driver's version of rnnbench on this node."
            ) from None
        told = one_line(f"{where}: {first['msg']}" if where else first["msg"], 200)
        raise UsageError(f"{path} is no bundle of rnnbench ({told}).") from None
