/**
 * The file that keeps an issue's session, named so that no two issues can share one.
 *
 * The tool before this one joined everything with dashes, which makes `a-b/c#1` and `a/b-c#1` one file. Its
 * plain form is kept where it can be read back in one way only: two segments without a dash. Everything else
 * gets a digest behind a `~`, a character that the plain form never has.
 */
import { createHash } from "node:crypto";
import { formatRef, type IssueRef } from "./ref.ts";

const PLAIN_SEGMENT = /^[a-z0-9._]+$/;
const PLAIN_HOST = /^[a-z0-9.-]+$/;
const LONGEST = 120;

/**
 * The names to try, best first: `github.com-shoko-kugetsu-14.json` where that is unambiguous, then
 * `codeberg.org-some-user-re-po-100~0123456789abcdef.json`, which is always this issue's alone. The second is
 * for folders in which an older tool gave the first to another issue.
 */
export function fileNamesOf(ref: IssueRef): string[] {
  const plain = [ref.host, ...ref.project, ref.number].join("-");
  const digest = createHash("sha256").update(formatRef(ref)).digest("hex").slice(0, 16);
  const marked = `${plain.replaceAll(/[^a-z0-9._-]/g, "_").slice(0, LONGEST)}~${digest}.json`;
  return isUnambiguous(ref) && plain.length <= LONGEST ? [`${plain}.json`, marked] : [marked];
}

function isUnambiguous({ host, project }: IssueRef): boolean {
  return PLAIN_HOST.test(host) && project.length === 2 &&
    project.every((segment) => PLAIN_SEGMENT.test(segment));
}
