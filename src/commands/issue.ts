/** `kugetsu issue` and `kugetsu open`: an issue as the agent would see it, and its web address. */
import { type Host, newCommand } from "./define.ts";
import { EXIT, type ExitStatus } from "../errors.ts";
import { formatRef } from "../session/ref.ts";
import type { Context } from "./context.ts";
import { resolveRef } from "./target.ts";
import { issueText } from "./task.ts";

export async function showIssue(context: Context, typed: string): Promise<ExitStatus> {
  const ref = await resolveRef(context, typed);
  const issue = await (await context.plugins()).issue(ref);
  const text = await issueText(context, issue);
  context.output.result({ issue_ref: formatRef(ref), ...issue, text }, `${text}\n`);
  return EXIT.ok;
}

export async function showAddress(context: Context, typed: string): Promise<ExitStatus> {
  const ref = await resolveRef(context, typed);
  const url = await (await context.plugins()).url(ref);
  context.output.result({ issue_ref: formatRef(ref), url }, `${url}\n`);
  return EXIT.ok;
}

const REF = "the issue: instance/user/repo#number, its web address, or its number";

export function issueCommand(host: Host) {
  return newCommand("issue", "show an issue of a forge as the agent would see it", [
    "kugetsu issue github.com/shoko/kugetsu#14",
  ])
    .argument("<ref>", REF)
    .action((ref, options) => host.run("issue", options, (context) => showIssue(context, ref)));
}

export function openCommand(host: Host) {
  return newCommand("open", "print the web address of an issue", [
    "kugetsu open 14",
    'xdg-open "$(kugetsu open 14)"',
  ])
    .argument("<ref>", REF)
    .action((ref, options) => host.run("open", options, (context) => showAddress(context, ref)));
}
