import { test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { once } from "node:events";
import process from "node:process";
import { run } from "../../scripts/_run.ts";
import { isTerminal } from "../../src/cli/streams.ts";
import { needs } from "../support/needs.ts";

const SOURCE = new URL("../../src/cli/streams.ts", import.meta.url).href;
const IMPORT = `import { outputFailure, writeAll } from "${SOURCE}";`;
const REPORT = 'writeAll(2, JSON.stringify(outputFailure()?.code ?? null) + "\\n");';

/** Runs code with standard output on a file, or on a pipe that nobody reads; returns its standard error. */
async function playOn(output: number | "closed", code: string): Promise<string> {
  const stdout = output === "closed" ? "pipe" : output;
  const child = spawn(process.execPath, ["eval", `${IMPORT} ${code} ${REPORT}`], {
    stdio: ["ignore", stdout, "pipe"],
  });
  child.stdout?.destroy();
  let stderr = "";
  child.stderr!.on("data", (chunk) => stderr += chunk);
  const [exit] = await once(child, "close");
  assert.equal(exit, 0, stderr);
  return stderr;
}

test("all of it is written, however much it is", async () => {
  const code = `${IMPORT} writeAll(1, "日".repeat(1_000_000)); writeAll(1, "\\n"); ${REPORT}`;
  const { stdout, stderr } = await run(process.execPath, ["eval", code]);
  assert.equal(stdout, `${"日".repeat(1_000_000)}\n`);
  assert.equal(stderr, "null\n");
});

test("a reader that went away ends nothing, and is no failure", async () => {
  const wait = "await new Promise((later) => setTimeout(later, 300));";
  const code = `${wait} for (let i = 0; i < 100; i++) writeAll(1, "x".repeat(100_000));`;
  assert.equal(await playOn("closed", code), "null\n");
});

test(
  "a disk that is full is a failure, for the end of the command",
  { skip: needs("linux") },
  async () => {
    const full = openSync("/dev/full", "w");
    try {
      assert.equal(await playOn(full, 'writeAll(1, "x"); writeAll(1, "y");'), '"ENOSPC"\n');
    } finally {
      closeSync(full);
    }
  },
);

test("a file, a device without a terminal and a closed stream are no terminals", () => {
  const [file, none] = [openSync(process.execPath, "r"), openSync("/dev/null", "r")];
  try {
    for (const stream of [file, none, 9999]) assert(!isTerminal(stream));
  } finally {
    closeSync(file);
    closeSync(none);
  }
});
