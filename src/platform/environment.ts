/**
 * The variables by which opencode, what it runs, and the supervisor go. A process that stays keeps those that it was
 * started with, so it has to be told apart from one that would be started now. Others differ from shell to shell and
 * mean nothing here.
 */
type Environment = Record<string, string | undefined>;

/** opencode itself, its providers' keys and addresses, and how the network is reached. */
const OPENCODES = [
  /^(?:PATH|HOME|SHELL|LANG|LC_ALL|SSH_AUTH_SOCK|GIT_SSH_COMMAND)$/,
  /^XDG_(?:CONFIG|DATA|STATE|CACHE)_HOME$/,
  /^(?:OPENCODE|AWS|AZURE|GOOGLE|VERTEX|ANTHROPIC|OPENAI|CLOUDFLARE|OLLAMA)_/,
  /_(?:API_?KEY|KEY|TOKEN|PAT|SECRET|BASE_URL|ENDPOINT)$/,
  /^(?:GCP|GCLOUD)_PROJECT$/,
  /_proxy$/i,
  /^(?:NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR)$/,
];
/** Settings that the supervisor itself reads; those of a turn come with the turn. */
const SUPERVISORS =
  /^KUGETSU_(?:OPENCODE|SUPERVISOR_IDLE|LOGS_MEGABYTES|FORGE_TOKENS|PLUGIN_TIMEOUT)$/;

/** What opencode goes by. */
export function opencodesVariables(env: Environment): Record<string, string> {
  return chosen(env, (name) => OPENCODES.some((it) => it.test(name)));
}

/** For each variable that counts a digest of its value, which tells nothing of it. */
export async function environmentDigest(env: Environment): Promise<Record<string, string>> {
  const counting = chosen(
    env,
    (name) => SUPERVISORS.test(name) || OPENCODES.some((it) => it.test(name)),
  );
  const digests = Object.entries(counting).map(async ([name, value]) =>
    [name, await digestOf(`${name}=${value}`)] as const
  );
  return Object.fromEntries(await Promise.all(digests));
}

/** The runtime's own SHA-256: loading node's takes longer than all else that is done to ask the supervisor. */
async function digestOf(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Buffer.from(bytes).toString("hex").slice(0, 12);
}

/** The names of those that are not the same. */
export function differing(one: Record<string, string>, other: Record<string, string>): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => one[name] !== other[name]).sort();
}

function chosen(env: Environment, counts: (name: string) => boolean): Record<string, string> {
  const entries = Object.entries(env).filter((it): it is [string, string] =>
    it[1] !== undefined && counts(it[0])
  );
  return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1));
}
