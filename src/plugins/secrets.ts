/** What a plugin was given in confidence is not told on: values of its variables are taken out of its texts. */

/** Shorter ones are hardly secrets, and would take words apart. */
const SHORTEST = 8;

/** The values of variables that are long enough to be secrets, the longest first: one may hold another. */
export function secretsOf(
  names: readonly string[],
  env: Record<string, string | undefined>,
): [name: string, value: string][] {
  return names.map((name): [string, string] => [name, env[name] ?? ""])
    .filter(([, value]) => value.length >= SHORTEST)
    .sort(([, a], [, b]) => b.length - a.length);
}

/** The text with `[NAME]` in place of each value. */
export function withoutSecrets(text: string, secrets: readonly [string, string][]): string {
  return secrets.reduce((left, [name, value]) => left.replaceAll(value, `[${name}]`), text);
}
