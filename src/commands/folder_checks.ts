/** What doctor finds of the folders that turns run in. */
import { KugetsuError } from "../errors.ts";
import type { MadeSession } from "../session/record.ts";
import type { StoredSession } from "../store/mod.ts";
import { attempt, type Line } from "./checks.ts";
import type { Context } from "./context.ts";

/** Who works in a folder. */
interface Users {
  bases: number;
  issues: string[];
}

/** Folders that are moved or gone, each in one line, however many sessions share it. */
export function checkFolders(context: Context): Promise<Line[]> {
  return attempt("folders", async () => {
    const [store, workspace] = await Promise.all([context.store(), context.workspace()]);
    const { sessions } = await store.list();
    const users = usersOf(await store.bases(), sessions);
    return [...users].flatMap(([folder, of]) => {
      try {
        workspace.folder(folder, `the folder of ${inWords(of)}`);
        return [];
      } catch (error) {
        if (!(error instanceof KugetsuError)) throw error;
        return [lineOf(error.message, of)];
      }
    });
  });
}

/** A worktree is left out: it is made again where it is missing. */
function usersOf(bases: readonly MadeSession[], sessions: readonly StoredSession[]) {
  const users = new Map<string, Users>();
  const of = (folder: string) => {
    const found = users.get(folder) ?? { bases: 0, issues: [] };
    users.set(folder, found);
    return found;
  };
  for (const { directory } of bases) if (directory) of(directory).bases++;
  for (const { key, record } of sessions) {
    if (record?.directory && !record.worktree) of(record.directory).issues.push(key);
  }
  return users;
}

function inWords({ bases, issues }: Users): string {
  const [first, ...more] = issues;
  const many = more.length > 0 ? `${issues.length} issues` : first;
  return [bases > 0 ? "the base" : undefined, many].filter(Boolean).join(" and ");
}

/** opencode ties a session to its folder: elsewhere only a new one helps. */
function lineOf(text: string, { bases, issues: [issue, ...more] }: Users): Line {
  const line = { check: "folders", ok: false, text };
  if (bases > 0) {
    const hint = "in its new place, for new issues; the old ones need the folder put back";
    return { ...line, next: "kugetsu init --force", hint: issue ? hint : "in its new place" };
  }
  const next = more.length > 0 ? undefined : `kugetsu destroy ${JSON.stringify(issue)} -y`;
  return { ...line, next, hint: next ? "or put the folder back" : "put the folder back" };
}
