"""The generative stages: each learns, goes on after a kill, and leaves a checkpoint for the next."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from model import checkpoint
from model.data.ccp import LABELS, CcpItem
from model.data.pictures import fitted
from model.network.adapters import EVERYWHERE, attach_lora, merge_lora, merged_weights
from model.network.config import mini
from model.network.i2tx import I2Tx
from model.network.spectrum import Spectrum
from model.network.text_context import States, TextContext
from model.network.towers import Seen
from model.training.generative.autoencoding import (
    Autoencoding,
    CropBatches,
    EarlyMaps,
    opponent,
    reconstructed,
)
from model.training.generative.beginning import begin_as_thumbnail
from model.training.generative.captions import caption_of, caption_of_tags
from model.training.generative.denoising import (
    Captioned,
    CaptionedBatches,
    Denoising,
    held_out_batches,
    held_out_loss,
)
from model.training.generative.diffusion import Noise, predict
from model.training.generative.latents import cached, key_of
from model.training.generative.pictures import crop, psnr, recolored
from model.training.generative.texturing import (
    PairBatches,
    Readout,
    Textures,
    Texturing,
    denoised,
    latent_weight,
    one_step,
    view_of,
)
from model.training.loop import Schedule, Training
from model.training.stages.autoencoder import AutoencoderTraining, keep_encoder
from model.training.stages.common import MINI_SCHEDULE, Init, begin, init_option, take
from model.training.stages.denoiser import DenoiserTraining, captioned, text_context
from model.training.stages.texture import HELD_OUT_VIEWS, prepare, readout_of
from model.training.stages.texture_training import READOUT_FILE, Rerender, TextureTraining
from tests.unit.ccp_roots import figure
from tests.unit.tiny_network import tiny_mini


def tiny(*, tail: bool = True) -> Spectrum:
    torch.manual_seed(0)
    config = tiny_mini()
    schedule = MINI_SCHEDULE if tail else {}
    return Spectrum(replace(config, diffusion=replace(config.diffusion, tail=tail, schedule=schedule)))


def pictures(count: int = 4, size: tuple[int, int] = (48, 40)) -> list[np.ndarray]:
    """Two colours, one above the other."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        picture = np.empty((*size, 3), np.uint8)
        picture[: size[0] // 2], picture[size[0] // 2 :] = rng.integers(0, 256, (2, 3))
        found.append(picture)
    return found


def schedule(steps: int = 4) -> Schedule:
    return Schedule(steps=steps, warmup=1, rate=3e-3, save_every=2, validate_every=2)


def totals(folder: Path) -> list[float]:
    return [json.loads(line)["total"] for line in (folder / "log.jsonl").read_text().splitlines()]


def assert_goes_on(make, folder: Path) -> None:
    """A run cut after two steps of four logs the losses of one that was not cut."""
    whole, batches = make(folder / "whole")
    whole.run(batches, workers=0)
    cut, batches = make(folder / "cut")
    for step in range(2):
        cut.train_step(batches[step], np.random.default_rng((batches.seed, step, 1)))
        cut.step += 1
    cut.save()
    torch.manual_seed(99)  # whatever state the new process has
    again, batches = make(folder / "cut")
    torch.manual_seed(98)
    assert again.resume() and again.step == 2
    again.run(batches, workers=0)
    assert totals(folder / "cut") == pytest.approx(totals(folder / "whole")[2:], rel=1e-4)
    weights = [checkpoint.load(folder / name / "checkpoint").state_dict() for name in ("whole", "cut")]
    for name, value in weights[0].items():
        assert torch.allclose(value, weights[1][name], atol=2e-3), name


def assert_learns(training: Training[Any], batch, *, steps: int, share: float) -> None:
    training.schedule = Schedule(steps=1000, warmup=1)
    seen = [training.train_step(batch, np.random.default_rng(0))["total"] for _ in range(steps)]
    assert seen[-1] < share * seen[0]


def test_a_new_autoencoder_begins_with_the_pictures_colours_made_small():
    torch.manual_seed(0)
    vae = I2Tx(replace(mini().diffusion, tail=True)).vae.eval()
    shown = pictures(4, (64, 64))
    noise = [psnr(m, t) for m, t in zip(reconstructed(vae, shown), shown, strict=True)]
    begin_as_thumbnail(vae)
    found = [psnr(m, t) for m, t in zip(reconstructed(vae, shown), shown, strict=True)]
    assert np.mean(found) > np.mean(noise) + 3
    for made, truth in zip(reconstructed(vae, shown), shown, strict=True):
        for half in (slice(0, 32), slice(32, 64)):
            saw, was = made[half].mean((0, 1)) - made.mean(), truth[half].mean((0, 1)) - truth.mean()
            assert float(np.dot(saw, was)) > 0.8 * np.linalg.norm(saw) * np.linalg.norm(was)
    posterior = vae.encode(torch.rand(1, 3, 64, 64) * 2 - 1).latent_dist
    assert float(posterior.std.detach().max()) < 0.1


def test_a_grey_answer_costs_colour_and_a_recoloured_picture_keeps_its_shape():
    picture = torch.tensor([0.8, -0.2, -0.6]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    grey = picture.mean(1, keepdim=True).expand_as(picture)
    assert torch.allclose(opponent(grey), torch.zeros(1, 2, 4, 4), atol=1e-6)
    assert torch.allclose(opponent(picture)[0, :, 0, 0], torch.tensor([1.0, 0.9]))
    shown = pictures(1)[0]
    for seed in range(6):
        again = recolored(shown, np.random.default_rng(seed))
        assert again.shape == shown.shape and again.dtype == np.uint8
        assert len(np.unique(again.reshape(-1, 3), axis=0)) == 2


def test_maps_come_whole_and_in_batches_of_their_own():
    batches = CropBatches(
        pictures(), seed=1, batch=2, side=32, steps=40, maps=pictures(3, (48, 48)), map_share=0.4
    )
    sizes = [tuple(batches[step].pixels.shape[-2:]) for step in range(40)]
    assert set(sizes) == {(32, 32), (48, 48)} and 8 <= sizes.count((48, 48)) <= 24
    shown = next(batches[step] for step in range(40) if sizes[step] == (48, 48))
    assert shown.noise.shape[-2:] == (6, 6)
    known = [torch.from_numpy(p).permute(2, 0, 1) for p in pictures(3, (48, 48))]
    assert all(any(torch.equal(row, m) for m in known) for row in shown.pixels)


def test_a_decoder_alone_leaves_the_latents_and_their_scale(tmp_path):
    training, batches = autoencoder(tmp_path, only_decoder=True)
    shown = torch.stack([torch.from_numpy(p).permute(2, 0, 1) for p in pictures()]) / 127.5 - 1
    before = training.network.i2tx.encode(shown)[0]
    training.run(batches, workers=0)
    after = checkpoint.load(tmp_path / "checkpoint")
    assert after.config.diffusion.vae == tiny().config.diffusion.vae
    assert torch.allclose(after.i2tx.encode(shown)[0], before, atol=5e-3)
    ours, theirs = after.i2tx.vae.decoder.state_dict(), tiny().i2tx.vae.decoder.state_dict()
    assert not torch.allclose(ours["conv_out.weight"], theirs["conv_out.weight"], atol=1e-3)


def autoencoder(folder: Path, *, only_decoder: bool = False) -> tuple[AutoencoderTraining, CropBatches]:
    network = tiny()
    if only_decoder:
        keep_encoder(network.i2tx.vae)
    objective = Autoencoding(network.i2tx.vae, EarlyMaps(cast(Any, network.tower.body)))
    training = AutoencoderTraining(
        network,
        objective,
        schedule(),
        folder,
        held_out=pictures(2),
        scaled_on=[] if only_decoder else pictures(2),
    )
    return training, CropBatches(pictures(), seed=1, batch=2, side=32, steps=4)


def test_a_killed_autoencoder_goes_on(tmp_path):
    assert_goes_on(autoencoder, tmp_path)


def test_an_autoencoder_learns_its_pictures_and_leaves_the_rest_alone(tmp_path):
    training, batches = autoencoder(tmp_path)
    before = {k: v.clone() for k, v in training.network.state_dict().items() if not k.startswith("i2tx.vae.")}
    assert_learns(training, batches[0], steps=12, share=0.9)
    after = training.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_the_next_stage_inherits_the_latents_scale_and_unit_variance(tmp_path):
    training, batches = autoencoder(tmp_path)
    training.run(batches, workers=0)
    network = begin(tiny_mini(), [Init(tmp_path / "checkpoint", ("i2tx.vae",))], tail=True)
    factor = network.config.diffusion.vae["scaling_factor"]
    assert factor != tiny_mini().diffusion.vae["scaling_factor"]
    assert network.i2tx.vae.config.scaling_factor == factor
    shown = torch.stack([torch.from_numpy(fitted(p, (192, 128))).permute(2, 0, 1) for p in pictures(2)])
    latents = network.i2tx.encode(shown / 127.5 - 1)[0].detach()
    assert float(latents.std()) == pytest.approx(1.0, abs=0.05)
    assert (tmp_path / "sheet.png").is_file() and "val_psnr" in (tmp_path / "report.json").read_text()


class LetterStates:
    """A text encoder that knows letters: a fixed direction for each."""

    width = 12

    def __call__(self, captions: Sequence[str]) -> States:
        letters = torch.randn(128, self.width, generator=torch.Generator().manual_seed(0))
        states, known = (
            torch.zeros(len(captions), 8, self.width),
            torch.zeros(len(captions), 8, dtype=torch.bool),
        )
        for i, caption in enumerate(captions):
            for k, letter in enumerate(caption[:8]):
                states[i, k], known[i, k] = letters[ord(letter) % 128], True
        return States(states, known)


def denoiser(folder: Path) -> tuple[DenoiserTraining, CaptionedBatches]:
    network, reads, size = tiny().eval(), LetterStates(), (48, 32)
    shown = [fitted(p, size) for p in pictures()]
    source = ("pictures", lambda: iter(shown), ["red", "blue", "green", "red"])
    data = captioned(network, [source], reads, folder / "cache", size)
    noise = Noise(network.config.diffusion.schedule)
    training = DenoiserTraining(
        network,
        Denoising(network.i2tx.unet, noise, TextContext(reads.width, 16)),
        schedule(),
        folder,
        held_out=held_out_batches(data, noise),
        shown=reads(["red", "blue", ""]),
        size=size,
        sampling=(1, 2),
    )
    return training, CaptionedBatches(data, noise, seed=1, batch=3, steps=4)


def test_batches_of_maps_have_their_own_size_and_captions(tmp_path):
    network, reads = tiny().eval(), LetterStates()
    shown, maps = [fitted(p, (48, 32)) for p in pictures()], [fitted(p, (32, 32)) for p in pictures(3)]
    data = captioned(
        network, [("pictures", lambda: iter(shown), list("abab"))], reads, tmp_path / "a", (48, 32)
    )
    of_maps = captioned(network, [("maps", lambda: iter(maps), list("xyz"))], reads, tmp_path / "b", None)
    assert of_maps.latents.shape[:2] == (1, 3)  # none is mirrored
    noise = Noise(network.config.diffusion.schedule)

    def batches(share: float, maps: Captioned | None = of_maps) -> CaptionedBatches:
        return CaptionedBatches(
            data, noise, seed=1, batch=2, steps=40, dropout=0.0, maps=maps, map_share=share
        )

    found = [batches(0.4)[step] for step in range(40)]
    of_size = {size: [b for b in found if b.latents.shape[-2:] == size] for size in ((6, 4), (4, 4))}
    assert len(of_size[6, 4]) + len(of_size[4, 4]) == 40 and 8 <= len(of_size[4, 4]) <= 24
    for batch in of_size[4, 4]:
        said = {tuple(row.flatten().tolist()) for row in batch.states}
        assert said <= {tuple(row.float().flatten().tolist()) for row in of_maps.states.states[:-1]}
    assert all(b.latents.shape[-2:] == (6, 4) for b in (batches(0.0, None)[step] for step in range(8)))
    with pytest.raises(ValueError, match="some maps"):
        batches(0.4, None)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        batches(1.4)


@dataclass(frozen=True)
class Dressed:
    """One person of a scene."""

    caption: str
    texture: np.ndarray
    texture_mask: np.ndarray


@dataclass(frozen=True)
class Shot:
    """A portrait whose two colours are those of the body's texture map."""

    image: np.ndarray
    caption: str
    people: tuple[Dressed, ...]


def portraits(count: int) -> list[Shot]:
    mask = np.zeros((32, 32), bool)
    mask[4:28, 4:28] = True
    found = []
    for picture in pictures(count, (96, 64)):
        texture = np.where(mask[..., None], fitted(picture, (32, 32)), 128).astype(np.uint8)
        found.append(Shot(picture, "somebody", (Dressed("somebody", texture, mask),)))
    return found


def texture(
    folder: Path, *, rerender: Rerender | None = None, count: int = 4, context_only: bool = False
) -> tuple[TextureTraining, PairBatches]:
    network = tiny().eval()
    args = argparse.Namespace(
        height=96, preset="mini", held_out=2, views=2, out=folder, synthetic=folder, seed=1
    )
    train, held_out = prepare(network, portraits(count + 2), list(range(count + 2)), args)
    lora = None if context_only else attach_lora(network.i2tx.unet, rank=8, targets=EVERYWHERE)
    noise = Noise(network.config.diffusion.schedule)
    weight = latent_weight(held_out.mask, (4, 4))
    readout = Readout(network.config.context.width, (4, 4))
    objective = Texturing(
        network.i2tx.unet,
        network.im2context,
        network.conditioning,
        noise,
        weight,
        readout=(readout, 0.5),
        context_only=context_only,
    )
    training = TextureTraining(
        network,
        objective,
        lora,
        schedule(),
        folder,
        held_out=held_out,
        context_rate=1e-3,
        rerender=rerender,
        sampling=(2, 2),
    )
    return training, PairBatches(train, noise, seed=1, batch=3, steps=4)


def test_a_killed_texture_stage_goes_on(tmp_path):
    assert_goes_on(texture, tmp_path)


def test_a_texture_stage_learns_with_the_unets_own_weights_frozen(tmp_path):
    training, batches = texture(tmp_path)
    frozen = {
        k: v.clone()
        for k, v in training.network.state_dict().items()
        if k.startswith(("tower.", "i2tx.vae.", "decoder.")) or ".base_layer." in k
    }
    before = held_loss(training, batches)
    assert_learns(training, batches[0], steps=20, share=0.9)
    assert held_loss(training, batches) < before
    after = training.network.state_dict()
    assert len(frozen) > 100 and all(torch.equal(v, after[k]) for k, v in frozen.items())
    asleep = [n for n, p in training.part.named_parameters() if p.requires_grad and p.grad is None]
    assert asleep == []


def test_what_is_read_from_the_context_alone_is_learned_and_left_behind(tmp_path):
    training, batches = texture(tmp_path)
    with torch.no_grad():
        before = training.raw(batches[0])
    assert_learns(training, batches[0], steps=20, share=0.9)
    with torch.no_grad():
        after = training.raw(batches[0])
    assert after["readout"] < 0.9 * before["readout"]
    training.write_checkpoint()
    stored = load_file(tmp_path / "checkpoint" / "model.safetensors")
    assert stored and not [name for name in stored if "readout" in name]


def test_the_context_learns_alone_and_the_next_run_begins_with_it(tmp_path):
    training, batches = texture(tmp_path, context_only=True)
    others = {k: v.clone() for k, v in training.network.state_dict().items() if "im2context" not in k}
    assert_learns(training, batches[0], steps=20, share=0.9)
    after = training.network.state_dict()
    assert len(others) > 100 and all(torch.equal(v, after[k]) for k, v in others.items())
    training.schedule = schedule(1)
    training.step, training.average = 0, {k: v.clone() for k, v in training.state().items()}
    training.run(batches, workers=0)
    report = json.loads((tmp_path / "report.json").read_text())
    assert list(report["psnr"]) == ["readout"] == [report["best"]]
    assert (tmp_path / "checkpoint" / READOUT_FILE).is_file() and not (tmp_path / "lora").exists()
    width = training.network.config.context.width
    init = Init(tmp_path / "checkpoint", ("im2context",))
    again = readout_of(width, (4, 4), [init]).state_dict()
    assert all(torch.equal(w, training.average[f"readout.{n}"]) for n, w in again.items())
    new = readout_of(width, (4, 4), [Init(tmp_path / "checkpoint", ("i2tx",))]).state_dict()
    assert not all(torch.equal(w, again[n]) for n, w in new.items())
    with pytest.raises(ValueError, match="does not fit"):
        readout_of(width, (8, 8), [init])


def test_a_killed_training_of_the_context_alone_goes_on(tmp_path):
    assert_goes_on(lambda folder: texture(folder, context_only=True), tmp_path)


def test_the_context_alone_needs_the_readout(tmp_path):
    raw = texture(tmp_path)[0].raw
    parts = (raw.unet, raw.im2context, raw.conditioning, raw.noise, raw.weight)
    with pytest.raises(ValueError, match="readout"):
        Texturing(*parts, context_only=True)


def test_context_and_readout_have_a_rate_of_their_own(tmp_path):
    training, _ = texture(tmp_path)
    assert training.rate_of("im2context.enter.weight") == training.rate_of("readout.places") == 1e-3
    assert training.rate_of("unet.conv_in.weight") == training.schedule.rate == 3e-3


def test_each_draw_of_a_map_sees_the_next_view(tmp_path):
    training, _ = texture(tmp_path)
    raw, data = training.raw, training.held_out.data
    assert len(data.patches) == HELD_OUT_VIEWS and len(data.latents) == 2
    assert not torch.equal(data.patches[0], data.patches[1])

    def of(*views: int) -> Textures:
        return Textures(data.patches[list(views)], data.cls[list(views)], data.latents)

    ways = (
        lambda views, draws: one_step(raw, views, draws=draws, seed=1),
        lambda views, draws: denoised(raw, views, steps=2, draws=draws, seed=1),
    )
    for drawn in ways:
        assert drawn(of(0), 2).shape == data.latents.shape
        assert torch.equal(drawn(of(0, 1), 1), drawn(of(0), 1))
        assert torch.equal(drawn(of(0, 0), 2), drawn(of(0), 2))
        assert torch.equal(drawn(of(0, 1), 3), drawn(of(0, 1, 0), 3))
        assert not torch.equal(drawn(of(0, 1), 2), drawn(of(0), 2))


def held_loss(training: TextureTraining, batches: PairBatches) -> float:
    with torch.no_grad():
        return float(training.raw(batches[3])["texture"])


def test_the_checkpoint_of_the_texture_stage_answers_as_the_adapters_did(tmp_path):
    training, batches = texture(tmp_path, rerender=lambda _i, _map: pictures(1)[0])
    for step in range(3):
        training.train_step(batches[step], np.random.default_rng(step))
    for group in training.optimizer.param_groups:
        group["peak"] = 0.0
    training.average = {k: v.clone() for k, v in training.state().items()}
    training.step = 3
    training.run(batches, workers=0)
    x, steps = torch.randn(2, 4, 4, 4), torch.tensor([999, 10])
    patches, cls = torch.randn(2, 6, 320), torch.randn(2, 320)
    whole = training.network
    with torch.no_grad():
        context, shift = whole.conditioning(whole.im2context(patches), cls)
        told = training.raw.predict(x, steps, patches, cls)
        for merged in (loaded_unet(tmp_path), merged_from_file(tmp_path)):
            found = predict(merged, x, steps, context, shift)
            assert torch.allclose(found, told, atol=5e-3)  # the checkpoint keeps half precision
        exact = tiny().i2tx.unet
        exact.load_state_dict(merged_weights(training.raw.unet))
        assert torch.allclose(predict(exact, x, steps, context, shift), told, atol=1e-4)
        seen = Seen(patches, cls, {})
        assert torch.equal(whole.condition(seen)[0], context) and torch.equal(whole.condition(seen)[1], shift)
    report = json.loads((tmp_path / "report.json").read_text())
    best = report["psnr"][report["best"]]
    assert set(report["psnr"]) == {
        *("readout", "one_step", "one_step_mean_of_2", "ddim_2", "ddim_2_mean_of_2")
    }
    assert report["best"] != "readout"
    assert report["gain_db"] == pytest.approx(best - report["psnr_mean_map"], abs=2e-3)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape[0] == 2 * 32 + 3 * 4 and sheet.shape[1] == 21 + 32 + 32 + 21 + 5 * 4


def loaded_unet(folder: Path) -> Any:
    return checkpoint.load(folder / "checkpoint").i2tx.unet


def merged_from_file(folder: Path) -> Any:
    unet = tiny().i2tx.unet.eval()
    merge_lora(unet, folder / "lora")
    return unet


def test_parsing_starts_from_a_texture_stage_and_a_head_of_another_run(tmp_path):
    training, _ = texture(tmp_path / "texture")
    training.save()
    torch.manual_seed(8)
    other = Spectrum(tiny_mini())
    checkpoint.save(tmp_path / "head", other.config, other.state_dict())
    backbone = Init(tmp_path / "texture" / "checkpoint", ("i2tx", "im2context", "conditioning"))
    head = Init(tmp_path / "head", ("tower", "pyramid", "decoder", "embed", "grounding"))
    network = begin(tiny_mini(), [backbone, head], tail=False)
    assert not network.config.diffusion.tail
    assert network.config.diffusion.schedule == MINI_SCHEDULE
    ours, theirs = network.state_dict(), other.state_dict()
    textured = checkpoint.load(tmp_path / "texture" / "checkpoint").state_dict()
    for name, value in ours.items():
        source = textured if name.startswith(("i2tx.", "im2context.", "conditioning.")) else theirs
        assert torch.allclose(value, source[name], atol=2e-3), name


def test_a_latent_without_texels_counts_little():
    mask = np.zeros((32, 32), bool)
    mask[:, :16] = True
    weight = latent_weight(mask, (4, 4))
    assert float(weight.mean()) == pytest.approx(1.0)
    assert torch.allclose(weight[..., 2:], 0.1 * weight[..., :2])


def test_every_view_has_the_size_asked_for_and_the_first_is_the_picture():
    picture = np.random.default_rng(0).integers(0, 256, (96, 64, 3), np.uint8)
    assert np.array_equal(view_of(picture, (96, 64), 0, 5), picture)
    second = view_of(picture, (96, 64), 1, 5)
    assert second.shape == picture.shape and not np.array_equal(second, picture)
    assert np.array_equal(second, view_of(picture, (96, 64), 1, 5))


def test_a_killed_denoiser_goes_on(tmp_path):
    assert_goes_on(denoiser, tmp_path)


def test_a_denoiser_learns_writes_its_text_context_and_samples(tmp_path):
    training, batches = denoiser(tmp_path)
    before = held_out_loss(training.raw, training.held_out)
    vae = {k: v.clone() for k, v in training.network.i2tx.vae.state_dict().items()}
    assert_learns(training, batches[0], steps=20, share=0.9)
    assert held_out_loss(training.raw, training.held_out) < before
    assert all(torch.equal(v, vae[k]) for k, v in training.network.i2tx.vae.state_dict().items())
    training.step, training.schedule = 3, Schedule(steps=4, warmup=1)
    training.run(batches, workers=0)
    again = text_context(LetterStates.width, 16, [Init(tmp_path / "checkpoint")])
    trained = training.average["text.enter.weight"]
    assert torch.equal(again.enter.weight, trained)
    assert np.asarray(Image.open(tmp_path / "sheet.png")).shape[2] == 3


def test_an_empty_caption_is_blank_wherever_it_stands():
    text = TextContext(LetterStates.width, 16)
    found = LetterStates()(["", "red"])
    context = text(found.states, found.known)
    assert torch.equal(context[0], text.blank.expand(8, 16))
    assert not torch.equal(context[1, 0], text.blank) and torch.equal(context[1, 3], text.blank)


def test_constants_are_made_once_and_again_when_anything_changed(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"x": torch.ones(2)}

    for key in ("a", "a", "b"):
        assert torch.equal(cached(tmp_path / "c.safetensors", key, make)["x"], torch.ones(2))
    assert len(made) == 2
    first, second = tiny(), tiny()
    assert key_of(first.i2tx.vae, size=3) == key_of(second.i2tx.vae, size=3) != key_of(first.i2tx.vae, size=4)
    with torch.no_grad():
        second.i2tx.vae.quant_conv.bias += 1
    assert key_of(first.i2tx.vae, size=3) != key_of(second.i2tx.vae, size=3)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_a_true_prediction_leads_back_to_the_latents(kind):
    noise = Noise({**MINI_SCHEDULE, "prediction_type": kind, "rescale_betas_zero_snr": kind != "epsilon"})
    latents, drawn = torch.randn(2, 3, 4, 8, 8)
    steps = torch.tensor([0, 500, 990])
    x_t = noise.add(latents, drawn, steps)
    found = noise.clean(x_t, noise.target(latents, drawn, steps), steps)
    assert torch.allclose(found, latents, atol=1e-3)

    def truth(x: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        signal, strength = noise.shares(at)
        return noise.target(latents, (x - signal * latents) / strength, at)

    assert torch.allclose(noise.sample(truth, drawn, 10), latents, atol=0.05)


def test_minis_last_step_is_pure_noise_and_its_first_is_as_before():
    plain, ours = Noise({}), Noise(MINI_SCHEDULE)
    last, first = torch.tensor([999]), torch.tensor([0])
    assert float(ours.shares(last)[0]) < 1e-3 < float(plain.shares(last)[0])
    assert torch.allclose(ours.shares(first)[0], plain.shares(first)[0])


def test_a_shift_moves_the_time_embedding_for_one_call():
    unet = tiny().i2tx.unet.eval()
    x, steps, context = torch.randn(2, 4, 8, 8), torch.tensor([3, 700]), torch.randn(2, 4, 16)
    plain = predict(unet, x, steps, context)
    width = unet.time_embedding.linear_2.out_features
    assert not torch.allclose(predict(unet, x, steps, context, torch.ones(2, width)), plain, atol=1e-5)
    assert torch.equal(predict(unet, x, steps, context), plain)


def test_captions_name_garments_by_area_with_their_colours():
    labels, parts = figure(top="sweater", bottom="skirt")
    image = np.full((*labels.shape, 3), 128, np.uint8)
    image[labels == LABELS.index("sweater")] = (180, 40, 45)
    image[labels == LABELS.index("skirt")] = (25, 25, 28)
    said = caption_of(CcpItem("1", image, labels, parts))
    assert said.startswith("a person in ") and "red sweater" in said and "black skirt" in said
    assert "skin" not in said and "face" not in said
    assert caption_of(CcpItem("1", image, np.zeros_like(labels), parts)) == "a person"
    assert caption_of_tags(("dress", "skin", "shoes")) == "a person in dress, shoes"


def test_parts_are_taken_by_name_and_a_part_that_does_not_fit_is_an_error(tmp_path):
    source = tiny()
    checkpoint.save(tmp_path, source.config, source.state_dict())
    torch.manual_seed(5)
    target = Spectrum(replace(tiny_mini(), diffusion=replace(tiny_mini().diffusion, tail=False)))
    head = target.decoder.state_dict()["place.project.weight"].clone()
    taken = take(target, Init(tmp_path, ("i2tx", "im2context", "conditioning")))
    assert {name.partition(".")[0] for name in taken} == {"i2tx", "im2context", "conditioning"}
    mine, theirs = target.state_dict(), source.state_dict()
    # The tail that a parsing network has not is left behind.
    assert all(
        torch.allclose(mine[n], theirs[n], atol=2e-3) for n in mine if n.startswith(("i2tx.", "im2context."))
    )
    assert torch.equal(target.decoder.state_dict()["place.project.weight"], head)
    other = Spectrum(replace(tiny_mini(), context=replace(tiny_mini().context, tokens=7)))
    with pytest.raises(checkpoint.CheckpointError, match=r"im2context.*queries"):
        take(other, Init(tmp_path, ("im2context",)))
    assert not any("queries" in name for name in take(other, Init(tmp_path)) if name.startswith("im2"))


def test_a_checkpoint_without_tail_leaves_the_tail_alone(tmp_path):
    source, target = tiny(tail=False), tiny()
    checkpoint.save(tmp_path, source.config, source.state_dict())
    tail = target.i2tx.unet.conv_out.weight.clone()
    taken = take(target, Init(tmp_path, ("i2tx",)))
    assert torch.equal(target.i2tx.unet.conv_out.weight, tail)
    assert "i2tx.unet.conv_in.weight" in taken


def test_what_to_start_from_reads_as_folder_and_parts(tmp_path):
    assert init_option("runs/a:i2tx,tower") == Init(Path("runs/a"), ("i2tx", "tower"))
    assert init_option("runs/a") == Init(Path("runs/a"))
    odd = tmp_path / "a:b"
    odd.mkdir()
    assert init_option(str(odd)) == Init(odd)
    with pytest.raises(Exception, match="no part 'b'"):
        init_option("runs/a:b")


def test_a_crop_is_of_its_size_whatever_the_picture():
    rng = np.random.default_rng(1)
    for size in ((20, 90), (90, 20), (33, 33)):
        picture = rng.integers(0, 256, (*size, 3), np.uint8)
        assert crop(picture, (32, 24), rng).shape == fitted(picture, (32, 24)).shape == (32, 24, 3)


def test_psnr_counts_inside_its_mask_alone():
    first, second = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)
    second[:2] = 255
    inside = np.zeros((4, 4), bool)
    inside[0] = True
    assert psnr(first, second, inside) == pytest.approx(0.0)
    assert psnr(first, second) == pytest.approx(10 * np.log10(2))
    assert psnr(first, second, ~inside) == pytest.approx(10 * np.log10(3))
