"""Every limit and address of the service, read from the environment and checked once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_WEIGHTS = Path(__file__).resolve().parent.parent / "model" / "weights"

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=0, le=65_535)]


class Settings(BaseSettings):
    """Settings from `SPECTRUM_<NAME>`; the broker's address from `REDIS_URL` as well.

    An empty variable counts as absent. A value out of range raises pydantic's ValidationError, which
    names the variable and the value.
    """

    model_config = SettingsConfigDict(
        env_prefix="SPECTRUM_",
        env_ignore_empty=True,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
    )

    # Addresses
    host: str = Field("127.0.0.1", description="address the API listens on")
    port: Port = Field(8000, description="port the API listens on")
    worker_metrics_port: Port = Field(0, description="port of a worker's /metrics; 0 = none")
    redis_url: str | None = Field(
        None,
        validation_alias=AliasChoices("REDIS_URL", "SPECTRUM_REDIS_URL"),
        description="redis://, rediss:// or unix:// address; absent = the embedded server",
    )
    key_prefix: str = Field(
        "spectrum", pattern=r"^[A-Za-z0-9_.:-]+$", description="prefix and hash-tag of every key in Redis"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level logged")

    # Model
    preset: str = Field("mini", description="name of a shipped checkpoint")
    checkpoint: Path | None = Field(None, description="directory of a checkpoint; stands in for the preset")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    threads: Count | None = Field(None, description="CPU threads of the model; absent = torch's choice")

    # What one request may hold
    max_body_bytes: Count = Field(32 * 2**20, description="bytes of a request's body")
    max_image_bytes: Count = Field(20 * 2**20, description="bytes of one picture, still encoded")
    max_pixels: Count = Field(40_000_000, description="pixels of a picture, by its header")
    max_frames: Count = Field(1, description="frames of a picture")
    max_prompts: Count = Field(64, description="prompts of a request")
    max_prompt_length: Count = Field(100, description="characters of a prompt")
    max_caption_length: Count = Field(2_000, description="characters of a caption")

    # Queue
    queue_depth: Count = Field(256, description="jobs waiting or running before new ones are refused")
    wait_seconds: Seconds = Field(30, description="how long a request waits before it is answered 202")
    max_deadline_ms: Count = Field(600_000, description="longest deadline that X-Deadline-Ms may set")
    image_ttl_seconds: Count = Field(3_600, description="how long a picture may wait for a worker")
    result_ttl_seconds: Count = Field(3_600, description="how long an answer is kept")
    redis_timeout_seconds: Seconds = Field(5, description="how long one command may take")
    redis_connections: Count = Field(64, description="connections of one process to Redis")

    # Worker
    lease_seconds: Seconds = Field(30, description="silence after which a worker's jobs go to another")
    delivery_limit: Count = Field(3, description="times a job is tried before it is a dead letter")
    batch_size: Count = Field(8, description="pictures that share one call of the model")
    batch_pixels: Count = Field(4_194_304, description="pixels on the device that share one call")
    decode_threads: Count = Field(2, description="threads that decode pictures in a worker")
    heartbeat_seconds: Seconds = Field(2, description="how often a worker tells that it lives")
    drain_seconds: Seconds = Field(30, description="time to finish what is in hand when told to stop")

    @property
    def checkpoint_path(self) -> Path:
        """Directory that holds the checkpoint to serve."""
        return self.checkpoint if self.checkpoint is not None else _WEIGHTS / self.preset
