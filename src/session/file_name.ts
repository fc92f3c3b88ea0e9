/**
 * The file that keeps an issue's session, named so that no two issues can share one.
 *
 * The tool before this one joined everything with dashes, which makes `a-b/c#1` and `a/b-c#1` one file. Its
 * plain form is kept where it can be read back in one way only: two segments without a dash. Everything else
 * gets a digest behind a `~`, a character that the plain form never has.
 */
import { formatRef, formatRepository, type IssueRef, type Repository } from "./ref.ts";

const PLAIN_SEGMENT = /^[a-z0-9._]+$/;
const PLAIN_HOST = /^[a-z0-9.-]+$/;
const LONGEST = 120;

/**
 * The names to try, best first: `github.com-shoko-kugetsu-14.json` where that is unambiguous, then
 * `codeberg.org-some-user-re-po-100~0123456789abcdef.json`, which is always this issue's alone. The second is
 * for folders in which an older tool gave the first to another issue.
 */
export function fileNamesOf(ref: IssueRef): string[] {
  return namesOf(ref, [ref.number], formatRef(ref)).map((name) => `${name}.json`);
}

/** The file of a repository's base, by the same rule. */
export function baseFileOf(repository: Repository): string {
  return `${namesOf(repository, [], formatRepository(repository))[0]}.json`;
}

/**
 * The issue's name in a folder and a branch: the best of its file names, in characters that git takes. No other
 * issue has it: the plain form has no `+`, and the marked one keeps its digest.
 */
export function slugOf(ref: IssueRef): string {
  const names = namesOf(ref, [ref.number], formatRef(ref));
  const name = names.find((it) => !it.includes("..")) ?? names.at(-1)!;
  return name.replaceAll("..", "._").replaceAll("~", "+");
}

function namesOf(repository: Repository, more: string[], text: string): string[] {
  const plain = [repository.host, ...repository.project, ...more].join("-");
  // Loaded when it is needed: a listing makes no names.
  const { createHash } = process.getBuiltinModule("node:crypto");
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 16);
  const marked = `${plain.replaceAll(/[^a-z0-9._-]/g, "_").slice(0, LONGEST)}~${digest}`;
  return isUnambiguous(repository) && plain.length <= LONGEST ? [plain, marked] : [marked];
}

function isUnambiguous({ host, project }: Repository): boolean {
  return PLAIN_HOST.test(host) && project.length === 2 &&
    project.every((segment) => PLAIN_SEGMENT.test(segment));
}
