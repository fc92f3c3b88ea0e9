/** What the help of kugetsu itself says, apart from its commands; the CLI reference is made from it too. */
import type { ExitStatus } from "../errors.ts";

export const DESCRIPTION =
  "Runs headless opencode work per forge issue: one session an issue, forked from a base.";

export const REFS =
  `Issues are written instance/user/repo#number, as in github.com/shoko/kugetsu#14.
The web address of an issue works too, and 14 alone means issue 14 of the
current repository's origin.`;

/** What each exit status means, for every command. */
export const EXIT_MEANINGS: readonly { statuses: readonly ExitStatus[]; meaning: string }[] = [
  { statuses: [0], meaning: "done" },
  { statuses: [1], meaning: "internal error" },
  { statuses: [2], meaning: "bad usage, ref or setting" },
  { statuses: [3], meaning: "no such session, base, issue or plugin" },
  { statuses: [4], meaning: "busy, or already there" },
  {
    statuses: [5],
    meaning: "environment: no terminal, opencode missing, disk, rights, forge",
  },
  { statuses: [6], meaning: "the turn failed" },
  { statuses: [7], meaning: "the turn is blocked: it wants a permission" },
  { statuses: [8], meaning: "the turn stalled or timed out" },
  { statuses: [9], meaning: "refused by a safety check or a plugin" },
  { statuses: [10], meaning: "wait ran out of time" },
  { statuses: [130, 143], meaning: "stopped by Ctrl-C, SIGTERM" },
];

/** The environment variables that are no setting's. */
export const VARIABLES: readonly { name: string; meaning: string }[] = [
  { name: "KUGETSU_HOME", meaning: "where the state is kept, instead of ~/.kugetsu" },
  { name: "KUGETSU_OPENCODE", meaning: "the opencode executable, instead of the one on PATH" },
  { name: "KUGETSU_BASE_URL", meaning: "where upgrade gets releases" },
  { name: "NO_COLOR, FORCE_COLOR", meaning: "no colours; colours even where there is no terminal" },
];

export const EXAMPLES: readonly string[] = [
  "kugetsu init",
  'kugetsu start github.com/shoko/kugetsu#14 "fix the login"',
  'kugetsu continue github.com/shoko/kugetsu#14 "add tests"',
  "kugetsu status",
];

/** What follows the list of commands in `kugetsu --help`. */
export function helpText(): string {
  return `
${REFS}

Exit status:
${inColumns(EXIT_MEANINGS.map((it) => [it.statuses.join(", "), it.meaning]))}

Environment (kugetsu config list shows the settings' variables too):
${inColumns(VARIABLES.map((it) => [it.name, it.meaning]))}

Examples:
${EXAMPLES.map((line) => `  $ ${line}`).join("\n")}`;
}

function inColumns(rows: [string, string][]): string {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`).join("\n");
}
