import { test } from "node:test";
import assert from "node:assert/strict";
import { isOlder } from "../../src/session/version.ts";

test("the three numbers decide, as numbers", () => {
  for (const [older, newer] of [["0.9.0", "0.10.0"], ["1.2.3", "1.2.4"], ["1.9.9", "2.0.0-rc.1"]]) {
    assert.ok(isOlder(older!, newer!));
    assert.ok(!isOlder(newer!, older!));
  }
  assert.ok(!isOlder("1.2.3", "1.2.3"));
});
