/** Refused by a safety check or a plugin: exit status 9. */
import { type Advice, EXIT, make, oneLine, quote } from "./kugetsu_error.ts";

export const refused = {
  indexDamaged: (path: string, why: string) =>
    make(
      "index-damaged",
      EXIT.refused,
      `Cannot use the index ${quote(path)}: ${why}`,
      {
        next: "kugetsu doctor --fix",
        hint: "keeps a copy and rebuilds it from the session files",
      },
    ),
  worktreeUnsaved: (what: string, details: string[], next: string) =>
    make(
      "worktree-unsaved",
      EXIT.refused,
      `Refused to ${what}: its worktree has what is nowhere else`,
      { next, hint: "deletes it; or commit and push what is to be kept" },
      undefined,
      details,
    ),
  worktreeLocked: (what: string, path: string, why: string, next: string) =>
    make(
      "worktree-locked",
      EXIT.refused,
      `Refused to ${what}: ${quote(path)} is locked: ${why}`,
      next,
    ),
  worktreeForeign: (path: string, why: string, advice: Advice) =>
    make(
      "worktree-foreign",
      EXIT.refused,
      `Refused to use ${quote(path)} as a worktree: ${why}`,
      advice,
    ),
  serviceForeign: (path: string, action: "write" | "remove") =>
    make(
      "service-foreign",
      EXIT.refused,
      `Refused to ${action} ${quote(path)}: kugetsu service install did not write it`,
      { next: `cat ${quote(path)}`, hint: "shows it; move it away if it is not needed" },
    ),
  copyRefused: (name: string, why: string) =>
    make(
      "copy-refused",
      EXIT.refused,
      `Refused to copy ${quote(name)} into the worktree: ${why}`,
      { next: "kugetsu config get worktree.copy", hint: "names the files to copy" },
    ),
  pluginRefused: (plugin: string, hook: string, reason: string) =>
    make(
      "plugin-refused",
      EXIT.refused,
      `Refused by the plugin ${quote(plugin)} (${hook}): ${oneLine(reason)}`,
      { next: `kugetsu plugin info ${plugin}`, hint: "nothing was begun or changed" },
    ),
  hookFailed: (plugin: string, hook: string, why: string) =>
    make(
      "hook-failed",
      EXIT.refused,
      `Refused, because the plugin ${quote(plugin)} failed in ${hook}: ${oneLine(why)}`,
      {
        next: `kugetsu plugin check ${plugin}`,
        hint: `kugetsu plugin disable ${plugin} does without it`,
      },
    ),
  issueClosed: (ref: string) =>
    make("issue-closed", EXIT.refused, `Refused to work on ${quote(ref)}: the issue is closed`, {
      hint: "--closed does so all the same",
    }),
  alreadyDone: (ref: string) =>
    make(
      "already-done",
      EXIT.refused,
      `Refused to run the last message of ${quote(ref)} again: its turn is done`,
      `kugetsu retry ${quote(ref)} --force`,
    ),
  notConfirmed: (what: string, next: string) =>
    make("not-confirmed", EXIT.refused, `Refused to ${what}: it was not confirmed`, next),
  unguarded: (permission: string) =>
    make(
      "unguarded",
      EXIT.refused,
      `Refused to run a turn: the repository's opencode settings name the permission ${
        quote(permission)
      } in each way there is, so that yours cannot be put behind them`,
      { next: "opencode debug config", hint: "shows them; take one of the names out" },
    ),
  fileTaken: (path: string, ref: string) =>
    make(
      "file-taken",
      EXIT.refused,
      `Refused to write ${quote(path)}: it holds the session of ${quote(ref)}`,
      "kugetsu doctor",
    ),
} as const;
