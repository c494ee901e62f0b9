// The question of this page as a curl command that asks the same.

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A command for a POSIX shell; the key is left to a variable, so that no copy of it lies around. */
export function curl({ file, prompts, bodyParts, minScore }, { address, keyed }) {
  // Inside a form field curl reads a name in double quotes, with \ before " and \.
  const name = (file?.name || "photo.jpg").replace(/["\\]/g, "\\$&");
  const parts = [`curl ${quoted(address)}`, `-F ${quoted(`image=@"${name}"`)}`];
  if (keyed) parts.push('-H "Authorization: Bearer $SPECTRUM_KEY"');
  // --form-string: a prompt that begins with @ or < names no file.
  for (const prompt of prompts) parts.push(`--form-string ${quoted(`prompts=${prompt}`)}`);
  if (bodyParts) parts.push("-F body_parts=true");
  if (minScore) parts.push(`-F min_score=${minScore}`);
  return parts.join(" \\\n  ");
}
