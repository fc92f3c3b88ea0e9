import process from "node:process";

const [first, file] = process.argv.slice(2);
if (first === "__plugin") {
  // The process of a plugin, which needs nothing of the command line.
  await (await import("./src/cli/wire.ts")).hostPlugin(file!);
} else {
  const { run } = await import("./src/cli/run.ts");
  // Setting the status and returning lets the streams flush; exiting at once would cut pipes off.
  process.exitCode = await run(process.argv.slice(2), process.env, process.cwd);
}
