/**
 * install.sh, cut off after each of its bytes as a download can be. Every program that it could call is a recorder:
 * nothing may be called, said, or written. One shell starts the others, so that a cut costs about a millisecond.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../scripts/_checkout.ts";
import { run } from "../../scripts/_run.ts";
import { CALLED, makeHost, treeOf } from "../support/installer.ts";
import { needs } from "../support/needs.ts";
import { drawn, rounds } from "../support/rounds.ts";

/** How many bytes apart the cuts are; at every byte under torture. Of the last lines, always at every byte. */
const STEP = { dash: rounds(20, 1), bash: rounds(30, 1) };

/** Cuts `$1` from byte $2 on at every $3rd byte, down to byte $4, and runs what is left. */
const DRIVER = `
LC_ALL=C
text=$(/bin/cat "$1"; echo x)
text=\${text%x}
for ((length = $2; length >= $4; length -= $3)); do
  printf %s "\${text:0:length}" >"$5"
  "$6" "$5" >>"$5.said" 2>/dev/null </dev/null
  [ ! -s "$5.said" ] || { echo "said after $length bytes: $(<"$5.said")"; : >"$5.said"; }
  [ ! -s "$CALLS" ] || { echo "called after $length bytes: $(<"$CALLS")"; : >"$CALLS"; }
done
`;

for (const shell of ["dash", "bash"] as const) {
  test(`cut off anywhere, it does nothing under ${shell}`, {
    skip: needs(shell, "bash"),
  }, async () => {
    await using host = await makeHost();
    const script = join(ROOT, "install.sh");
    const size = (await readFile(script)).length;
    const calls = await host.scratch.write("calls", "");
    const recorders = [...CALLED, "npx", "node", "find"];
    await Promise.all(
      recorders.map((it) =>
        host.scratch.write(`recorders/${it}`, `#!/bin/sh\necho "${it} $*" >>${calls}\n`, 0o755)
      ),
    );
    const program = (await run("sh", ["-c", `command -v ${shell}`])).stdout.trim();
    const env = {
      HOME: host.home,
      TMPDIR: host.scratch.join("tmp"),
      CALLS: calls,
      PATH: host.scratch.join("recorders"),
    };
    // What lacks only its last newline is whole. The last lines are cut at every byte by one part more.
    const step = STEP[shell];
    const from = size - 500 - drawn(step);
    const parts: [from: number, step: number, to: number][] = [
      [size - 2, 1, size - 500],
      [from, 2 * step, 0],
      [from - step, 2 * step, 0],
    ];
    const results = await Promise.all(parts.map(([from, by, to], index) => {
      const cut = host.scratch.join(`cut-${index}`);
      const args = [script, from, by, to, cut, program].map(String);
      return run("/bin/bash", ["-c", DRIVER, "driver", ...args], { env });
    }));
    for (const { code, stdout, stderr } of results) {
      assert.equal(code, 0, stderr);
      assert.equal(stdout, "");
    }
    assert.deepEqual(await treeOf(host.home), []);
    assert.deepEqual(await treeOf(host.scratch.join("tmp")), []);
  });
}

test(
  "whole, it calls what it needs: the recorders do see it",
  { skip: needs("dash") },
  async () => {
    await using host = await makeHost();
    const calls = await host.scratch.write("calls", "");
    await host.scratch.write("recorders/grep", `#!/bin/sh\necho grep >>${calls}\n`, 0o755);
    const PATH = `${host.scratch.join("recorders")}:/usr/bin:/bin`;
    await host.install(["--help"], { shell: ["dash"], env: { PATH } });
    assert.match(await readFile(calls, "utf8"), /grep/);
  },
);
