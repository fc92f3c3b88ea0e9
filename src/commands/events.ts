/** `kugetsu events`: every change of every issue, one JSON object a line. */
import { type Host, newCommand } from "./define.ts";
import { EXIT, type ExitStatus } from "../errors.ts";
import type { Context } from "./context.ts";

export interface EventsOptions {
  follow?: true | undefined;
  since?: string | undefined;
}

/** A follower ends with its reader, or by a signal: it holds nothing that would have to be given back. */
export async function events(
  { output, store }: Context,
  { follow, since }: EventsOptions,
): Promise<ExitStatus> {
  const told = (await store()).events({ since, follow: follow === true });
  for await (const event of told) {
    output.write(`${JSON.stringify(event)}\n`);
    if (output.isClosed) break;
  }
  return EXIT.ok;
}

export function eventsCommand(host: Host) {
  return newCommand("events", "print what happened to every issue, one JSON object a line", [
    "kugetsu events",
    "kugetsu events -f",
    "kugetsu events --since 000001-5e0c1a-3120",
  ])
    .option("-f, --follow", "go on with what happens from now on")
    .option("--since <cursor>", 'only what came after the event with this "cursor"')
    .action((options) => host.run("events", options, (context) => events(context, options)));
}
