"""How fast `tiny` trains, beside a plain Qwen3-VL of 7 million parameters, in one run on the same machine.

Both take eight pictures a sample and about 300 tokens; both make a whole step (forward, backward, AdamW). Ours is stage
two: action tokens, words and the flow expert behind them, through the loop that users run, samples read from shards.
Prints samples/s of both and their ratio, the loop's wait for samples (aim below 5 %) and the peak memory (aim 4 GB).

    OMP_NUM_THREADS=2 .venv/bin/python benchmarks/bench_train.py
"""

import argparse
import os
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from causeway.artifacts import Artifact, Writer, run, step
from causeway.model import Policy
from causeway.model.action_space import trajectory_from_controls
from causeway.model.observation import ObservationSpec, Sample, example_observation
from causeway.training.config import ActionConfig
from causeway.training.loop import Course, Pace, train
from causeway.training.sample_store import index_row, shard_file, write_shard
from causeway.training.samples import load_samples
from causeway.training.stages import action_loss

BATCH, TOKENS = 8, 300
CAMERAS = ("cross_left", "cross_right", "front_tele", "front_wide")  # two pictures each
SPEC = ObservationSpec(cameras=CAMERAS, height=96, width=160)
WORDS = "Keep distance to the slowing car ahead and keep the lane for the left curve ahead."


def stored(folder: Path, count: int) -> Artifact:
    """So many samples of noise on disk, as the data pipeline leaves them."""

    @step(kind="samples")
    def made(*, out: Writer) -> None:
        samples = [_sample(number) for number in range(count)]
        write_shard(samples, CAMERAS, out.path(shard_file("000000")))
        out.table("samples", [index_row(s, "000000", i, "noise") for i, s in enumerate(samples)])
        out.source("noise", "CC0-1.0")

    return Artifact(run(made, {}, out=str(folder)))


def _sample(number: int) -> Sample:
    seen = example_observation(number, SPEC, 8.0)
    controls = np.zeros((64, 2), dtype=np.float32)
    path = np.float32(trajectory_from_controls(controls[None], np.array([8.0]))[0])
    decision = ("lead_following", "lane_keeping")
    return Sample(
        f"s{number:04d}", f"c{number:04d}", seen.t0_us, "train", "none", seen, WORDS, decision, controls, path
    )


def ours(folder: Path, steps: int) -> tuple[float, Pace, int, int]:
    """(samples/s, the loop's pace, parameters, columns of a sample) of stage two; the first two steps warm up."""
    samples = load_samples(stored(folder / "samples", 4 * BATCH), "train")
    config = ActionConfig(steps=steps + 2, batch_size=BATCH, checkpoint_every_s=1e9)
    policy = Policy.from_scale("tiny", seed=0, cameras=CAMERAS).train()
    columns = policy.collate([samples[0]]).input_ids.shape[1] + 128
    marks: list[float] = []
    last = Pace()

    def tell(line: Any, pace: Pace) -> None:
        marks.append(time.monotonic())
        last.samples, last.took_s, last.waited_s = pace.samples, pace.took_s, pace.waited_s

    loss = action_loss(policy, config, samples)
    modules = ("backbone", "embeddings", "expert")
    train(Course("action", policy, modules, samples, loss, config, folder / "run", tell=tell))
    return BATCH * steps / (marks[-1] - marks[1]), replace(last), policy.parameter_count(), columns


def plain(steps: int) -> tuple[float, int]:
    """(samples/s, parameters) of transformers' own Qwen3-VL on eight 96 x 160 pictures and 300 tokens."""
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    torch.manual_seed(0)
    config = Qwen3VLConfig(
        text_config={"vocab_size": 2048, "hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 6,
                     "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64, "tie_word_embeddings": True,
                     "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_interleaved": True,
                                         "mrope_section": [12, 10, 10]}},
        vision_config={"depth": 4, "hidden_size": 128, "intermediate_size": 384, "num_heads": 4,
                       "deepstack_visual_indexes": [1], "patch_size": 16, "spatial_merge_size": 2,
                       "temporal_patch_size": 1, "out_hidden_size": 256, "num_position_embeddings": 64},
        image_token_id=2047, vision_start_token_id=2046, vision_end_token_id=2045, tie_word_embeddings=True,
    )  # fmt: skip
    model = Qwen3VLForConditionalGeneration(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    batch = _plain_batch()
    marks = []
    for _ in range(steps + 2):
        optimizer.zero_grad(set_to_none=True)
        model(**batch).loss.backward()
        optimizer.step()
        marks.append(time.monotonic())
    return BATCH * steps / (marks[-1] - marks[1]), sum(p.numel() for p in model.parameters())


def _plain_batch() -> dict[str, Any]:
    rows, columns, pictures = 96 // 16, 160 // 16, 8
    each = rows * columns // 4
    row = ([2046, *[2047] * each, 2045] * pictures + list(range(5, 5 + TOKENS)))[:TOKENS]
    ids = torch.tensor([row] * BATCH)
    pixels = torch.randn(BATCH * pictures * rows * columns, 3 * 16 * 16)
    grids = torch.tensor([[1, rows, columns]] * (BATCH * pictures))
    kinds = (ids == 2047).long()  # pictures are tokens of their own kind
    seen = {"pixel_values": pixels, "image_grid_thw": grids, "mm_token_type_ids": kinds}
    return {"input_ids": ids, "labels": ids, "attention_mask": torch.ones_like(ids), **seen}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    asked = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))))
    with tempfile.TemporaryDirectory() as folder:
        rate, pace, parameters, columns = ours(Path(folder), asked.steps)
    memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    beside, others = plain(asked.steps)
    print(f"load of the machine {os.getloadavg()[0]:.1f}, {torch.get_num_threads()} threads, batch {BATCH}")
    print(f"ours   {rate:6.1f} samples/s  {parameters / 1e6:.1f} M parameters, {columns} columns, eight pictures")
    print(f"plain  {beside:6.1f} samples/s  {others / 1e6:.1f} M parameters, {TOKENS} columns, eight pictures")
    print(f"ratio  {rate / beside:6.2f}  (aim > 1)")
    print(f"wait   {pace.waiting():6.1%}  of the loop's time for samples (aim < 5 %)")
    print(f"memory {memory_gb:6.2f}  GB at its peak (aim <= 4)")


if __name__ == "__main__":
    main()
