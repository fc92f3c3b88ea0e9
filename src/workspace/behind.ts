/**
 * How far a branch has gone on from a commit, without asking git each time: `list` wants to know it of every base.
 * Where the branch is at is read from git's files; only when that has changed is git asked, and the answer kept.
 */
import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import * as v from "valibot";
import { Cache } from "../platform/cache.ts";
import type { Git } from "./git.ts";

export async function behind(
  git: () => Git,
  cacheFolder: string,
  folder: string,
  branch: string,
  commit: string,
): Promise<number> {
  const state = stateOf(folder, branch);
  if (state === undefined || state === commit) return 0;
  const cache = new Cache(join(cacheFolder, "behind.json"), v.number());
  return await cache.get(folder, `${branch} ${commit} ${state}`, async () => {
    const range = `${commit}..refs/heads/${branch}`;
    return Number(await git().ask(folder, ["rev-list", "--count", range, "--"]) ?? 0);
  });
}

/** The commit that the branch is at, or something that changes when it does. */
function stateOf(folder: string, branch: string): string | undefined {
  const shared = sharedFolder(folder);
  if (!shared) return undefined;
  const loose = read(join(shared, "refs", "heads", branch))?.trim();
  if (loose) return loose;
  const packed = ["packed-refs", join("reftable", "tables.list")].map((name) =>
    statSync(join(shared, name), { throwIfNoEntry: false })
  );
  return packed.some(Boolean)
    ? packed.map((it) => `${it?.mtimeMs} ${it?.size}`).join(" ")
    : undefined;
}

/** git's own folder of the clone, found from a folder inside of it as git finds it. */
function sharedFolder(folder: string): string | undefined {
  const dot = join(folder, ".git");
  const stats = statSync(dot, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return dot;
  if (!stats) {
    return resolve(folder, "..") === folder ? undefined : sharedFolder(resolve(folder, ".."));
  }
  const own = /^gitdir: (.+)$/m.exec(read(dot) ?? "")?.[1];
  if (!own) return undefined;
  const path = resolve(folder, own);
  return resolve(path, read(join(path, "commondir"))?.trim() ?? ".");
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
