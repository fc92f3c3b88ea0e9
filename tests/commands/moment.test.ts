import { test } from "node:test";
import assert from "node:assert/strict";
import { momentOf } from "../../src/commands/moment.ts";

const NOW = "2026-11-22T18:03:39+00:00";

test("how long ago, a time of today, and a date are moments", () => {
  assert.equal(momentOf("10m", NOW), Date.parse(NOW) - 600_000);
  assert.equal(momentOf("18:01", NOW), Date.parse("2026-11-22T18:01"));
  assert.equal(momentOf("8:01:05", NOW), Date.parse("2026-11-22T08:01:05"));
  assert.equal(momentOf("2026-11-22T18:01:00Z", NOW), Date.parse("2026-11-22T18:01:00Z"));
  assert.equal(momentOf("2026-11-22 18:01", NOW), Date.parse("2026-11-22T18:01"));
  assert.equal(momentOf("2026-11-22", NOW), Date.parse("2026-11-22T00:00"));
});

test("anything else is refused with an example", () => {
  for (const text of ["", "soon", "25:99", "2026-13-01", "2026-02-30", "2025-02-29T10:00", "-5m"]) {
    assert.throws(() => momentOf(text, NOW), { code: "usage", exit: 2 }, text);
  }
});
