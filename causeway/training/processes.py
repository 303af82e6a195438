"""Several training processes: who they are (torchrun's environment) and how the first one calls the others.

Knows RANK and WORLD_SIZE and one broadcast. Does not know what is trained. The first process looks results up, writes
and publishes; the others wait until it calls, and then only compute.
"""

import os

_said: list[bool] = []


def rank() -> int:
    """This process's number; 0 when there is one."""
    return int(os.environ.get("RANK", "0"))


def world() -> int:
    """How many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def join() -> None:
    """Meet the others, once: NCCL on GPUs, gloo elsewhere."""
    import torch

    if not torch.distributed.is_initialized():
        import deepspeed

        deepspeed.init_distributed(dist_backend="nccl" if torch.cuda.is_available() else "gloo", verbose=False)


def call(there_is_work: bool) -> None:
    """Tell the others whether there is something to train; only the first process may, once."""
    _broadcast(there_is_work)
    _said.append(there_is_work)


def called() -> bool:
    """Whether the others have been told."""
    return bool(_said)


def wait_for_call() -> bool:
    """Wait for the first process; True when there is something to train."""
    return _broadcast(False)


def _broadcast(word: bool) -> bool:
    import torch

    join()
    device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"
    said = torch.tensor([int(word)], device=device)
    torch.distributed.broadcast(said, src=0)
    return bool(said.item())
