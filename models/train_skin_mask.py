"""Trains the compact skin network on generated scenes alone, and judges it beside the model-free mask.

`python models/train_skin_mask.py train WEIGHTS`, then `python models/train_skin_mask.py judge WEIGHTS PHOTOS`.

What it is told: the photo at 256 px as ln(R/G), ln(G/B), log-luminance about its median, the texture of that, and the
model-free mask, which it may correct. What it learns from: scenes of `skinscan.study.scenes.TRAINING`, half of them
with something laid over the skin. Card: models/skin_mask.md.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from skinscan.capture.photo import read_photo
from skinscan.capture.skin.mask import find_skin
from skinscan.capture.thumbnails import Thumbnails
from skinscan.records import BoolArray, Photo
from skinscan.study.scenes import REST, SKIN, TRAINING, UNJUDGED, make_scene
from skinscan.study.scenes.covers import COVERS, cover
from skinscan.study.skin_mask_accuracy import overlap, scenes, skin_alone, table
from skinscan.study.skin_truth import judged_face, photo_of, recoloured, relit

SIDE = 256
CHANNELS = (12, 24, 40, 64, 96)
FIRST_SEED, HELD_OUT_SEED = 1_000_000, 3_000_000
Floats = NDArray[np.float32]


def features(photo: Photo, mask: BoolArray, thumbnails: Thumbnails | None = None) -> Floats:
    """What the network is told, (5, h, w): longer side SIDE px, each channel about within -2 to 2."""
    linear = (thumbnails or Thumbnails(photo)).linear(SIDE) + np.float32(0.002)
    logs = np.log(linear)
    level = np.log(linear @ np.array([0.2126, 0.7152, 0.0722], np.float32))
    mean = cv2.blur(level, (5, 5))
    texture = np.sqrt(np.maximum(cv2.blur(level * level, (5, 5)) - mean * mean, 0))
    seen = cv2.resize(mask.view(np.uint8), level.shape[::-1], interpolation=cv2.INTER_AREA)
    planes = (
        logs[..., 0] - logs[..., 1] - 0.5, logs[..., 1] - logs[..., 2] - 0.35,
        0.7 * (level - np.median(level)), 4 * texture - 0.5, seen - 0.5,
    )  # fmt: skip
    return np.clip(np.stack(planes), -2, 2).astype(np.float32)


class _Step(nn.Module):
    """Two 3 x 3 convolutions, normalised."""

    def __init__(self, inward: int, outward: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inward, outward, 3, stride, 1, bias=False), nn.BatchNorm2d(outward), nn.ReLU(True),
            nn.Conv2d(outward, outward, 3, 1, 1, bias=False), nn.BatchNorm2d(outward), nn.ReLU(True),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.body(x)
        return found


class SkinNetwork(nn.Module):
    """A small U-Net: (n, 5, h, w) with h, w multiples of 32 to log-odds of skin (n, 1, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(_Step(a, b, 2) for a, b in zip((5, *CHANNELS), CHANNELS, strict=False))
        self.up = nn.ModuleList(_Step(a + b, b) for a, b in zip(CHANNELS[:0:-1], CHANNELS[-2::-1], strict=True))
        self.fewer = nn.Conv2d(CHANNELS[0], 6, 1)
        self.last = nn.Sequential(nn.Conv2d(11, 8, 3, 1, 1), nn.ReLU(True), nn.Conv2d(8, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept, now = [], x
        for step in self.down:
            now = step(now)
            kept.append(now)
        for step, beside in zip(self.up, kept[-2::-1], strict=True):
            now = step(torch.cat([functional.interpolate(now, size=beside.shape[2:], mode="bilinear"), beside], 1))
        now = functional.interpolate(self.fewer(now), size=x.shape[2:], mode="bilinear")
        found: torch.Tensor = self.last(torch.cat([now, x], 1))
        return found


def example(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Features (5, SIDE, SIDE) as bytes and labels (SIDE, SIDE) of a scene, half of them with a cover on the skin."""
    draw = np.random.default_rng([seed, 77])
    scene = make_scene(seed, TRAINING, int(draw.integers(280, 520)))
    pixels, labels = scene.pixels, scene.labels.copy()
    skin = labels == SKIN
    if draw.random() < 0.5 and np.count_nonzero(skin) > 2000:
        kind = str(draw.choice(list(COVERS)))
        pixels, where = cover(kind, pixels, skin, draw, int(draw.integers(70, 96)))
        labels[where] = REST
        rim = cv2.dilate(where.view(np.uint8), np.ones((5, 5), np.uint8)) - cv2.erode(
            where.view(np.uint8), np.ones((3, 3), np.uint8)
        )
        labels[rim > 0] = UNJUDGED
    photo = photo_of(pixels)
    told = features(photo, find_skin(photo))
    small = cv2.resize(labels, told.shape[:0:-1], interpolation=cv2.INTER_NEAREST)
    padded = np.zeros((5, SIDE, SIDE), np.uint8)
    truth = np.full((SIDE, SIDE), UNJUDGED, np.uint8)
    padded[:, : told.shape[1], : told.shape[2]] = np.clip(told * 60 + 128, 0, 255)
    truth[: small.shape[0], : small.shape[1]] = small
    return padded, truth


def batch(told: NDArray[np.uint8], truth: NDArray[np.uint8], draw: np.random.Generator) -> tuple[Any, Any]:
    """A batch turned, mirrored, under another balance and level."""
    x = (torch.from_numpy(told).float() - 128) / 60
    y = torch.from_numpy(truth).long()
    turns = int(draw.integers(4))
    x, y = torch.rot90(x, turns, (2, 3)), torch.rot90(y, turns, (1, 2))
    if draw.random() < 0.5:
        x, y = x.flip(3), y.flip(2)
    shift = torch.from_numpy(draw.normal(0, (0.06, 0.06, 0.15, 0, 0), (len(told), 5)).astype(np.float32))
    gain = torch.from_numpy(
        draw.uniform((1, 1, 1, 0.8, 1), (1.0001, 1.0001, 1.0001, 1.2, 1.0001), (len(told), 5)).astype(np.float32)
    )
    return x * gain[..., None, None] + shift[..., None, None], y


def loss_of(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Cross-entropy and soft overlap over the judged pixels."""
    judged, skin = (truth != UNJUDGED).float(), (truth == SKIN).float()
    logits = logits[:, 0]
    entropy = functional.binary_cross_entropy_with_logits(logits, skin, reduction="none")
    chance = torch.sigmoid(logits) * judged
    both = (chance * skin).sum((1, 2)) + 50
    either = (chance + skin * judged - chance * skin).sum((1, 2)) + 50
    return (entropy * judged).sum() / judged.sum() + 0.5 * (1 - both / either).mean()


def mask_of(network: SkinNetwork, photo: Photo) -> BoolArray:
    """(H, W) mask of skin by the network."""
    thumbnails = Thumbnails(photo)
    told = features(photo, find_skin(photo, thumbnails), thumbnails)
    height, width = told.shape[1:]
    padded = np.pad(told, ((0, 0), (0, -height % 32), (0, -width % 32)), mode="edge")
    with torch.inference_mode():
        odds = network(torch.from_numpy(padded)[None])[0, 0, :height, :width].numpy()
    large: BoolArray = cv2.resize(odds, photo.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0
    return large if photo.opaque is None else large & photo.opaque


@click.group()
def main() -> None:
    """The compact skin network."""


@main.command()
@click.argument("weights", type=click.Path(path_type=Path))
@click.argument("photos", type=click.Path(path_type=Path))
@click.option("--count", default=96, help="Held-out scenes.")
def judge(weights: Path, photos: Path, count: int) -> None:
    """Overlap by tone on held-out scenes and on hand-placed points, beside the model-free mask."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    network = SkinNetwork()
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.eval()
    methods: dict[str, Any] = {"find_skin": skin_alone, "network": lambda photo: mask_of(network, photo)}
    rows = [row for n in range(count) for row in overlap("scenes", scenes(HELD_OUT_SEED + n), methods)]
    for path in sorted((photos / "faces_frl").glob("*.tem")):
        face = judged_face(path, np.asarray(read_photo(path.with_suffix(".jpg")).pixels, np.uint8))
        for kind, others in (("faces", [face]), ("relit", relit(face)), ("recoloured", recoloured(path, face))):
            for other in others:
                rows += overlap(kind, other, methods)
    shares = ["recall", "precision", "iou"]
    click.echo(table(rows, ["set", "method"], shares))
    click.echo(table(sorted(rows, key=lambda row: row["tone"]), ["set", "tone", "method"], shares))


@main.command()
@click.argument("weights", type=click.Path(path_type=Path))
@click.option("--examples", default=5000)
@click.option("--painting-minutes", default=10.0, help="Stop making examples after this.")
@click.option("--minutes", default=33.0, help="Stop learning after this.")
@click.option("--kept", type=click.Path(path_type=Path), help="Keep the examples here, or take them from here.")
def train(weights: Path, examples: int, painting_minutes: float, minutes: float, kept: Path | None) -> None:
    """Half-precision weights of the network, as a dictionary that `torch.load(weights_only=True)` reads."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(1)
    draw = np.random.default_rng(1)
    if kept is not None and kept.exists():
        held = np.load(kept)
        told, truth = held["told"], held["truth"]
    else:
        begin, pairs = time.monotonic(), []
        while len(pairs) < examples and time.monotonic() - begin < 60 * painting_minutes:
            pairs.append(example(FIRST_SEED + len(pairs)))
        told, truth = (np.stack(part) for part in zip(*pairs, strict=True))
        if kept is not None:
            np.savez(kept, told=told, truth=truth)
    click.echo(f"{len(told)} examples")
    network = SkinNetwork().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    click.echo(f"{sum(p.numel() for p in network.parameters())} weights")
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-4)
    begin, step, running = time.monotonic(), 0, 0.0
    while (spent := (time.monotonic() - begin) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1.0, step / 50 + 0.05) * 0.5 * (1 + np.cos(np.pi * spent)) + 1e-5
        chosen = draw.integers(len(told), size=12)
        x, y = batch(told[chosen], truth[chosen], draw)
        loss = loss_of(network(x.contiguous(memory_format=torch.channels_last)), y)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        step += 1
        running += (float(loss.detach()) - running) / min(step, 100)
        if step % 20 == 0:
            click.echo(f"{step} {spent:.2f} {running:.4f}")
            torch.save({k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}, weights)
    torch.save({k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}, weights)


if __name__ == "__main__":
    main()
