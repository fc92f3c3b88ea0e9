import { test } from "node:test";
import assert from "node:assert/strict";
import type { Line } from "../../src/supervisor/mod.ts";
import { Transcript } from "../../src/supervisor/transcript.ts";
import { readTranscript } from "../../src/supervisor/transcript_reader.ts";
import { makeSmallDisk } from "../support/disk.ts";
import { needs } from "../support/needs.ts";
import { makeScratch } from "../support/scratch.ts";

test(
  "a full disk costs lines and nothing else: they are handed on, and a gap is noted when there is room again",
  {
    skip: needs("tmpfs"),
  },
  async () => {
    await using scratch = await makeScratch("transcript");
    await using disk = await makeSmallDisk(scratch, 256);
    const path = `${disk.path}/a.jsonl`;
    const transcript = new Transcript(path, { maxBytes: 1_000_000, now: () => "now" });
    const heard: Line[] = [];
    transcript.listen((line) => heard.push(line));
    transcript.append("one", { kind: "text", text: "before" });
    await disk.leave(2);
    for (let i = 0; i < 20; i++) transcript.append("one", { kind: "text", text: "x".repeat(1000) });
    assert.equal(heard.length, 21);
    const stored = readTranscript(path);
    assert.ok(stored.length >= 1 && stored.length < 21, `${stored.length} lines`);
    await disk.leave(100);
    transcript.append("one", { kind: "text", text: "after" });
    transcript.close();
    const lines = readTranscript(path);
    const kinds = lines.slice(stored.length).map((it) => "text" in it ? it.text : it.kind);
    assert.deepEqual(kinds, ["gap", "after"]);
    assert.equal(heard.at(-1)?.seq, lines.at(-1)?.seq);
    assert.equal(new Set(lines.map((it) => it.seq)).size, lines.length, "a number twice");
  },
);
