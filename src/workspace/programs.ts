/**
 * Which of git's settings run programs, and how those of a repository are left off. Pure.
 *
 * Whoever can write in a repository can write its settings, and the next `git status` would run what they name:
 * a filter's `clean`, a `textconv`, an `ssh` command. What stands in the user's or the system's own files was
 * set up by him, and is put back where the repository hides it.
 */

/** `scope NUL key LF value NUL …`, includes read. */
export const SETTINGS_QUERY = ["config", "--list", "--show-scope", "-z"];

const PROGRAM =
  /^(?:filter\..*\.(?:clean|smudge|process)|diff\.(?:external|.*\.(?:command|textconv))|merge\..*\.driver|core\.(?:sshcommand|gitproxy|askpass|pager|editor|alternaterefscommand)|sequence\.editor|gpg\.(?:.*\.)?program|credential\.(?:.*\.)?helper|remote\..*\.(?:uploadpack|receivepack|vcs)|submodule\..*\.update|uploadpack\.packobjectshook)$/;
/** A filter that is left off must not be missed. */
const REQUIRED = /^filter\..*\.required$/;

/** The settings that stand above a repository's own ones: the user's value, or none. */
export function overridesOf(listed: string): [key: string, value: string][] {
  const own = new Map<string, string>();
  const repository = new Set<string>();
  const fields = listed.split("\0");
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [key, ...value] = fields[at + 1]!.split("\n");
    const isProgram = PROGRAM.test(key!) || REQUIRED.test(key!);
    if (!isProgram) continue;
    if (fields[at] === "system" || fields[at] === "global") own.set(key!, value.join("\n"));
    else repository.add(key!);
  }
  return [...repository].map((key) => [key, own.get(key) ?? (REQUIRED.test(key) ? "false" : "")]);
}
