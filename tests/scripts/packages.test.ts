import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../scripts/_checkout.ts";
import { PACKAGES } from "../../scripts/packages.ts";

const read = (file: string) => readFile(join(ROOT, file), "utf8");

test("README and CONTRIBUTING name the packages that CI installs", async () => {
  for (const file of ["README.md", "CONTRIBUTING.md"]) {
    const [, list = ""] = /apt-get install ([a-z0-9\\\s-]+)/.exec(await read(file)) ?? [];
    assert.deepEqual(list.split(/[\\\s]+/).filter(Boolean).sort(), [...PACKAGES].sort(), file);
  }
});

test("every step of the release workflows is a task that .ci/run executes too", async () => {
  const ci = await read(".ci/run");
  for (const file of [".github/workflows/release.yml", ".forgejo/workflows/release.yml"]) {
    const steps = [...(await read(file)).matchAll(/^ *-? *run: (.*)$/gm)].map((found) => found[1]!);
    assert.ok(steps.length > 3, file);
    for (const step of steps) {
      const [, task] = /^npx -y deno@2\.9\.6 (task \w+.*)$/.exec(step) ?? [];
      assert.ok(task && ci.includes(`"\${deno[@]}" ${task}`), `${file}: ${step}`);
    }
  }
});
