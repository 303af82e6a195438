"""What turns passes into a step: AdamW in one process, DeepSpeed ZeRO-2 or ZeRO-3 in several.

Knows optimizers, gradient accumulation, clipping and process groups, and hands out its state tensor by tensor under the
parameters' own names, so that a checkpoint does not depend on how many processes wrote it. Does not know stages,
samples or files. One process never imports DeepSpeed, whose first start compiles for over a minute.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

WEIGHT, FIRST, SECOND = "weights", "first_moments", "second_moments"
MOMENTS = {FIRST: "exp_avg", SECOND: "exp_avg_sq"}  # as torch's AdamW calls them

Compute = Callable[[Any, int], dict[str, Any]]
"""(batch, seed) -> {"loss": scalar tensor with gradients, part name: number…}."""
Pass = tuple[Any, int]  # what `Compute` takes: a batch and the seed of its noise
Read = Callable[[str, str], Tensor]
"""(WEIGHT, FIRST or SECOND; parameter's name) -> the tensor to restore."""


@dataclass(frozen=True)
class Optimisation:
    """How a step is made: parameter groups with their peak `lr`, decay, clipping, precision and ZeRO's stage."""

    groups: list[dict[str, Any]]
    weight_decay: float
    clip: float
    passes: int  # of one step, in this process
    bf16: bool = False
    zero: int = 2
    processes: int = 1  # that share it


class Engine(Protocol):
    """One optimizer over one module, however many processes share it."""

    rank: int
    world: int
    updates: int  # steps that the optimizer has made

    def step(self, passes: Sequence[Pass], lr_scale: float) -> tuple[list[dict[str, Any]], float]:
        """Compute, accumulate, clip, update; returns this process's parts of every pass and the gradient norm.

        A norm that is not finite means that the run must end here: nothing may be saved of it.
        """

    def tensors(self) -> Iterator[tuple[str, str, Tensor]]:
        """(kind, parameter's name, whole tensor) of everything a checkpoint holds; every process must run through."""

    def restore(self, read: Read | None, updates: int) -> None:
        """Take back what `tensors` gave; only the first process is given `read`."""

    def barrier(self) -> None:
        """Wait for the other processes."""

    def any(self, wish: bool) -> bool:
        """Whether any process wishes it, known to all."""

    def mean(self, values: Sequence[float]) -> list[float]:
        """The mean over the processes of each value, known to all."""

    def first_says(self, number: int) -> int:
        """The first process's number, known to all."""

    def optimizer_bytes(self) -> int:
        """Memory of the moments that this process holds."""


def make_engine(module: nn.Module, compute: Compute, how: Optimisation) -> Engine:
    """The engine for one process, or for several that share a step."""
    if how.processes > 1:
        return DeepSpeedEngine(module, compute, how)
    return LocalEngine(module, compute, how)


class _Passes(nn.Module):
    """A pass as a module's `forward`: ZeRO-3 fetches weights only inside one."""

    def __init__(self, module: nn.Module, compute: Compute, bf16: bool) -> None:
        super().__init__()
        self.module, self._compute, self._bf16 = module, compute, bf16

    def forward(self, batch: Any, seed: int) -> dict[str, Any]:
        device = next(self.module.parameters()).device.type
        with torch.autocast(device, torch.bfloat16, enabled=self._bf16):
            return self._compute(batch, seed)


def _learning(module: nn.Module) -> dict[str, nn.Parameter]:
    return {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}


def learning_shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Name and whole shape of every parameter that learns, also where ZeRO-3 has left this process a share of it."""
    return {name: _whole_shape(parameter) for name, parameter in _learning(module).items()}


def _whole_shape(parameter: nn.Parameter) -> tuple[int, ...]:
    return tuple(getattr(parameter, "ds_shape", parameter.shape))


def _adamw(how: Optimisation) -> tuple[torch.optim.AdamW, list[float]]:
    """The optimizer and its groups' peak rates."""
    optimizer = torch.optim.AdamW(how.groups, weight_decay=how.weight_decay, betas=(0.9, 0.95))
    return optimizer, [group["lr"] for group in optimizer.param_groups]


def _set_rates(optimizer: Any, peaks: list[float], lr_scale: float) -> None:
    for group, peak in zip(optimizer.param_groups, peaks, strict=True):
        group["lr"] = peak * lr_scale


def _held_bytes(states: Mapping[Any, Mapping[str, Any]]) -> int:
    held = [state[name] for state in states.values() for name in MOMENTS.values() if name in state]
    return sum(tensor.numel() * tensor.element_size() for tensor in held)


class LocalEngine:
    """One process."""

    rank, world = 0, 1

    def __init__(self, module: nn.Module, compute: Compute, how: Optimisation) -> None:
        self._passes = _Passes(module, compute, how.bf16)
        self._named, self._clip = _learning(module), how.clip
        self._optimizer, self._peaks = _adamw(how)
        self.updates = 0

    def step(self, passes: Sequence[Pass], lr_scale: float) -> tuple[list[dict[str, Any]], float]:
        """See `Engine.step`; a norm that is not finite leaves the weights alone."""
        _set_rates(self._optimizer, self._peaks, lr_scale)
        for parameter in self._named.values():  # not None: what has no gradient is still decayed, as with ZeRO
            parameter.grad = torch.zeros_like(parameter)
        found = []
        for batch, seed in passes:
            parts = self._passes(batch, seed)
            (parts["loss"] / len(passes)).backward()
            found.append(parts)
        norm = float(nn.utils.clip_grad_norm_(self._named.values(), self._clip))
        if math.isfinite(norm):
            self._optimizer.step()
            self.updates += 1
        return found, norm

    def tensors(self) -> Iterator[tuple[str, str, Tensor]]:
        """See `Engine.tensors`."""
        for name, parameter in self._named.items():
            yield WEIGHT, name, parameter.detach()
            for kind, key in MOMENTS.items():
                yield kind, name, self._optimizer.state[parameter][key]

    def restore(self, read: Read | None, updates: int) -> None:
        """See `Engine.restore`."""
        assert read is not None
        for name, parameter in self._named.items():
            parameter.data.copy_(read(WEIGHT, name))
            moments = {key: read(kind, name).to(parameter.device) for kind, key in MOMENTS.items()}
            self._optimizer.state[parameter] = {"step": torch.tensor(float(updates)), **moments}
        self.updates = updates

    def barrier(self) -> None:
        """Nobody to wait for."""

    def any(self, wish: bool) -> bool:
        """Nobody to ask."""
        return wish

    def mean(self, values: Sequence[float]) -> list[float]:
        """The values themselves."""
        return list(values)

    def first_says(self, number: int) -> int:
        """The number itself."""
        return number

    def optimizer_bytes(self) -> int:
        """See `Engine.optimizer_bytes`."""
        return _held_bytes(self._optimizer.state)


class DeepSpeedEngine:
    """Several processes: ZeRO-2 shards moments and gradients, ZeRO-3 weights too (gloo on CPU, NCCL on GPU)."""

    def __init__(self, module: nn.Module, compute: Compute, how: Optimisation) -> None:
        import deepspeed

        from causeway.training.processes import join

        join()
        self.rank, self.world, self.updates = torch.distributed.get_rank(), torch.distributed.get_world_size(), 0
        self._named = _learning(module)
        optimizer, self._peaks = _adamw(how)
        settings = {
            "train_micro_batch_size_per_gpu": 1,  # our batches are lists of samples, DeepSpeed only counts
            "gradient_accumulation_steps": how.passes,
            "gradient_clipping": how.clip,
            "zero_optimization": {"stage": how.zero},
            "zero_allow_untested_optimizer": True,
            "wall_clock_breakdown": False,
        }
        whole = _Passes(module, compute, how.bf16)
        self._engine, *_ = deepspeed.initialize(model=whole, optimizer=optimizer, config=settings)

    def step(self, passes: Sequence[Pass], lr_scale: float) -> tuple[list[dict[str, Any]], float]:
        """See `Engine.step`; DeepSpeed has updated by then even if the norm is not finite, but nothing is saved."""
        _set_rates(self._engine.optimizer, self._peaks, lr_scale)
        found = []
        for batch, seed in passes:
            parts = self._engine(batch, seed)
            self._engine.backward(parts["loss"])
            self._engine.step()
            found.append(parts)
        self.updates += 1
        return found, float(self._engine.get_global_grad_norm())

    def tensors(self) -> Iterator[tuple[str, str, Tensor]]:
        """See `Engine.tensors`; each tensor is gathered from all processes in turn."""
        from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

        self._link_moments()
        for name, parameter in self._named.items():
            yield WEIGHT, name, safe_get_full_fp32_param(parameter)
            for kind, key in MOMENTS.items():
                yield kind, name, safe_get_full_optimizer_state(parameter, key)

    def restore(self, read: Read | None, updates: int) -> None:
        """See `Engine.restore`; the first process reads, all take their share."""
        from deepspeed.utils import safe_set_full_fp32_param, safe_set_full_optimizer_state

        self._make_moments()
        for name, parameter in self._named.items():
            safe_set_full_fp32_param(parameter, self._sent(read, WEIGHT, name, parameter))
            for kind, key in MOMENTS.items():
                safe_set_full_optimizer_state(parameter, self._sent(read, kind, name, parameter), key)
        for state in self._states().values():
            state["step"] = torch.as_tensor(state["step"]) * 0 + updates
        self._make_weights_current()
        self.updates = updates

    def _make_moments(self) -> None:
        """One step of zero at the rate zero: DeepSpeed makes its moments in the first step, and not before."""
        import deepspeed

        _set_rates(self._engine.optimizer, self._peaks, 0.0)
        for _ in range(self._engine.gradient_accumulation_steps()):
            with deepspeed.zero.GatheredParameters(list(self._named.values())):  # no module fetches ZeRO-3's here
                nothing = torch.stack([parameter.sum() * 0.0 for parameter in self._named.values()]).sum()
                self._engine.backward(nothing)
            self._engine.step()
        self._link_moments()

    def _link_moments(self) -> None:
        """Tell each parameter where its moments are: DeepSpeed 0.19 does it after the first group's first step only.

        The groups behind the first one have no moments by then, and would be found without any.
        """
        optimizer = self._engine.optimizer
        if hasattr(optimizer, "_lazy_init_hp_params_optimizer_state"):  # ZeRO-3 looks them up itself
            optimizer._hp_optimizer_states_linked = False
            optimizer._lazy_init_hp_params_optimizer_state()

    def _make_weights_current(self) -> None:
        """The shares of the weights that were set become the weights that a pass computes with."""
        optimizer = self._engine.optimizer
        if hasattr(optimizer, "update_lp_params"):
            optimizer.update_lp_params()
            return
        for group in range(len(optimizer.fp16_groups)):  # ZeRO-3: as at the end of its step
            optimizer._reassign_or_swap_out_partitioned_parameters(group)
        if optimizer.persistent_parameters:
            optimizer.persistent_parameters[0].partition(optimizer.persistent_parameters)
            optimizer.persistent_parameters[0].all_gather(optimizer.persistent_parameters)

    def _sent(self, read: Read | None, kind: str, name: str, parameter: nn.Parameter) -> Tensor:
        if read is not None:
            value = read(kind, name).to(self._engine.device)
        else:
            value = torch.empty(_whole_shape(parameter), device=self._engine.device)
        torch.distributed.broadcast(value, src=0)
        return value

    def _states(self) -> Mapping[Any, dict[str, Any]]:
        return self._engine.optimizer.optimizer.state  # type: ignore[no-any-return]

    def barrier(self) -> None:
        """Wait for the other processes."""
        torch.distributed.barrier()

    def any(self, wish: bool) -> bool:
        """See `Engine.any`."""
        answer = torch.tensor([float(wish)], device=self._engine.device)
        torch.distributed.all_reduce(answer, op=torch.distributed.ReduceOp.MAX)
        return bool(answer.item())

    def mean(self, values: Sequence[float]) -> list[float]:
        """See `Engine.mean`."""
        total = torch.tensor(values, dtype=torch.float64, device=self._engine.device)
        torch.distributed.all_reduce(total)
        return [float(value) / self.world for value in total]

    def first_says(self, number: int) -> int:
        """See `Engine.first_says`."""
        told = torch.tensor([number], device=self._engine.device)
        torch.distributed.broadcast(told, src=0)
        return int(told.item())

    def optimizer_bytes(self) -> int:
        """See `Engine.optimizer_bytes`."""
        return _held_bytes(self._states())
