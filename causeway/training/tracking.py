"""MLflow beside a training run, for who asks: losses, learning rate, samples/s and model FLOPs utilisation.

Opt-in by MLFLOW_TRACKING_URI; without it nothing is imported and nothing is sent. Does not know stages. A tracking
server that does not answer costs a line on stderr, never the run.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from causeway.errors import one_line
from causeway.training.loop import Course, Pace, Told
from causeway.training.losses import Line

VARIABLE = "MLFLOW_TRACKING_URI"
EXPERIMENT = "causeway-training"
EVERY_S = 5.0


def tracker(course: Course, name: str) -> Told | None:
    """What to tell each step to, or None when nobody asked for tracking."""
    uri = os.environ.get(VARIABLE, "")
    if not uri:
        return None
    try:
        return _Run(uri, name, asdict(course.config), flops_of_a_sample(course)).tell
    except Exception as error:  # MLflow has dozens of errors, and none of them is worth a training run
        _lost(error)
        return None


def _lost(error: Exception) -> None:
    print(f"tracking: {one_line(str(error))}; the run goes on without it", file=sys.stderr)


@dataclass
class _Run:
    uri: str
    name: str
    settings: dict[str, Any]
    flops: float  # of one sample, forward and backward
    _state: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=self.uri)
        found = client.get_experiment_by_name(EXPERIMENT)
        experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
        run = client.create_run(experiment, run_name=self.name, tags={"stage": self.name})
        for key, value in self.settings.items():
            client.log_param(run.info.run_id, key, value)
        self._state = {"client": client, "run": run.info.run_id, "told": 0.0, "peak": peak_flops_per_s()}

    def tell(self, line: Line, pace: Pace) -> None:
        """Send one step's numbers, a few times a minute at most, and the last one."""
        last = line["step"] + 1 >= self.settings["steps"]
        if "client" not in self._state or (not last and time.monotonic() - self._state["told"] < EVERY_S):
            return
        self._state["told"] = time.monotonic()
        try:
            self._send(line, pace)
            if last:
                self._state["client"].set_terminated(self._state["run"])
        except Exception as error:
            self._state.clear()
            _lost(error)

    def _send(self, line: Line, pace: Pace) -> None:
        from mlflow.entities import Metric

        rate = pace.samples_per_s()
        values = {"loss": line["loss"], "lr": line["lr"], "grad_norm": line["grad_norm"], **line["parts"]}
        values |= {"samples_per_s": rate, "loader_wait_share": pace.waiting()}
        values |= {"tflops_per_s": rate * self.flops / 1e12, "mfu": rate * self.flops / self._state["peak"]}
        now = int(time.time() * 1000)
        metrics = [Metric(key, float(value), now, line["step"]) for key, value in values.items()]
        self._state["client"].log_batch(self._state["run"], metrics=metrics)


def flops_of_a_sample(course: Course) -> float:
    """Floating point operations of one sample's forward and backward pass, counted on the first one."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    batch: Sequence[Any] = [course.samples[0]]
    learning = [p for p in course.policy.parameters() if p.requires_grad]
    with FlopCounterMode(display=False) as counter:
        loss = course.loss(batch, torch.Generator().manual_seed(0))["loss"]
        if loss.requires_grad:
            torch.autograd.grad(loss, learning, allow_unused=True)
    return float(counter.get_total_flops())


def peak_flops_per_s(size: int = 1024, repeats: int = 3) -> float:
    """What this machine reaches on a large matrix product, measured: the rate that utilisation is a share of."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    size = size if device == "cpu" else 8 * size
    kind = torch.float32 if device == "cpu" else torch.bfloat16
    left, right = (torch.ones(size, size, device=device, dtype=kind) for _ in range(2))
    best = max(_rate(lambda: left @ right, device) for _ in range(repeats))
    return 2.0 * size**3 * best


def _rate(call: Callable[[], Any], device: str) -> float:
    import torch

    began = time.perf_counter()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return 1.0 / (time.perf_counter() - began)
