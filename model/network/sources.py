"""Where the files of `full` lie: directories or hub ids that diffusers, PEFT and transformers wrote.

Weights are read from safetensors alone: a pickle runs code when it is opened, so it is refused by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from model.network.errors import CheckpointError

DIFFUSERS_STEM, TRANSFORMERS_STEM = "diffusion_pytorch_model", "model"
PEFT_LORA = "adapter_model.safetensors"
DIFFUSERS_LORA = "pytorch_lora_weights.safetensors"
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(@[\w./-]+)?")


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of one `full`: paths or, for the first three, hub ids 'owner/name' or 'owner/name@revision'.

    diffusion: Stable Diffusion as diffusers writes it: folders `vae`, `unet` and perhaps `scheduler`.
    vision, text: CLIP as transformers writes it; both may name one directory. `text` has its tokenizer too.
    im2context: one safetensors file with TexDreamer's key names or ours. None: untrained, or in `head`.
    unet_lora: a directory in PEFT's or diffusers' layout. vision_lora, text_lora: in PEFT's.
    head: a checkpoint folder of ours. None: untrained.
    """

    diffusion: str
    vision: str
    text: str
    im2context: str | None = None
    unet_lora: str | None = None
    vision_lora: str | None = None
    text_lora: str | None = None
    head: str | None = None

    def to_json(self) -> str:
        """The sources as `sources.json` holds them."""
        return json.dumps({k: v for k, v in asdict(self).items() if v is not None}, indent=2) + "\n"

    @classmethod
    def load(cls, path: Path) -> Sources:
        """Read `sources.json`; relative paths start at its own folder. CheckpointError if it is malformed."""
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(raw, dict) or not all(v is None or isinstance(v, str) for v in raw.values()):
                raise ValueError("it must map names to paths")
            sources = cls(**raw)
        except (OSError, TypeError, ValueError) as error:
            known = ", ".join(f.name for f in fields(cls))
            raise CheckpointError(f"{path} is no list of sources ({known}): {error}") from error
        return sources.beside(path.parent)

    def beside(self, folder: Path) -> Sources:
        """The same, with relative paths that exist under `folder` made whole."""
        found = {name: folder / value for name, value in asdict(self).items() if value is not None}
        return replace(self, **{name: str(path) for name, path in found.items() if path.exists()})


@dataclass(frozen=True, slots=True)
class Files:
    """The same sources on this machine's disk: every entry exists and holds safetensors."""

    vae: Path
    unet: Path
    scheduler: Path | None
    vision: Path
    text: Path
    im2context: Path | None
    unet_lora: Path | None
    vision_lora: Path | None
    text_lora: Path | None
    head: Path | None

    def __iter__(self) -> Iterator[Path]:
        """Each file that is read, in a fixed order: what a revision has to cover."""
        for folder, stem in ((self.vae, DIFFUSERS_STEM), (self.unet, DIFFUSERS_STEM)):
            yield from (folder / "config.json", *weights(folder, stem))
        if self.scheduler:
            yield self.scheduler
        for folder in (self.vision, self.text):
            yield from (folder / "config.json", *weights(folder, TRANSFORMERS_STEM))
        yield from (self.text / name for name in TOKENIZER if (self.text / name).is_file())
        for lora in (self.unet_lora, self.vision_lora, self.text_lora):
            yield from (
                sorted(p for p in lora.iterdir() if p.suffix in (".json", ".safetensors")) if lora else ()
            )
        if self.im2context:
            yield self.im2context
        if self.head:
            yield from (self.head / "config.json", self.head / "model.safetensors")


def locate(sources: Sources) -> Files:
    """Find every file, fetching what a hub id names. CheckpointError for the first that is missing."""
    scheduler = "scheduler/scheduler_config.json"
    if (folder := _local(sources.diffusion)) is None:
        vae = _fetch(sources.diffusion, "vae", DIFFUSERS_STEM)
        unet = _fetch(sources.diffusion, "unet", DIFFUSERS_STEM)
        _fetch_file(sources.diffusion, scheduler, required=False)
        folder = vae.parent
    else:
        vae, unet = folder / "vae", folder / "unet"
    files = Files(
        vae=vae,
        unet=unet,
        scheduler=folder / scheduler if (folder / scheduler).is_file() else None,
        vision=_local(sources.vision) or _fetch(sources.vision, "", TRANSFORMERS_STEM),
        text=_local(sources.text) or _fetch(sources.text, "", TRANSFORMERS_STEM, also=TOKENIZER),
        im2context=_weights_file(sources.im2context),
        unet_lora=_lora(sources.unet_lora, (PEFT_LORA, DIFFUSERS_LORA)),
        vision_lora=_lora(sources.vision_lora, (PEFT_LORA,)),
        text_lora=_lora(sources.text_lora, (PEFT_LORA,)),
        head=Path(sources.head) if sources.head else None,
    )
    for path in files:
        if not path.is_file():
            raise CheckpointError(f"{path} is missing")
    return files


def weights(folder: Path, stem: str) -> list[Path]:
    """The safetensors files of a model's folder, one or as an index lists them. CheckpointError if none."""
    if (single := folder / f"{stem}.safetensors").is_file():
        return [single]
    if (index := folder / f"{stem}.safetensors.index.json").is_file():
        return [index, *sorted({folder / name for name in _listed(index)})]
    _refuse_pickles(folder)
    raise CheckpointError(f"{folder} holds no {single.name}")


def _listed(index: Path) -> list[str]:
    try:
        return [str(name) for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{index} is no index of weights: {error}") from error


def _local(source: str) -> Path | None:
    """The directory at this path; None for a hub id. A path that exists is never taken for a hub id."""
    if Path(source).is_dir():
        return Path(source)
    if HUB_ID.fullmatch(source):
        return None
    raise CheckpointError(f"there is no directory {source}")


def _fetch(source: str, subfolder: str, stem: str, also: tuple[str, ...] = ()) -> Path:
    """Download one model's config and weights into the hub's cache; their folder."""
    inside = f"{subfolder}/" if subfolder else ""
    config = _fetch_file(source, f"{inside}config.json")
    assert config is not None  # required
    if _fetch_file(source, f"{inside}{stem}.safetensors", required=False) is None:
        index = _fetch_file(source, f"{inside}{stem}.safetensors.index.json", required=False)
        if index is None:
            raise CheckpointError(
                f"{source} holds no {inside}{stem}.safetensors; pickled weights are not read"
            )
        for name in sorted(set(_listed(index))):
            _fetch_file(source, f"{inside}{name}")
    for name in also:
        _fetch_file(source, f"{inside}{name}", required=False)
    return config.parent


def _fetch_file(source: str, name: str, *, required: bool = True) -> Path | None:
    from transformers.utils.hub import cached_file

    hub_id, _, revision = source.partition("@")
    try:
        found = cached_file(
            hub_id, name, revision=revision or "main", _raise_exceptions_for_missing_entries=required
        )
    except OSError as error:
        raise CheckpointError(
            f"{source} is neither a directory here nor a hub id that can be fetched: {str(error)[:300]}"
        ) from error
    return Path(found) if found else None


def _weights_file(source: str | None) -> Path | None:
    if source is None:
        return None
    path = Path(source)
    if path.suffix in PICKLED:
        raise pickled(path)
    return path


def _lora(source: str | None, names: tuple[str, ...]) -> Path | None:
    if source is None:
        return None
    folder = Path(source)
    if not folder.is_dir():
        raise CheckpointError(f"there is no directory {folder} with a LoRA")
    if not any((folder / name).is_file() for name in names):
        _refuse_pickles(folder)
        raise CheckpointError(f"{folder} holds no {' or '.join(names)}")
    return folder


def _refuse_pickles(folder: Path) -> None:
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.suffix in PICKLED:
                raise pickled(path)


def pickled(path: Path) -> CheckpointError:
    """The refusal of a pickled file, with the way out."""
    return CheckpointError(
        f"{path} is a pickle, which can run code when it is opened; convert it once, where you trust it: "
        f'python -c "import torch; from safetensors.torch import save_file; save_file({{k: v.contiguous() '
        f"for k, v in torch.load('{path.name}', weights_only=True).items()}}, '{path.stem}.safetensors')\""
    )
