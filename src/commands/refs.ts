/** `kugetsu __refs COMMAND`: the refs that completion scripts offer, one a line. Quick, and never an error. */
import { Command } from "@commander-js/extra-typings";
import { EXIT, type ExitStatus } from "../errors.ts";
import { foldRef, formatRef, formatRepository, parseRef, refOfKey } from "../session/ref.ts";
import type { Context } from "./context.ts";
import type { Host } from "./define.ts";

export async function refs(context: Context, command: string | undefined): Promise<ExitStatus> {
  const known = (await context.issueKeys()).filter(isRef);
  // What has a session cannot be started; its repository is what can be said of the next one.
  const offered = command === "start" ? [...new Set(known.map(repositoryOf))] : known;
  context.output.write(offered.map((ref) => `${ref}\n`).join(""));
  return EXIT.ok;
}

/** Nothing but a ref is handed to a shell: a key is whatever somebody wrote into the index. */
function isRef(key: string): boolean {
  const ref = refOfKey(key);
  return ref !== undefined && formatRef(ref) === foldRef(key);
}

function repositoryOf(key: string): string {
  return `${formatRepository(parseRef(key))}#`;
}

export function refsCommand(host: Host) {
  return new Command("__refs")
    .argument("[command]", "the command that they are for")
    .action((command) => host.run("__refs", {}, (context) => refs(context, command)));
}
