// The question of this page as a curl command that asks the same.

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A command for a POSIX shell; the key is left to a variable, so that no copy of it lies around. */
export function curl({ file, prompts, bodyParts, minScore }, { address, keyed }) {
  // Inside a form field curl reads a name in double quotes, with \ before " and \.
  const name = (file?.name || "photo.jpg").replace(/["\\]/g, "\\$&");
  const words = file?.source  // a sample lies on no disk of the caller's
    ? [`curl -sf ${quoted(file.source)} | curl ${quoted(address)}`, `-F ${quoted(`image=@-;filename="${name}"`)}`]
    : [`curl ${quoted(address)}`, `-F ${quoted(`image=@"${name}"`)}`];
  if (keyed) words.push('-H "Authorization: Bearer $SPECTRUM_KEY"');
  // --form-string: a prompt that begins with @ or < names no file.
  for (const prompt of prompts) words.push(`--form-string ${quoted(`prompts=${prompt}`)}`);
  if (bodyParts) words.push("-F body_parts=true");
  if (minScore) words.push(`-F min_score=${minScore}`);
  return words.join(" \\\n  ");
}
