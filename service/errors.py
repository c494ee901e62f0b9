"""Every failure that a caller may see: one class each, with a stable code, as RFC 9457 tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

CONTENT_TYPE = "application/problem+json"
_OWN_MEMBERS = frozenset({"type", "title", "status", "detail", "instance", "code"})


class SpectrumError(Exception):
    """A failure that its caller is told of.

    `detail` speaks of this one occurrence and must hold nothing secret; `retry_after` is in whole
    seconds; further members (`limit=64`) travel as extension members of the problem document.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "The service failed"

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None, **members: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.retry_after = retry_after
        self.members = members

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers that go with the problem document."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}

    def problem(self, instance: str | None = None) -> dict[str, Any]:
        """The failure as an RFC 9457 document; `instance` is the path of the request or job."""
        document: dict[str, Any] = {
            "type": f"urn:problem-type:spectrum:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if instance is not None:
            document["instance"] = instance
        if self.retry_after is not None:
            document["retry_after"] = self.retry_after
        return document | self.members


class InternalError(SpectrumError):
    """Something that we did not foresee; the detail never tells what."""


# The request


class MalformedBody(SpectrumError):
    """The body is no JSON object, or no multipart form."""

    code, status, title = "malformed_body", 400, "The body cannot be read"


class NotFound(SpectrumError):
    """No such route."""

    code, status, title = "not_found", 404, "There is nothing at this address"


class MethodNotAllowed(SpectrumError):
    """The route exists, the method does not."""

    code, status, title = "method_not_allowed", 405, "This address does not take this method"


class BodyTooLarge(SpectrumError):
    """More bytes than the body limit."""

    code, status, title = "body_too_large", 413, "The body is too large"


class NotAcceptable(SpectrumError):
    """The answer cannot be had in any format that `Accept` or `format` names."""

    code, status, title = "not_acceptable", 406, "The answer does not come in this format"


class MasksMissing(SpectrumError):
    """The job was asked for without masks, of which drawings and exports are made."""

    code, status, title = "masks_missing", 409, "The answer has no masks"


class UnsupportedMediaType(SpectrumError):
    """Neither multipart/form-data nor application/json."""

    code, status, title = "unsupported_media_type", 415, "This content type is not taken"


class InvalidField(SpectrumError):
    """A field is of the wrong type, out of range or unknown."""

    code, status, title = "invalid_field", 422, "A field is not valid"


class ConflictingFields(SpectrumError):
    """Two fields that exclude each other, such as prompts and a caption."""

    code, status, title = "conflicting_fields", 422, "Two fields exclude each other"


class TooManyPrompts(SpectrumError):
    """More prompts than the limit."""

    code, status, title = "too_many_prompts", 422, "There are too many prompts"


class InvalidPrompt(SpectrumError):
    """A prompt is empty, too long or holds control characters."""

    code, status, title = "invalid_prompt", 422, "A prompt is not valid"


class InvalidCaption(SpectrumError):
    """A caption is empty, too long or names nothing."""

    code, status, title = "invalid_caption", 422, "The caption is not valid"


class UploadTimeout(SpectrumError):
    """The body did not arrive within the time limit."""

    code, status, title = "upload_timeout", 408, "The upload took too long"


class TooManyImages(SpectrumError):
    """More pictures in a batch than the limit."""

    code, status, title = "too_many_images", 422, "There are too many pictures"


# The caller


class ApiKeyMissing(SpectrumError):
    """The service needs an API key and the request has none."""

    code, status, title = "api_key_missing", 401, "An API key is needed"


class ApiKeyInvalid(SpectrumError):
    """No key of this service."""

    code, status, title = "api_key_invalid", 401, "The API key is not valid"


class ApiKeyRevoked(SpectrumError):
    """The key was revoked."""

    code, status, title = "api_key_revoked", 403, "The API key was revoked"


class ApiKeyExpired(SpectrumError):
    """The key's time is over."""

    code, status, title = "api_key_expired", 403, "The API key has expired"


class RateLimited(SpectrumError):
    """The key has sent its pictures of this minute."""

    code, status, title = "rate_limited", 429, "The key's rate limit is reached"


class ConcurrencyLimited(SpectrumError):
    """The key has as many requests open as it may."""

    code, status, title = "concurrency_limited", 429, "The key has too many requests open"


class QuotaExceeded(SpectrumError):
    """The key has sent its pictures of this day (UTC)."""

    code, status, title = "quota_exceeded", 429, "The key's daily quota is used up"


# The picture


class ImageMissing(SpectrumError):
    """The request has no picture."""

    code, status, title = "image_missing", 422, "There is no picture"


class ImageEmpty(SpectrumError):
    """A picture of no bytes."""

    code, status, title = "image_empty", 422, "The picture has no bytes"


class ImageBase64Invalid(SpectrumError):
    """`image.base64` does not decode."""

    code, status, title = "image_base64_invalid", 422, "The picture's base64 does not decode"


class UrlInputUnavailable(SpectrumError):
    """The operator has switched pictures by URL off."""

    code, status, title = "url_input_unavailable", 422, "Pictures are not fetched by URL"


class ImageTypeUnsupported(SpectrumError):
    """Bytes that are no JPEG, PNG or WebP."""

    code, status, title = "image_type_unsupported", 415, "This picture format is not taken"


class ImageUndecodable(SpectrumError):
    """A picture of a known format whose header or data is torn."""

    code, status, title = "image_undecodable", 422, "The picture is broken"


class ImageAnimated(SpectrumError):
    """More frames than the limit."""

    code, status, title = "image_animated", 422, "The picture has too many frames"


class ImageTooLarge(SpectrumError):
    """More bytes than the limit of one picture."""

    code, status, title = "image_too_large", 413, "The picture has too many bytes"


class ImageTooManyPixels(SpectrumError):
    """More pixels than the limit, by the header: nothing was decoded."""

    code, status, title = "image_too_many_pixels", 413, "The picture has too many pixels"


# The picture's URL


class UrlInvalid(SpectrumError):
    """No URL, or not one of a picture: another scheme, a user in it, no host."""

    code, status, title = "url_invalid", 422, "The picture's URL is not valid"


class UrlRefused(SpectrumError):
    """The URL, or a redirect of it, leads to an address or port that is not called."""

    code, status, title = "url_refused", 422, "The picture's URL is not one that is fetched"


class UrlUnreachable(SpectrumError):
    """The URL's host does not exist, takes no connection, or speaks no HTTP."""

    code, status, title = "url_unreachable", 422, "The picture's URL cannot be reached"


class UrlTimeout(SpectrumError):
    """The URL's host took too long."""

    code, status, title = "url_timeout", 422, "The picture's URL took too long"


class UrlTooLarge(SpectrumError):
    """More bytes at the URL than the limit of one picture."""

    code, status, title = "url_too_large", 413, "The picture at the URL has too many bytes"


class UrlNotFound(SpectrumError):
    """The URL's host answered other than with 200; `upstream_status` tells with what."""

    code, status, title = "url_not_found", 422, "There is no picture at the URL"


class TooManyRedirects(SpectrumError):
    """The URL led from one address to the next more often than the limit."""

    code, status, title = "too_many_redirects", 422, "The picture's URL redirects too often"


# The job


class JobNotFound(SpectrumError):
    """No job of this id, or one forgotten long ago."""

    code, status, title = "job_not_found", 404, "There is no such job"


class JobCancelled(SpectrumError):
    """The job was cancelled before it ended."""

    code, status, title = "job_cancelled", 410, "The job was cancelled"


class JobExpired(SpectrumError):
    """The picture waited too long for a worker, or the answer is no longer kept."""

    code, status, title = "job_expired", 410, "The job has expired"


class CallbackUnavailable(SpectrumError):
    """The service has no secret to sign callbacks with, so it makes none."""

    code, status, title = "callback_unavailable", 422, "Callbacks are not made here"


class IdempotencyKeyReused(SpectrumError):
    """The Idempotency-Key was used before, with another request."""

    code, status, title = "idempotency_key_reused", 422, "This idempotency key belongs to another request"


class DeadlineExceeded(SpectrumError):
    """The caller's deadline passed before the model began."""

    code, status, title = "deadline_exceeded", 504, "The deadline has passed"


class ParseFailed(SpectrumError):
    """The model raised on this picture."""

    code, status, title = "parse_failed", 500, "The picture could not be parsed"


class DeliveryLimit(SpectrumError):
    """Every worker that took the job vanished."""

    code, status, title = "delivery_limit", 500, "The job was given up after repeated failures"


# The system


class Overloaded(SpectrumError):
    """The queue holds as many jobs as it may."""

    code, status, title = "overloaded", 503, "The service is at its limit"


class QueueOutOfMemory(SpectrumError):
    """Redis has no memory left for another picture."""

    code, status, title = "queue_out_of_memory", 503, "The queue is out of memory"


class QueueUnavailable(SpectrumError):
    """Redis does not answer."""

    code, status, title = "queue_unavailable", 503, "The queue cannot be reached"


class TooManyStreams(SpectrumError):
    """This process serves as many event streams as it may."""

    code, status, title = "too_many_streams", 503, "There are too many event streams"


class NotReady(SpectrumError):
    """No worker is there to take jobs."""

    code, status, title = "not_ready", 503, "The service is not ready"


def _table() -> dict[str, type[SpectrumError]]:
    return {kind.code: kind for kind in SpectrumError.__subclasses__()}


ERRORS: Mapping[str, type[SpectrumError]] = _table()


def from_problem(document: Mapping[str, Any]) -> SpectrumError:
    """The failure that `problem` told of, such as the one kept with a failed job."""
    kind = ERRORS.get(str(document.get("code")), InternalError)
    members = {key: value for key, value in document.items() if key not in _OWN_MEMBERS}
    return kind(str(document.get("detail", kind.title)), **members)
