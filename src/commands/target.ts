/** From what the user typed to an issue: whole refs, web addresses, and numbers of the current repository. */
import { errors, KugetsuError } from "../errors.ts";
import {
  formatRef,
  formatRepository,
  type IssueRef,
  parseRef,
  refInRepository,
  repositoryOfRemote,
  shortNumber,
  whyNoHost,
} from "../session/ref.ts";
import type { Context } from "./context.ts";

/** @throws bad-ref, no-origin, no-git */
export async function resolveRef(context: Context, typed: string): Promise<IssueRef> {
  const number = shortNumber(typed);
  if (number === undefined) return await readRef(context, typed);
  const workspace = await context.workspace();
  const origin = await workspace.remote(context.cwd, "origin");
  if (!origin) {
    workspace.git(); // without it there is no telling whether there is one
    throw errors.noOrigin(typed, context.cwd, "the folder has no git remote called origin");
  }
  const repository = repositoryOfRemote(origin);
  if (!repository) {
    throw errors.noOrigin(typed, context.cwd, "its origin is not a repository on a forge");
  }
  const why = whyNoHost(repository.host);
  if (why) throw errors.noOrigin(typed, context.cwd, `in its remote origin, ${why}`);
  return refInRepository(repository, number, typed);
}

/**
 * What an issue is called that is only looked at or taken away: a key of the index as it stands there, which need not be
 * a ref where an older tool wrote it, or else the ref that was typed. @throws bad-ref, no-origin, no-git
 */
export async function resolveKey(context: Context, typed: string): Promise<string> {
  const keys = await context.issueKeys();
  return keys.includes(typed) ? typed : formatRef(await resolveRef(context, typed));
}

/** Several of them, each once. @throws bad-ref, no-origin, no-git */
export async function resolveKeys(context: Context, typed: string[]): Promise<string[]> {
  return [...new Set(await Promise.all(typed.map((it) => resolveKey(context, it))))];
}

/** A repository as it was typed, in the spelling that bases have. @throws bad-repository */
export function asRepository(typed: string): string {
  try {
    return formatRepository(parseRef(`${typed.trim()}#1`));
  } catch (error) {
    if (!(error instanceof KugetsuError)) throw error;
    throw errors.badRepository(typed);
  }
}

/** What only a forge can read: an address of a host that kugetsu itself does not know, or a plugin's own spelling. */
async function readRef(context: Context, typed: string): Promise<IssueRef> {
  try {
    return parseRef(typed);
  } catch (error) {
    if (!/^https?:\/\/\S+$/i.test(typed.trim()) && !context.hasPlugins()) throw error;
    const found = await askForges(context, typed.trim());
    if (!found) throw error;
    return refInRepository(found, found.number, typed);
  }
}

async function askForges(context: Context, text: string): Promise<IssueRef | undefined> {
  try {
    return await (await context.plugins()).parse(text);
  } catch (error) {
    if (error instanceof KugetsuError && error.code === "no-forge") return undefined;
    throw error;
  }
}
