"""What the service itself sends: the end of a job, to the address that its caller named."""

from __future__ import annotations

from typing import Any

from service.web.openapi import answers

_HEADERS = {
    "webhook-id": "The same each time that a message is sent again",
    "webhook-timestamp": "Seconds since the epoch at which this try was signed",
    "webhook-signature": "Signatures as of Standard Webhooks: v1 and base64, parted by spaces",
}


def job_ended() -> dict[str, Any]:
    """The callback of a request with `callback_url`, for an operation's `callbacks`."""
    told = {
        "operationId": "jobEnded",
        "tags": ["Jobs"],
        "summary": "A job has ended",
        "description": "Tried again, with growing pauses, until the receiver answers 2xx or 410.",
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "description": text,
                "schema": {"type": "string"},
            }
            for name, text in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": answers.reference("JobAnswer")}},
        },
        "responses": {
            "2XX": {"description": "Received"},
            "410": {"description": "Wanted no more: nothing is sent again"},
        },
    }
    return {"jobEnded": {"{$request.body#/callback_url}": {"post": told}}}
