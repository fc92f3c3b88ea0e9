import { test } from "node:test";
import assert from "node:assert/strict";
import process from "node:process";
import fc from "fast-check";
import { run } from "../../scripts/_run.ts";
import { timestamp } from "../../src/session/record.ts";

/** A date in a zone that is so many minutes east of Greenwich. */
function dateIn(minutesEast: number, time: string): Date {
  const date = new Date(time);
  date.getTimezoneOffset = () => -minutesEast;
  return date;
}

test("a time is local, in whole seconds, with its offset", () => {
  const cases: [minutesEast: number, utc: string, expected: string][] = [
    [120, "2026-03-29T16:16:10Z", "2026-03-29T18:16:10+02:00"],
    [0, "2026-03-29T16:16:10.999Z", "2026-03-29T16:16:10+00:00"],
    [-480, "2026-01-01T03:00:00Z", "2025-12-31T19:00:00-08:00"],
    [345, "2026-12-31T20:00:00Z", "2027-01-01T01:45:00+05:45"],
    [-210, "2026-06-01T12:00:00Z", "2026-06-01T08:30:00-03:30"],
    [840, "2026-06-01T12:00:00Z", "2026-06-02T02:00:00+14:00"],
    [-30, "2026-06-01T00:10:00Z", "2026-05-31T23:40:00-00:30"],
  ];
  for (const [minutesEast, utc, expected] of cases) {
    assert.equal(timestamp(dateIn(minutesEast, utc)), expected);
  }
});

test("a time reads back as the same second, in every zone", () => {
  const time = fc.date({
    min: new Date("1980-01-01"),
    max: new Date("2200-01-01"),
    noInvalidDate: true,
  });
  fc.assert(fc.property(time, fc.integer({ min: -14 * 60, max: 14 * 60 }), (date, minutesEast) => {
    const text = timestamp(dateIn(minutesEast, date.toISOString()));
    assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
    assert.equal(Date.parse(text), Math.floor(date.getTime() / 1000) * 1000);
  }));
});

test("the zone is the one that the process is in", async () => {
  const source = new URL("../../src/session/record.ts", import.meta.url).href;
  const code = `import { timestamp } from ${JSON.stringify(source)};
    console.log(timestamp(new Date("2026-03-29T16:16:10Z")));`;
  const env = { ...process.env, TZ: "Asia/Kathmandu" };
  const { stdout, stderr } = await run(process.execPath, ["eval", code], { env });
  assert.equal(stdout, "2026-03-29T22:01:10+05:45\n", stderr);
});
