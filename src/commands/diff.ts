/** `kugetsu diff`: what an issue changed in its worktree since the commit that it began at. */
import { type Host, newCommand } from "./define.ts";
import { errors, EXIT, type ExitStatus } from "../errors.ts";
import type { DiffSummary } from "../workspace/mod.ts";
import type { Context } from "./context.ts";
import { recordOf } from "./path.ts";

export interface DiffOptions {
  stat?: boolean | undefined;
}

export async function diff(
  context: Context,
  typed: string,
  { stat }: DiffOptions,
): Promise<ExitStatus> {
  const { output } = context;
  const { key, record } = await recordOf(context, typed);
  const { worktree, directory } = record;
  if (!worktree) throw errors.noWorktree(key, directory ?? ".");
  const workspace = await context.workspace();
  if (output.json) {
    const { from, branch } = worktree;
    const summary = await workspace.diffSummary(worktree);
    output.result({ issue_ref: key, from, branch, ...summary, ...totalOf(summary) }, "");
    return EXIT.ok;
  }
  const options = { stat: stat === true, colour: output.colour };
  let isEmpty = true;
  await workspace.diff(worktree, options, (text) => {
    isEmpty = false;
    output.write(text);
  });
  if (isEmpty) output.note(`${key} has changed nothing since ${worktree.from.slice(0, 10)}.`);
  return EXIT.ok;
}

function totalOf({ files }: DiffSummary): { added: number; deleted: number } {
  return {
    added: files.reduce((sum, file) => sum + (file.added ?? 0), 0),
    deleted: files.reduce((sum, file) => sum + (file.deleted ?? 0), 0),
  };
}

export function diffCommand(host: Host) {
  return newCommand("diff", "show what an issue changed, committed or not", [
    "kugetsu diff github.com/shoko/kugetsu#14",
    "kugetsu diff 14 --stat",
    "kugetsu diff 14 --json   # the files, with their counts of lines",
  ])
    .argument("<ref>", "the issue")
    .option("--stat", "the files alone, with how much changed in each")
    .action((ref, options) => host.run("diff", options, (context) => diff(context, ref, options)));
}
