/** Whether what an issue did has arrived where it should go. */
import type { Worktree } from "../session/record.ts";
import type { Git } from "./git.ts";
import { tipOf } from "./inspect.ts";

/**
 * Commits that were squashed or picked are others, and do not count: then it takes a look, and `destroy`.
 */
export async function isMerged(
  git: Git,
  { repository, branch, from }: Worktree,
  into = "HEAD",
): Promise<boolean> {
  const tip = await tipOf(git, repository, branch);
  if (!tip || tip === from) return false;
  for (const target of [into, `${into}@{upstream}`]) {
    const args = ["merge-base", "--is-ancestor", tip, target];
    if ((await git.run(repository, args)).code === 0) return true;
  }
  return false;
}
