/**
 * The shell that the server's tools get in place of the user's: it does two things and becomes the user's own.
 *
 * It takes out of the environment what is for the server alone, so that no tool prints its password by accident: one that
 * looks for it finds it in the server's process. And it says in which folder it was started, so that everything a turn
 * leaves behind can be found again, also what made a session of its own and went elsewhere. opencode takes its shell from
 * SHELL, by the name of the file.
 */
import { chmodSync, mkdirSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { writeDurably } from "../platform/durable_write.ts";
import { FOLDER_MARK } from "../platform/processes.ts";
import { SMALLER } from "./catalogue.ts";

/** What stands in the environment of everything that was started through a shell in this folder, or below it. */
export function folderMarks(directory: string): string[] {
  return [`${FOLDER_MARK}=${directory}\0`, `${FOLDER_MARK}=${directory}/`];
}

/** Writes the wrapper into a folder of ours and returns its path; undefined where there is no shell to wrap. */
export function wrapShell(folder: string, shell: string | undefined): string | undefined {
  const real = existing(shell) ?? existing("/bin/bash") ?? existing("/bin/sh");
  if (real === undefined) return undefined;
  const path = join(folder, "shell", basename(shell && existing(shell) ? shell : real));
  mkdirSync(join(folder, "shell"), { recursive: true, mode: 0o700 });
  writeDurably(path, scriptFor(shell && existing(shell) ? shell : real));
  chmodSync(path, 0o700);
  return path;
}

function scriptFor(shell: string): string {
  const quoted = `'${shell.replaceAll("'", `'\\''`)}'`;
  return `#!/bin/sh
unset OPENCODE_SERVER_PASSWORD OPENCODE_SERVER_USERNAME
case \${OPENCODE_MODELS_PATH-} in */${SMALLER}) unset OPENCODE_MODELS_PATH ;; esac
SHELL=${quoted}
${FOLDER_MARK}=$(pwd -P)
export SHELL ${FOLDER_MARK}
exec ${quoted} "$@"
`;
}

function existing(path: string | undefined): string | undefined {
  if (!path?.startsWith("/")) return undefined;
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
