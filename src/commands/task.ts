/** What a turn is told of the issue: the whole of it, or what is new in it. */
import type { Issue, IssueRef } from "../api/mod.ts";
import { errors, KugetsuError } from "../errors.ts";
import {
  commentsSince,
  commentsThatCount,
  DEFAULT_TEMPLATE,
  fencedComments,
  fencedIssue,
  taskFrom,
} from "../session/issue_text.ts";
import { formatRef } from "../session/ref.ts";
import type { Context } from "./context.ts";

export interface IssueFlags {
  withIssue?: true | undefined;
  closed?: true | undefined;
}

export interface Task {
  message: string;
  /** Only if it was read. */
  issue?: Issue | undefined;
}

/** The message as given, with the issue behind it, or, without a message, what the template makes of the issue. */
export async function taskFor(
  context: Context,
  ref: IssueRef,
  message: string | undefined,
  flags: IssueFlags,
): Promise<Task> {
  if (message !== undefined && !flags.withIssue) {
    if (!flags.closed) return { message };
    throw errors.usage("Cannot use --closed with a message alone: the issue is not read then", {
      hint: "give --with-issue too, or leave --closed out",
    });
  }
  const issue = await readIssue(context, ref, flags);
  const text = await issueText(context, issue);
  if (message !== undefined) return { message: `${message}\n\n${text}`, issue };
  const values = { ref: formatRef(ref), url: issue.url, issue: text };
  return { message: taskFrom(await template(context), values), issue };
}

/** What is new since a time, behind the message if there is one; undefined if nothing is new. */
export async function newsFor(
  context: Context,
  ref: IssueRef,
  message: string | undefined,
  flags: IssueFlags & { since: string },
): Promise<Task | undefined> {
  const issue = await readIssue(context, ref, flags);
  const { comments: whose } = (await context.config()).plugins();
  const fresh = commentsSince(commentsThatCount(issue, whose), flags.since);
  if (fresh.length === 0) return message === undefined ? undefined : { message, issue };
  const intro = message ?? `There are new comments on the issue ${formatRef(ref)}.`;
  return { message: `${intro}\n\n${fencedComments(fresh, markFrom(context))}`, issue };
}

/** The issue as the agent sees it. */
export async function issueText(context: Context, issue: Issue): Promise<string> {
  const { comments: whose } = (await context.config()).plugins();
  return fencedIssue(issue, commentsThatCount(issue, whose), markFrom(context));
}

async function readIssue(
  context: Context,
  ref: IssueRef,
  { closed, since }: IssueFlags & { since?: string },
): Promise<Issue> {
  context.output.debug(`reading the issue ${formatRef(ref)}`);
  const plugins = await context.plugins();
  const issue = await plugins.issue(ref, since === undefined ? {} : { since });
  if (issue.state === "closed" && !closed) throw errors.issueClosed(formatRef(ref));
  return issue;
}

/** @throws bad-setting, unreadable */
async function template(context: Context): Promise<string> {
  const { template: path } = (await context.config()).plugins();
  if (path === undefined) return DEFAULT_TEMPLATE;
  const text = await context.readFile(path);
  if (text.includes("{issue}")) return text;
  throw errors.badSetting("issue.template", path, "the file does not hold {issue}");
}

function markFrom(context: Context): string {
  return context.newId().replaceAll("-", "").slice(-10);
}

/** A turn needs a message; where there is no forge to be asked for the issue, that is what is wrong. */
export function needsMessage(error: unknown, host: string, next: string): unknown {
  return error instanceof KugetsuError && error.code === "no-forge"
    ? errors.noMessage(host, next)
    : error;
}
