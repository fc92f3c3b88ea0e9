import { mock, test } from "node:test";
import assert from "node:assert/strict";
import { isFresh, newMessageId } from "../../src/runner/server_session.ts";

/** As opencode makes them: the millisecond, and a counter that begins anew with each. */
const opencodes = (ms: number, counter: number) => {
  const time = (BigInt(ms) * 0x1000n + BigInt(counter)) & 0xffff_ffff_ffffn;
  return `msg_${time.toString(16).padStart(12, "0")}00000000000000`;
};

test("a message's id sorts behind all that opencode made before, and before what it makes next", () => {
  const now = Date.now();
  mock.timers.enable({ apis: ["Date"], now });
  try {
    const id = newMessageId();
    assert.match(id, /^msg_[0-9a-f]{12}[0-9A-Za-z]{14}$/);
    assert.ok(opencodes(now - 1, 9) < id && opencodes(now, 900) < id && id < opencodes(now + 1, 1));
  } finally {
    mock.timers.reset();
  }
});

test("an id is fresh for a second, and never where the clock was set back", () => {
  const now = Date.now();
  mock.timers.enable({ apis: ["Date"], now });
  try {
    const id = newMessageId();
    assert.ok(isFresh(id));
    mock.timers.setTime(now + 900);
    assert.ok(isFresh(id));
    mock.timers.setTime(now + 1100);
    assert.ok(!isFresh(id));
    mock.timers.setTime(now - 1000);
    assert.ok(!isFresh(id));
  } finally {
    mock.timers.reset();
  }
});
