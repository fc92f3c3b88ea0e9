/** What a long test counted, in one line of `deno task torture`: a test that kills nothing proves nothing. */
import process from "node:process";

export function figures(what: string, counts: Record<string, number>): void {
  if (process.env.KUGETSU_TORTURE !== "1") return;
  const list = Object.entries(counts).map(([name, count]) => `${count} ${name}`).join(", ");
  process.stderr.write(`${what}: ${list}\n`);
}
