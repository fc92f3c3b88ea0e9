import { test } from "node:test";
import assert from "node:assert/strict";
import { baseFileOf, fileNamesOf, slugOf } from "../../src/session/file_name.ts";
import { formatRef, type IssueRef, parseRef } from "../../src/session/ref.ts";
import { rounds } from "../support/rounds.ts";

const names = (ref: string) => fileNamesOf(parseRef(ref));

test("a ref that reads back in one way has the plain name that the old tool gave it", () => {
  const plain: Record<string, string> = {
    "github.com/shoko/kugetsu#14": "github.com-shoko-kugetsu-14.json",
    "gitlab.com/username/project#42": "gitlab.com-username-project-42.json",
    "git-hub.example/a.b/c_d#1": "git-hub.example-a.b-c_d-1.json",
    "localhost/team/tool#1": "localhost-team-tool-1.json",
  };
  for (const [ref, name] of Object.entries(plain)) assert.equal(names(ref)[0], name);
});

test("a ref whose plain name could be another's has a name with a digest, and only that", () => {
  const ambiguous = [
    "codeberg.org/some-user/re-po#100",
    "github.com/a-b/c#1",
    "github.com/a/b-c#1",
    "gitlab.com/group/sub/repo#7",
    "git.sr.ht/~user/repo#7",
    "git.example.org:8080/team/tool#1",
    `github.com/${"a".repeat(60)}/${"b".repeat(60)}#1`,
  ];
  for (const ref of ambiguous) {
    const [name, ...others] = names(ref);
    assert.match(name!, /^[a-z0-9._-]{1,120}~[0-9a-f]{16}\.json$/);
    assert.deepEqual(others, []);
  }
});

test("a plain name has one with a digest to fall back on", () => {
  const [, marked, ...more] = names("github.com/shoko/kugetsu#14");
  assert.match(marked!, /^github\.com-shoko-kugetsu-14~[0-9a-f]{16}\.json$/);
  assert.deepEqual(more, []);
});

test("no two of very many refs share a file, whatever their names have in common", () => {
  const count = rounds(100_000, 1_000_000);
  const seen = new Set<string>();
  let given = 0;
  for (const ref of adversarialRefs(count)) {
    for (const name of fileNamesOf(ref)) {
      // Lower case throughout, so that they are also distinct where a file system ignores case.
      assert(/^[a-z0-9][a-z0-9._~-]*\.json$/.test(name) && name.length <= 255, name);
      seen.add(name);
      given++;
    }
  }
  assert(given >= count);
  assert.equal(seen.size, given);
});

test("a repository's base has a file by the same rule", () => {
  const file = (ref: string) => baseFileOf(parseRef(`${ref}#1`));
  assert.equal(file("github.com/acme/widget"), "github.com-acme-widget.json");
  for (const ref of ["github.com/a-b/c", "github.com/a/b-c", "gitlab.com/group/sub/repo"]) {
    assert.match(file(ref), /^[a-z0-9._-]+~[0-9a-f]{16}\.json$/);
  }
  assert.notEqual(file("github.com/a-b/c"), file("github.com/a/b-c"));
});

test("an issue's name in folders and branches is one that git takes, and no other issue's", () => {
  const slug = (ref: string) => slugOf(parseRef(ref));
  assert.equal(slug("github.com/shoko/kugetsu#14"), "github.com-shoko-kugetsu-14");
  assert.match(slug("github.com/a-b/c#1"), /^github\.com-a-b-c-1\+[0-9a-f]{16}$/);
  assert.match(slug("github.com/a..b/c#1"), /^github\.com-a\._b-c-1\+[0-9a-f]{16}$/);
  const seen = new Set<string>();
  const count = rounds(20_000, 200_000);
  for (const ref of adversarialRefs(count)) {
    const name = slugOf(ref);
    assert(/^[a-z0-9][a-z0-9._+-]*$/.test(name) && !name.includes(".."), name);
    seen.add(name);
  }
  assert.equal(seen.size, count);
});

/**
 * Refs that differ in as little as possible: the same letters, parted in all ways by dashes, slashes, dots and
 * underscores, on hosts that look like the beginning of others, short and longer than a name may be. Each
 * place of a number in mixed radix chooses one part, and the letters stand between all else, so no ref
 * comes twice. A step that shares no factor with their number takes any count of them from all over.
 */
function* adversarialRefs(count: number): Generator<IssueRef> {
  const hosts = ["github.com", "github.com-a", "git-hub.com", "a.1", "a.1-1", "localhost"];
  const ports = ["", ":1", ":11"];
  const gaps = ["-", "/", ".", "_", "--"];
  const letters = ["a", "1"];
  const choices = [
    hosts,
    ports,
    ["", "~"],
    ["", "x".repeat(130)],
    letters,
    gaps,
    letters,
    gaps,
    letters,
    gaps,
    letters,
    gaps,
    letters,
    ["1", "11", "111"],
  ];
  const total = choices.reduce((product, options) => product * options.length, 1);
  const step = 611_953; // a prime
  let found = 0;
  for (let i = 0; i < total && found < count; i++) {
    let rest = (i * step) % total;
    const parts = choices.map((options) => {
      const part = options[rest % options.length]!;
      rest = Math.floor(rest / options.length);
      return part;
    });
    const [host, port, ...path] = parts;
    const number = path.pop()!;
    const project = path.join("").split("/");
    if (project.length < 2) continue;
    yield { host: host! + port!, project, number };
    found++;
  }
  assert.equal(found, count, "there are not as many of them");
}

test("the refs that are tried above are refs that can be typed", () => {
  for (const ref of adversarialRefs(2000)) assert.deepEqual(parseRef(formatRef(ref)), ref);
});
