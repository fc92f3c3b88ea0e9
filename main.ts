import process from "node:process";

const [first, ...rest] = process.argv.slice(2);
// Processes of kugetsu's own, which need nothing of the command line.
if (first === "__plugin") {
  await (await import("./src/cli/wire.ts")).hostPlugin(rest[0]!);
} else if (first === "__supervisor") {
  const { supervise } = await import("./src/cli/wire_supervisor.ts");
  // What turns still wait for goes on in opencode's server, and is taken up by the next supervisor.
  process.exit(await supervise(process.env, rest));
} else {
  const { run } = await import("./src/cli/run.ts");
  // Setting the status and returning lets the streams flush; exiting at once would cut pipes off.
  process.exitCode = await run(process.argv.slice(2), process.env, process.cwd);
}
