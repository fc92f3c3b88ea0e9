import { test } from "node:test";
import assert from "node:assert/strict";
import process from "node:process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { OpencodeCommand, ServerNeeds } from "../../src/runner/opencode_command.ts";
import { OpencodeServers } from "../../src/runner/opencode_servers.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

const GUARDED: ServerNeeds = {
  guard: { everywhere: { bash: "deny" }, agents: {}, modes: {} },
  whole: false,
};

/** A process of ours whose servers never come up; what each was to be started with is kept. */
function makeServers(scratch: Scratch) {
  const asked: ServerNeeds[] = [];
  const opencode = {
    executable: () => process.execPath,
    needsOf: () => Promise.resolve(GUARDED),
    models: () => Promise.resolve({}),
    serve: (needs: ServerNeeds) => {
      asked.push(needs);
      const args = ["-c", "echo listening on http://127.0.0.1:1; exec sleep 0.1"];
      return Promise.resolve({ file: "/bin/sh", args, env: { PATH: "/usr/bin:/bin" } });
    },
  } as unknown as OpencodeCommand;
  const folder = scratch.join("run");
  const servers = new OpencodeServers({
    ...{ opencode, runFolder: folder, logFolder: folder, debug() {} },
    env: { HOME: scratch.path },
  });
  return { servers, asked, folder };
}

const gone = { pid: 999_999_999, started: "1", boot: "b" };

test("a turn that is taken up when its server is dead gets one with what it needs", async () => {
  await using scratch = await makeScratch();
  const first = makeServers(scratch);
  await assert.rejects(first.servers.forTurn({ directory: scratch.path }));
  const [log] = (await readdir(first.folder)).filter((it) => it.endsWith(".log"));
  const state = { url: "http://127.0.0.1:1", password: "p", id: "i", process: gone };
  await writeFile(join(first.folder, log!.replace(".log", ".json")), JSON.stringify(state));

  const next = makeServers(scratch);
  const again = { directory: scratch.path, isAgain: true, session: "ses_1" };
  await assert.rejects(next.servers.forTurn(again));
  assert.deepEqual([...first.asked, ...next.asked], [GUARDED, GUARDED]);
});
