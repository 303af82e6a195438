"""What turns a loss into a step: plain AdamW in one process, DeepSpeed ZeRO-2 in several.

Knows optimizers, gradient clipping and process groups. Does not know stages, samples or files' names. One process never
imports DeepSpeed, whose first start compiles for over a minute.
"""

import math
import os
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Engine(Protocol):
    """One optimizer over one module, however many processes share it."""

    rank: int
    world: int

    def step(self, loss: Tensor, lr_scale: float) -> float:
        """Backward, clip, update; returns the gradient norm before clipping. Not finite = the run must end here."""

    def save(self, folder: Path) -> None:
        """Write this process's share of weights and optimizer into `folder`."""

    def load(self, folder: Path) -> None:
        """Read back what `save` wrote."""

    def barrier(self) -> None:
        """Wait for the other processes."""

    def agree(self, wish: bool) -> bool:
        """The first process's wish, known to all."""


def make_engine(module: nn.Module, groups: list[dict[str, Any]], weight_decay: float, clip: float) -> Engine:
    """The engine for this process's surroundings (WORLD_SIZE); `groups` are parameters with their peak `lr`."""
    optimizer = torch.optim.AdamW(groups, weight_decay=weight_decay, betas=(0.9, 0.95))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return DeepSpeedEngine(module, optimizer, clip)
    return LocalEngine(module, optimizer, clip)


def _set_rates(optimizer: Any, peaks: list[float], lr_scale: float) -> None:
    for group, peak in zip(optimizer.param_groups, peaks, strict=True):
        group["lr"] = peak * lr_scale


class LocalEngine:
    """One process."""

    rank, world = 0, 1

    def __init__(self, module: nn.Module, optimizer: torch.optim.Optimizer, clip: float) -> None:
        self._module, self._optimizer, self._clip = module, optimizer, clip
        self._peaks = [group["lr"] for group in optimizer.param_groups]
        self._parameters = [p for group in optimizer.param_groups for p in group["params"]]

    def step(self, loss: Tensor, lr_scale: float) -> float:
        """See `Engine.step`; a norm that is not finite leaves the weights alone."""
        _set_rates(self._optimizer, self._peaks, lr_scale)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self._parameters, self._clip))
        if math.isfinite(norm):
            self._optimizer.step()
        return norm

    def save(self, folder: Path) -> None:
        """See `Engine.save`."""
        state = {"weights": self._module.state_dict(), "optimizer": self._optimizer.state_dict()}
        torch.save(state, folder / "state.pt")

    def load(self, folder: Path) -> None:
        """See `Engine.load`."""
        state = torch.load(folder / "state.pt", weights_only=True)
        self._module.load_state_dict(state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])

    def barrier(self) -> None:
        """Nobody to wait for."""

    def agree(self, wish: bool) -> bool:
        """Nobody to ask."""
        return wish


class DeepSpeedEngine:
    """Several processes: ZeRO-2 shards optimizer state and gradients (gloo on CPU, NCCL on GPU)."""

    def __init__(self, module: nn.Module, optimizer: torch.optim.Optimizer, clip: float) -> None:
        import deepspeed

        self._peaks = [group["lr"] for group in optimizer.param_groups]
        self.world = int(os.environ["WORLD_SIZE"])
        deepspeed.init_distributed(dist_backend="nccl" if torch.cuda.is_available() else "gloo")
        settings = {
            "train_micro_batch_size_per_gpu": 1,  # our batches are lists of samples, DeepSpeed only counts
            "gradient_clipping": clip,
            "zero_optimization": {"stage": 2},
        }
        self._engine, *_ = deepspeed.initialize(model=module, optimizer=optimizer, config=settings)
        self.rank = torch.distributed.get_rank()

    def step(self, loss: Tensor, lr_scale: float) -> float:
        """See `Engine.step`; DeepSpeed has updated by then, but no checkpoint is written of it."""
        _set_rates(self._engine.optimizer, self._peaks, lr_scale)
        self._engine.backward(loss)
        self._engine.step()
        return float(self._engine.get_global_grad_norm())

    def save(self, folder: Path) -> None:
        """See `Engine.save`."""
        self._engine.save_checkpoint(str(folder), tag="zero", save_latest=False)

    def load(self, folder: Path) -> None:
        """See `Engine.load`."""
        self._engine.load_checkpoint(str(folder), tag="zero")

    def barrier(self) -> None:
        """Wait for the other processes."""
        torch.distributed.barrier()

    def agree(self, wish: bool) -> bool:
        """The first process's wish, known to all."""
        answer = torch.tensor([float(wish)], device=self._engine.device)
        torch.distributed.broadcast(answer, src=0)
        return bool(answer.item())
