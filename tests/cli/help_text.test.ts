import { test } from "node:test";
import assert from "node:assert/strict";
import { EXIT } from "../../src/errors.ts";
import { EXIT_MEANINGS, helpText } from "../../src/cli/help_text.ts";

test("every exit status is explained, once", () => {
  const explained = EXIT_MEANINGS.flatMap((it) => it.statuses);
  const all = Object.values(EXIT).toSorted((a, b) => a - b);
  assert.deepEqual(explained, all);
});

test("the help has a line for each exit status", () => {
  for (const { statuses, meaning } of EXIT_MEANINGS) {
    assert.ok(helpText().includes(meaning), statuses.join());
  }
});
