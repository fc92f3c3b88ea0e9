import { test } from "node:test";
import assert from "node:assert/strict";
import { nearest } from "../../src/platform/nearest.ts";

const WORDS = [
  "model",
  "agent",
  "permissions",
  "limits.firstEvent",
  "limits.silence",
  "limits.total",
];

test("a slip of the fingers is seen for what was meant", () => {
  const slips: Record<string, string> = {
    modle: "model",
    models: "model",
    permision: "permissions",
    "limit.total": "limits.total",
    "limits.firstevent": "limits.firstEvent",
    "limits-silence": "limits.silence",
    agent: "agent",
  };
  for (const [typed, meant] of Object.entries(slips)) assert.equal(nearest(typed, WORDS), meant);
});

test("a word that is like none is left alone", () => {
  for (const typed of ["", "x", "temperature", "theme", "colour"]) {
    assert.equal(nearest(typed, WORDS), undefined, typed);
  }
});
