// What to do about a problem, in one sentence, by its stable code and else by its status.

const BY_CODE = {
  unreachable: "Check your connection and that the service is running, then try again.",
  image_type_unsupported: "Choose a JPEG, PNG or WebP. Photos in other formats, such as HEIC, have to be converted first.",
  image_undecodable: "The file is damaged or was cut short. Save or export it again.",
  image_animated: "Choose a still picture, or save one frame of this one.",
  image_empty: "The file has nothing in it. Choose another.",
  image_too_large: "Save the photo smaller or with more compression, then try again.",
  body_too_large: "Save the photo smaller or with more compression, then try again.",
  image_too_many_pixels: "Scale the photo down; 2,000 pixels on the longer side are plenty.",
  too_many_prompts: "Remove some of the prompts.",
  invalid_prompt: "Shorten or reword the prompt.",
  api_key_missing: "Enter your API key under Options.",
  api_key_invalid: "Check the API key under Options.",
  api_key_revoked: "Ask whoever runs this service for a new key.",
  api_key_expired: "Ask whoever runs this service for a new key.",
  quota_exceeded: "This key has used up its day. It starts anew at midnight UTC.",
  deadline_exceeded: "The service was too busy to answer in time. Try again.",
  job_expired: "The photo waited too long. Try again.",
  job_cancelled: "Send it again whenever you like.",
  parse_failed: "This picture is one that the model cannot take. Another may well work; please report the request id.",
};
const BY_STATUS = {
  401: "Enter a valid API key under Options.",
  403: "This key may not do that.",
  408: "The upload took too long. Try a smaller photo or a better connection.",
  429: "This key has reached its limit for now. Wait a little, then try again.",
  503: "The service is busy or starting. Wait a little, then try again.",
};

/** One sentence for a Problem. */
export function advice({ code, status, retryAfter }) {
  const wait = retryAfter ? ` It asks for ${retryAfter} second${retryAfter === 1 ? "" : "s"}.` : "";
  const known = BY_CODE[code] ?? BY_STATUS[status];
  if (known) return known + wait;
  return status >= 500 ? "The fault is the service’s. Try again, and report the request id if it stays." : "Change the request as described, then try again.";
}
