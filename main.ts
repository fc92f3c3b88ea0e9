import process from "node:process";
import { run } from "./src/cli/run.ts";

// Setting the status and returning lets the streams flush; exiting at once would cut pipes off.
process.exitCode = await run(process.argv.slice(2), process.env, process.cwd());
