import { test } from "node:test";
import assert from "node:assert/strict";
import type { Call } from "../../src/runner/opencode_call.ts";
import { withServer } from "../../src/runner/server_alone.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

const NEVER = new AbortController().signal;

/** What opencode 1.18 prints where another one makes the database at the same time. */
const MIGRATING = `Error: Unexpected error

Failed query:
        CREATE TABLE workspace (id text PRIMARY KEY);
      
params:
`;

/** Fails with these words the first time, and then listens. */
async function makeCall(scratch: Scratch, words: string): Promise<Call> {
  const file = await scratch.write(
    "opencode",
    `#!/bin/sh
if ! [ -e "${scratch.join("tried")}" ]; then
  touch "${scratch.join("tried")}"
  cat "${await scratch.write("words", words)}" >&2
  exit 1
fi
echo "opencode server listening on http://127.0.0.1:4096"
exec sleep 60
`,
    0o755,
  );
  return { file, args: [], env: { PATH: "/usr/bin:/bin" } };
}

test("one that met another opencode on a new database is started again", async () => {
  for (const words of [MIGRATING, "Error: Unexpected error\n\ndatabase is locked\n"]) {
    await using scratch = await makeScratch("alone");
    const call = await makeCall(scratch, words);
    const url = await withServer(call, NEVER, ({ url }) => Promise.resolve(url));
    assert.equal(url, "http://127.0.0.1:4096");
  }
});

test("one that does not come up fails with its own words", async () => {
  await using scratch = await makeScratch("alone");
  const call = await makeCall(scratch, "Error: Unexpected error\n\nno such model\n");
  await assert.rejects(withServer(call, NEVER, () => Promise.resolve()), {
    message: "no such model",
  });
});
