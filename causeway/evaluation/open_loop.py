"""Open-loop metrics: how far predicted paths are from the recorded one.

Knows displacement, heading, speed and comfort of paths in one frame, 0.1 s apart. Does not know policies, files,
intervals, other agents or the road (`open_loop_around`). minADE is given in both published conventions, which differ
(method C.5.1): the released recipes choose one sample by its mean over the whole horizon, AlpaSim chooses anew for
each horizon.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput
from causeway.evaluation.calibration import calibration
from causeway.training.motion_rewards import comfort

Array = NDArray[np.float64]

HORIZON_STEPS = 64
STEPS_PER_S = 10
PREFIXES_S = ("0.5", "1", "3", "5", "6.4")
ALPASIM_S = ("0.5", "1", "2.5", "3", "5", "6.4")  # AlpaSim's four, and those of the other convention beside
TO_A_SIDE_M = 1.0  # a recorded path that ends farther off straight ahead went to that side
MISS_M = 2.0  # the end point's miss threshold of the Argoverse and nuScenes prediction benchmarks
_CHUNK = 384  # paths measured at once: what is between stays in the processor's cache

UNITS = {
    "ade": "m",
    "fde": "m",
    "miss_rate": "share",
    "heading_error_deg": "deg",
    "speed_error_mps": "m/s",
    "comfort": "share",
    "steers_same_way": "share",
}
_SHARES = ("miss_rate", "coverage", "path_")


def unit_of(name: str) -> str:
    """The unit of an open-loop metric; every name that is not in `UNITS` is a distance in metres."""
    if name.startswith(_SHARES):
        return "share"
    return UNITS.get(name, "m")


def metrics(predicted: Any, recorded: Any) -> dict[str, Any]:
    """Every open-loop metric, one value a sample.

    Inputs: `predicted` […, k, 64, 3] and `recorded` […, 64, 3], x, y (m) and yaw (rad) in the rig frame at t0,
    at 0.1 … 6.4 s; numpy or torch, the same kind comes out. k stands in the names (`min_ade_6` for six
    samples): `min_ade_k` best sample by full-horizon mean, `min_ade_k_at_ts` prefix mean of that same sample,
    `alpasim_min_ade@ts` best sample for each t, `min_fde_k` and `miss_rate_k` best end point; for k > 1 the
    scores of `calibration`; of sample 0, the one that would be driven: `ade`, `fde`, `miss_rate` (FDE > 2 m),
    `heading_error_deg`, `speed_error_mps` (means of absolute errors) and `comfort` (share of ticks within six bounds;
    ours, AlpaSim has none). Of all samples, `steers_same_way`: the share that ends to the side of straight ahead to
    which the recorded path went by over 1 m, NaN where that went to none. A sample whose prediction holds NaN or
    infinity is NaN in every metric. UnusableInput for other shapes or an unusable recorded path.
    """
    values = _metrics(_plain(predicted), _plain(recorded))
    if not hasattr(predicted, "detach"):
        return values
    import torch

    return {name: torch.as_tensor(value, device=predicted.device) for name, value in values.items()}


def _plain(value: Any) -> Array:
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value, dtype=np.float64)


def _metrics(predicted: Array, recorded: Array) -> dict[str, Array]:
    _check(predicted, recorded)
    leading = predicted.shape[:-3]
    paths, driven = predicted.reshape(-1, *predicted.shape[-3:]), recorded.reshape(-1, *recorded.shape[-2:])
    some = max(_CHUNK // paths.shape[1], 1)
    starts = range(0, max(len(paths), 1), some)
    parts = [_measured(paths[start : start + some], driven[start : start + some]) for start in starts]
    return {name: np.concatenate([part[name] for part in parts]).reshape(leading) for name in parts[0]}


def _measured(predicted: Array, recorded: Array) -> dict[str, Array]:
    """Metrics [n] of predicted [n, k, 64, 3]."""
    usable = np.asarray(np.isfinite(predicted).all(axis=(-3, -2, -1)))
    paths = predicted if usable.all() else np.where(usable[:, None, None, None], predicted, 0.0)
    ahead, aside = (paths[..., axis] - recorded[:, None, :, axis] for axis in (0, 1))
    distance = np.sqrt(ahead**2 + aside**2)  # [n, k, 64]
    values = displacement(distance) | _driven(paths[:, 0], recorded)
    values["steers_same_way"] = steers_same_way(paths, recorded)
    if paths.shape[1] > 1:
        values |= calibration(paths, recorded, distance)
    return values if usable.all() else {name: np.where(usable, value, np.nan) for name, value in values.items()}


def _check(predicted: Array, recorded: Array) -> None:
    k_first = predicted.ndim >= 3 and predicted.shape[-2:] == (HORIZON_STEPS, 3) and predicted.shape[-3] > 0
    if not k_first or recorded.shape != (*predicted.shape[:-3], HORIZON_STEPS, 3):
        raise UnusableInput(
            f"predicted {predicted.shape} and recorded {recorded.shape} do not fit: […, k, 64, 3] and […, 64, 3] needed"
        )
    if not np.isfinite(recorded).all():
        raise UnusableInput("recorded holds NaN or infinity: a sample without a recorded path cannot be measured")


def displacement(distance_m: Array) -> dict[str, Array]:
    """The displacement metrics of distances […, k, 64] to the recorded path."""
    k = distance_m.shape[-2]
    running = np.cumsum(distance_m, axis=-1) / np.arange(1, HORIZON_STEPS + 1)  # prefix means
    whole = running[..., -1]
    best = whole.argmin(axis=-1)
    chosen = np.take_along_axis(running, best[..., None, None], axis=-2)[..., 0, :]
    end = distance_m[..., -1]
    values = {f"min_ade_{k}": chosen[..., -1]}
    values |= {f"min_ade_{k}_at_{t}s": chosen[..., _last_step(t)] for t in PREFIXES_S}
    values |= {f"alpasim_min_ade@{t}s": running[..., _last_step(t)].min(axis=-1) for t in ALPASIM_S}
    values |= {f"min_fde_{k}": end.min(axis=-1), f"miss_rate_{k}": (end.min(axis=-1) > MISS_M).astype(np.float64)}
    first = end[..., 0]
    return values | {"ade": whole[..., 0], "fde": first, "miss_rate": (first > MISS_M).astype(np.float64)}


def _last_step(seconds: str) -> int:
    return round(float(seconds) * STEPS_PER_S) - 1


def _driven(path: Array, recorded: Array) -> dict[str, Array]:
    turn = path[..., 2] - recorded[..., 2]
    heading = np.abs(turn - 2 * np.pi * np.round(turn / (2 * np.pi)))
    speed = np.abs(speeds_mps(path) - speeds_mps(recorded))
    return {
        "heading_error_deg": np.degrees(heading.mean(axis=-1)),
        "speed_error_mps": speed.mean(axis=-1),
        "comfort": comfort(path),
    }


def steers_same_way(paths: Array, recorded: Array) -> Array:
    """The share of paths […, k, 64, 3] that end to the side to which the recorded one […, 64, 3] does.

    NaN where that ends to none. On mostly straight roads left and right could be exchanged for few metres in the mean;
    this is what shows it.
    """
    end, wanted = paths[..., -1, 1], recorded[..., -1, 1]
    same = np.count_nonzero(end * wanted[..., None] > 0, axis=-1) / paths.shape[-3]
    return np.where(np.abs(wanted) > TO_A_SIDE_M, same, np.nan)


def speeds_mps(path: Array) -> Array:
    """Speeds […, 64] of paths […, 64, 3] that start at the origin: distance from pose to pose over 0.1 s, unsigned."""
    ahead, aside = (np.diff(path[..., axis], axis=-1, prepend=0.0) for axis in (0, 1))
    return np.asarray(np.sqrt(ahead**2 + aside**2) * STEPS_PER_S)
