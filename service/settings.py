"""Every limit and address of the service, read from the environment and checked once."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service import signing

_WEIGHTS = Path(__file__).resolve().parent.parent / "model" / "weights"

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=0, le=65_535)]


def _split(value: Any) -> Any:
    """'a, b' as ['a', 'b']: how a variable of the environment holds a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Schemes = Annotated[tuple[Literal["http", "https"], ...], NoDecode, BeforeValidator(_split)]
Ports = Annotated[tuple[Port, ...], NoDecode, BeforeValidator(_split)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_split)]


def _strong(secret: SecretStr) -> SecretStr:
    if not signing.strong(secret.get_secret_value()):
        raise ValueError("a secret needs 24 bytes or more; behind whsec_ they are in base64")
    return secret


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
        description="address of Redis: redis://, rediss://, unix://, redis+sentinel://, redis+cluster://; "
        "absent = the embedded server",
    )
    redis_ca_file: Path | None = Field(
        None, description="certificates that vouch for Redis; absent = the system's"
    )
    redis_cert_file: Path | None = Field(None, description="our own certificate for Redis")
    redis_key_file: Path | None = Field(None, description="the key of our own certificate")
    key_prefix: str = Field(
        "spectrum", pattern=r"^[A-Za-z0-9_.:-]+$", description="prefix and hash-tag of every key in Redis"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level logged")
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="form of log lines: text, json, or text on a terminal and json elsewhere (auto)"
    )
    otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://",
        validation_alias=AliasChoices("SPECTRUM_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="OTLP/HTTP collector that traces go to, such as http://127.0.0.1:4318; absent = none",
    )

    # Model
    preset: str = Field("mini", description="name of a shipped checkpoint")
    checkpoint: Path | None = Field(None, description="directory of a checkpoint; stands in for the preset")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="type of the model's products; auto = what the device is built for"
    )
    workers: Count = Field(
        1,
        description="workers of `spectrum serve`; several share the cores: more pictures, each a bit later",
    )
    threads: Count | None = Field(
        None, description="CPU threads of the model; absent = the cores, or the container's CPU quota"
    )
    lanes: Count | None = Field(
        None,
        description="calls of the model at once in a worker, which share its threads; absent = 2; 1 on a GPU",
    )

    # Doors
    auth: Literal["auto", "keys", "open"] = Field(
        "auto", description="who may ask: holders of keys, anybody (open), or keys but on loopback (auto)"
    )
    keys_file: Path | None = Field(None, description="file that holds the API keys, in place of Redis")
    metrics_open: bool = Field(True, description="show the API's /metrics without a key")

    # As a client
    api_key: SecretStr | None = Field(None, description="the key that 'spectrum parse --server' sends")

    # What one request may hold
    max_body_bytes: Count = Field(32 * 2**20, description="bytes of a request's body")
    max_image_bytes: Count = Field(20 * 2**20, description="bytes of one picture, still encoded")
    max_pixels: Count = Field(40_000_000, description="pixels of a picture, by its header")
    max_frames: Count = Field(1, description="frames of a picture")
    max_prompts: Count = Field(64, description="prompts of a request")
    max_prompt_length: Count = Field(100, description="characters of a prompt")
    max_caption_length: Count = Field(2_000, description="characters of a caption")
    max_batch: Count = Field(32, description="pictures of a batch")
    batch_concurrency: Count = Field(4, description="pictures of one batch that are read at once")
    upload_timeout_seconds: Seconds = Field(60, description="how long a request's body may take to arrive")
    linger_seconds: Seconds = Field(1, description="how long a body is read on after an early answer")

    # Pictures by URL
    url_input: bool = Field(True, description="fetch pictures by URL")
    url_schemes: Schemes = Field(("http", "https"), description="schemes of URLs, with commas")
    url_ports: Ports = Field((80, 443), description="ports of URLs, with commas")
    url_allow_networks: Networks = Field(
        (), description="networks beside the public internet that URLs may lead to: 10.1.0.0/16,..."
    )
    url_max_redirects: Annotated[int, Field(ge=0)] = Field(3, description="redirects that a URL may take")
    url_timeout_seconds: Seconds = Field(10, description="how long a URL may take, redirects included")
    url_concurrency: Count = Field(16, description="URLs that one process fetches at once")

    # Queue
    queue_depth: Count = Field(256, description="jobs waiting or running before new ones are refused")
    queue_age_seconds: Seconds = Field(
        120, description="how long a job may have waited for a worker before new ones are refused"
    )
    wait_seconds: Seconds = Field(30, description="how long a request waits before it is answered 202")
    cache_ttl_seconds: Annotated[int, Field(ge=0)] | None = Field(
        None, description="how long an answer serves equal requests too; absent = while it is kept, 0 = never"
    )
    idempotency_ttl_seconds: Count = Field(86_400, description="how long an Idempotency-Key is remembered")
    max_metadata_bytes: Count = Field(2_048, description="bytes of a request's metadata, as JSON")
    webhook_secret: Annotated[SecretStr, AfterValidator(_strong)] | None = Field(
        None, description="what callbacks are signed with, 24 bytes or more; absent = none are made"
    )
    webhook_tries: Count = Field(8, description="times a callback is tried")
    webhook_first_pause_seconds: Seconds = Field(5, description="pause after its first try; then 4 times it")
    webhook_longest_pause_seconds: Seconds = Field(14_400, description="longest pause between two tries")
    webhook_concurrency: Count = Field(8, description="callbacks that one process makes at once")
    event_streams: Count = Field(256, description="event streams that one process serves at once")
    event_heartbeat_seconds: Seconds = Field(15, description="longest silence of an event stream")
    max_deadline_ms: Count = Field(600_000, description="longest deadline that X-Deadline-Ms may set")
    image_ttl_seconds: Count = Field(3_600, description="how long a picture may wait for a worker")
    result_ttl_seconds: Count = Field(3_600, description="how long an answer is kept")
    dead_letter_ttl_seconds: Count = Field(
        604_800, description="how long a job that could not be parsed is kept with its picture"
    )
    dead_letters_kept: Annotated[int, Field(ge=0)] = Field(
        32, description="jobs that could not be parsed that are kept at most"
    )
    redis_timeout_seconds: Seconds = Field(5, description="how long one command may take")
    redis_connections: Count = Field(64, description="connections of one process to Redis")

    # Worker
    lease_seconds: Seconds = Field(30, description="silence after which a worker's jobs go to another")
    delivery_limit: Annotated[int, Field(ge=2)] = Field(
        3, description="times a job is tried before it is a dead letter; from the second on it runs alone"
    )
    batch_size: Count = Field(8, description="pictures that share one call of the model")
    batch_pixels: Count = Field(4_194_304, description="pixels on the device that share one call")
    forward_seconds: Seconds = Field(
        300, description="how long one call of the model may take before its worker ends as stuck"
    )
    decode_threads: Count = Field(2, description="threads that decode pictures in a worker")
    heartbeat_seconds: Seconds = Field(2, description="how often a worker tells that it lives")
    drain_seconds: Seconds = Field(30, description="time to finish what is in hand when told to stop")
    notice_seconds: Annotated[float, Field(ge=0, le=60)] = Field(
        3, description="how long /readyz says 503 before the API of a deployment stops listening"
    )

    # Catalogues
    catalogue_schemes: Names = Field(
        ("file", "s3", "gs", "gcs", "az", "abfs", "abfss"),
        description="storages that a catalogue's table may name, by their fsspec schemes",
    )
    catalogue_part_seconds: Seconds = Field(5, description="how much of a catalogue's work waits to be kept")
    catalogue_part_rows: Count = Field(1_000, description="pictures of a catalogue that wait to be kept")
    catalogue_store_bytes: Annotated[int, Field(ge=80 * 2**20)] = Field(
        256 * 2**20, description="memory of the object store of a catalogue's own Ray"
    )

    @property
    def cache_ttl(self) -> int:
        """Seconds for which an answer serves equal requests; never longer than it is kept."""
        kept = self.result_ttl_seconds
        return kept if self.cache_ttl_seconds is None else min(kept, self.cache_ttl_seconds)

    @property
    def checkpoint_path(self) -> Path:
        """Directory that holds the checkpoint to serve."""
        return self.checkpoint if self.checkpoint is not None else _WEIGHTS / self.preset
