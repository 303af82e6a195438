"""A policy of arithmetic for tests of the server, and the server's program with it instead of a real one.

`python stub_policy.py --policy MILLISECONDS …` serves a stub that sleeps so long for each call.
"""

import sys
import time
from dataclasses import replace

import numpy as np

from causeway.model.observation import ObservationSpec
from causeway.model.prediction import Prediction

SLOW_SPEED_MPS = 40.0  # each m/s above it makes a call 100 ms longer
FAULTY_SPEED_MPS = 13.0  # the stub raises
NAN_SPEED_MPS = 17.0  # the stub answers with NaN


class StubPolicy:
    """Every answer is a function of its own observation, the settings and the sample's number; the batch has no say."""

    spec = ObservationSpec(height=16, width=24)

    def __init__(self, sleep_ms: float = 0.0) -> None:
        self.sleep_ms = sleep_ms
        self.calls: list[dict] = []

    def predict(
        self, samples, n=1, seed=0, *, temperature=0.6, use_reasoning=True, flow_steps=10, max_reasoning_tokens=None
    ) -> Prediction:
        self.calls.append(
            {"batch": len(samples), "reasoning": use_reasoning, "flow_steps": flow_steps, "tokens": max_reasoning_tokens}
        )
        if any(o.speed_mps == FAULTY_SPEED_MPS for o in samples):
            raise RuntimeError("no answer for this speed")
        slow_ms = max((o.speed_mps - SLOW_SPEED_MPS) * 100.0 for o in samples)
        time.sleep(max(slow_ms, self.sleep_ms) / 1e3)
        shape = (len(samples), n, 64, 1)
        seeds = [seed] * len(samples) if isinstance(seed, int) else seed
        bias = np.array([self._bias(o, s) for o, s in zip(samples, seeds, strict=True)]).reshape(-1, 1, 1, 1)
        number = np.arange(n).reshape(1, -1, 1, 1)
        values = np.broadcast_to(bias + number + np.arange(64).reshape(1, 1, -1, 1) * 0.1, shape)
        reasoning = [[f"mean {o.images.mean():.3f}" if use_reasoning else "" for _ in range(n)] for o in samples]
        return Prediction(
            reasoning=reasoning,
            decision=[[("yield", "lane_keeping")] * n for _ in samples],
            trajectory_rig=np.repeat(values, 3, axis=-1).astype(np.float32),
            controls=np.repeat(values, 2, axis=-1).astype(np.float32),
            timing_ms={"prefill": 1.0, "reasoning": (10.0 if max_reasoning_tokens else 30.0) * use_reasoning, "action": 2.0 * flow_steps},
        )

    def _bias(self, observation, seed: int) -> float:
        if observation.speed_mps == NAN_SPEED_MPS:
            return float("nan")
        return float(observation.images.mean()) + observation.speed_mps + seed


class PlainPolicy(StubPolicy):
    """The same for any speed: for requests whose values are chance."""

    def predict(self, samples, *args, **options) -> Prediction:
        return super().predict([replace(o, speed_mps=min(o.speed_mps, 0.0)) for o in samples], *args, **options)


def stub(location: str) -> tuple[StubPolicy, ObservationSpec, str]:
    """The version tells a server's policies apart by their sleep; of the first it is all fives."""
    policy = PlainPolicy() if location == "plain" else StubPolicy(float(location))
    return policy, StubPolicy.spec, {"0": "5", "plain": "6"}.get(location, location) * 64


if __name__ == "__main__":
    from causeway.serving import server

    server.load_policy = stub
    sys.exit(server.main())
