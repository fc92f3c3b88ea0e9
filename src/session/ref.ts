/**
 * Issue refs: `instance/user/repo#number`, and the other spellings that mean the same issue.
 *
 * Hosts and names are lower-cased: every forge we know treats `Shoko/Kugetsu` and `shoko/kugetsu` as one
 * repository, and one issue must never get two sessions by its spelling.
 */
import type { IssueRef } from "../api/mod.ts";
import { errors } from "../errors.ts";

export type { IssueRef };

/** A repository on a forge: a ref without the number. */
export type Repository = Omit<IssueRef, "number">;

const HOST =
  /^(?:localhost|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)(?::\d{1,5})?$/;
/** What a host may be written with and stay the same: the port that is meant anyway, and www. of those we know. */
const SAME_HOST = /^www\.(?=(?:github\.com|gitlab\.com|codeberg\.org)(?::443)?$)|:443$/g;
const SEGMENT = /^~?[a-z0-9._-]+$/;
const NUMBER = /^[1-9]\d{0,14}$/;
const LONGEST = 1000;
const SHORT = /^#?([0-9]+)$/;

/** The canonical spelling, `github.com/shoko/kugetsu#14`; also the key in the index. */
export function formatRef(ref: IssueRef): string {
  return `${formatRepository(ref)}#${ref.number}`;
}

export function formatRepository(repository: Repository): string {
  return [repository.host, ...repository.project].join("/");
}

/** Two spellings of one issue have the same fold. Also works for keys an older tool wrote. */
export function foldRef(text: string): string {
  return text.toLowerCase().replace(/\.git(?=#)/, "");
}

/** The number of a short ref, `14` or `#14`; undefined for anything else. */
export function shortNumber(text: string): string | undefined {
  return SHORT.exec(text.trim())?.[1];
}

/**
 * Reads a ref in its canonical form or as an issue's web address.
 *
 * @throws bad-ref, with what is wrong and an example
 */
export function parseRef(text: string): IssueRef {
  const trimmed = text.trim();
  if (trimmed === "") throw errors.badRef(text, "it is empty");
  if (trimmed.length > LONGEST) throw errors.badRef(text, "it is too long");
  const fromUrl = parseIssueUrl(trimmed);
  if (fromUrl) return fromUrl;
  const [path, number, ...more] = trimmed.split("#");
  if (number === undefined || more.length > 0) {
    throw errors.badRef(text, "it needs exactly one # before the number");
  }
  return makeRef(path!, number, text);
}

/** The same for a key of the index; undefined for one that an older tool wrote and that is no ref. */
export function refOfKey(key: string): IssueRef | undefined {
  try {
    return parseRef(key);
  } catch {
    return undefined;
  }
}

/** Builds a ref from a repository and a number as typed. */
export function refInRepository(repository: Repository, number: string, typed: string): IssueRef {
  return makeRef(formatRepository(repository), number, typed);
}

function makeRef(path: string, number: string, typed: string): IssueRef {
  if (path.length > LONGEST) throw errors.badRef(typed, "it is too long");
  // As in an address to clone from: no forge lets a repository's own name end so.
  const [spelled, ...project] = path.toLowerCase().replace(/\.git$/, "").split("/");
  const host = spelled!.replace(SAME_HOST, "");
  if (project.length < 2) {
    throw errors.badRef(typed, "an instance, a user and a repository are needed");
  }
  const why = whyNoHost(host);
  if (why) throw errors.badRef(typed, why);
  const odd = project.find((segment) => !SEGMENT.test(segment) || /^\.+$/.test(segment));
  if (odd !== undefined) throw errors.badRef(typed, `"${odd}" is not a name on a forge`);
  if (!NUMBER.test(number)) {
    throw errors.badRef(typed, `"${number}" is not an issue number`);
  }
  return { host, project, number };
}

/** Why a host, in lower case, can be none of a forge; undefined where it can. */
export function whyNoHost(host: string): string | undefined {
  if (!HOST.test(host)) return `"${host}" is not a host`;
  if (!/[.:]/.test(host) && host !== "localhost") {
    return `"${host}" is not a whole host name (as in github.com)`;
  }
  const [, port] = host.split(":");
  const isPort = port === undefined || (!port.startsWith("0") && Number(port) <= 65535);
  return isPort ? undefined : `"${port}" is not a port`;
}

/** Which part of a web address names the repository, for the forges whose addresses we know. */
const ISSUE_PATHS: Record<string, { issue: RegExp; request: RegExp }> = {
  "github.com": {
    issue: /^\/([^/]+\/[^/]+)\/issues\/(\d+)\/?$/,
    request: /^\/[^/]+\/[^/]+\/pull\/\d+/,
  },
  "gitlab.com": {
    issue: /^\/(.+?)(?:\/-)?\/(?:issues|work_items)\/(\d+)\/?$/,
    request: /\/merge_requests\/\d+/,
  },
  "codeberg.org": {
    issue: /^\/([^/]+\/[^/]+)\/issues\/(\d+)\/?$/,
    request: /^\/[^/]+\/[^/]+\/pulls\/\d+/,
  },
};

function parseIssueUrl(text: string): IssueRef | undefined {
  const scheme = /^https?:\/\//i.test(text);
  const bare =
    /^(?:www\.)?(github\.com|gitlab\.com|codeberg\.org)\/.*\/(?:issues|work_items|pulls?|merge_requests)\/\d/i;
  if (!scheme && !bare.test(text)) {
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
      throw errors.badRef(text, "only http and https addresses are read");
    }
    return undefined;
  }
  const url = URL.parse(scheme ? text : `https://${text}`);
  if (!url) throw errors.badRef(text, "it is not a web address");
  const host = url.host.replace(/^www\./, "");
  const paths = ISSUE_PATHS[host];
  if (!paths) {
    throw errors.badRef(text, `addresses of "${host}" are not known`);
  }
  if (paths.request.test(url.pathname)) {
    throw errors.badRef(text, "it is a pull or merge request, not an issue");
  }
  const found = paths.issue.exec(url.pathname);
  if (!found) throw errors.badRef(text, "it is not the address of an issue");
  return makeRef(`${host}/${found[1]}`, found[2]!, text);
}

/** Where forges take SSH on port 443, for networks that let nothing else out. */
const SSH_HOSTS: Record<string, string> = {
  "ssh.github.com": "github.com",
  "altssh.gitlab.com": "gitlab.com",
};

/**
 * The repository that a git remote points to, or undefined where it points to no forge (a local path).
 * Credentials in the address are dropped; an ssh port is not part of a forge's name.
 */
export function repositoryOfRemote(remote: string): Repository | undefined {
  const text = remote.trim();
  const url = /^(https?|ssh|git\+ssh|git):\/\//i.test(text) ? URL.parse(text) : undefined;
  const scp = url ? null : /^(?:[^@/\s]+@)?([a-z0-9.-]+):(?!\/\/)(.+)$/i.exec(text);
  const named = url ? (url.protocol.startsWith("http") ? url.host : url.hostname) : scp?.[1];
  const host = named && (SSH_HOSTS[named.toLowerCase()] ?? named);
  const path = url ? url.pathname : scp?.[2];
  if (!host || !path) return undefined;
  const project = path.toLowerCase().replace(/\.git\/?$/, "").split("/").filter(Boolean);
  if (project.length < 2 || !project.every((segment) => SEGMENT.test(segment))) return undefined;
  return { host: host.toLowerCase(), project };
}
