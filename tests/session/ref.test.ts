import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { EXIT, KugetsuError } from "../../src/errors.ts";
import {
  foldRef,
  formatRef,
  parseRef,
  refInRepository,
  repositoryOfRemote,
  shortNumber,
} from "../../src/session/ref.ts";
import { anyRef, inAnyCase } from "../support/arbitraries.ts";

const CANONICAL: Record<string, string> = {
  "github.com/shoko/kugetsu#14": "github.com/shoko/kugetsu#14",
  "  github.com/shoko/kugetsu#14\n": "github.com/shoko/kugetsu#14",
  "GitHub.com/Shoko/KUGETSU#14": "github.com/shoko/kugetsu#14",
  "gitlab.com/group/sub/repo#7": "gitlab.com/group/sub/repo#7",
  "gitlab.com/a/b/c/d/e/f#7": "gitlab.com/a/b/c/d/e/f#7",
  "git.example.org:8080/team/tool#1": "git.example.org:8080/team/tool#1",
  "localhost/team/tool#1": "localhost/team/tool#1",
  "localhost:3000/team/tool#1": "localhost:3000/team/tool#1",
  "forge:3000/team/tool#1": "forge:3000/team/tool#1",
  "10.0.0.7/team/tool#1": "10.0.0.7/team/tool#1",
  "xn--bcher-kva.example/~user/re.po_x-1#999999999999999":
    "xn--bcher-kva.example/~user/re.po_x-1#999999999999999",
};

test("a canonical ref is read, whatever its case and the space around it", () => {
  for (const [text, key] of Object.entries(CANONICAL)) assert.equal(formatRef(parseRef(text)), key);
});

test("a ref's host, project and number are told apart", () => {
  assert.deepEqual(parseRef("git.example.org:8080/group/sub/repo#7"), {
    host: "git.example.org:8080",
    project: ["group", "sub", "repo"],
    number: "7",
  });
});

const ADDRESSES: Record<string, string> = {
  "https://github.com/shoko/kugetsu/issues/14": "github.com/shoko/kugetsu#14",
  "http://github.com/shoko/kugetsu/issues/14/": "github.com/shoko/kugetsu#14",
  "HTTPS://GitHub.com/Shoko/Kugetsu/issues/14": "github.com/shoko/kugetsu#14",
  "https://www.github.com/shoko/kugetsu/issues/14": "github.com/shoko/kugetsu#14",
  "https://github.com/shoko/kugetsu/issues/14?notification=1#issuecomment-2":
    "github.com/shoko/kugetsu#14",
  "https://someone:secret@github.com/shoko/kugetsu/issues/14": "github.com/shoko/kugetsu#14",
  "https://github.com:443/shoko/kugetsu/issues/14": "github.com/shoko/kugetsu#14",
  "github.com/shoko/kugetsu/issues/14": "github.com/shoko/kugetsu#14",
  "www.github.com/shoko/kugetsu/issues/14#issuecomment-2": "github.com/shoko/kugetsu#14",
  "https://gitlab.com/group/repo/-/issues/42": "gitlab.com/group/repo#42",
  "https://gitlab.com/group/repo/issues/42": "gitlab.com/group/repo#42",
  "https://gitlab.com/group/sub/deeper/repo/-/issues/42#note_1":
    "gitlab.com/group/sub/deeper/repo#42",
  "https://gitlab.com/group/repo/-/work_items/42": "gitlab.com/group/repo#42",
  "https://gitlab.com/group/issues/-/issues/42": "gitlab.com/group/issues#42",
  "gitlab.com/group/repo/-/issues/42": "gitlab.com/group/repo#42",
  "https://codeberg.org/user/repo/issues/100": "codeberg.org/user/repo#100",
  "https://codeberg.org/user/repo/issues/100/?x=1#issuecomment-3": "codeberg.org/user/repo#100",
  "codeberg.org/user/repo/issues/100": "codeberg.org/user/repo#100",
};

test("an issue's web address is the same ref", () => {
  for (const [text, key] of Object.entries(ADDRESSES)) {
    assert.equal(formatRef(parseRef(text)), key, text);
  }
});

const REFUSED: Record<string, RegExp> = {
  // Web addresses of something else
  "https://github.com/shoko/kugetsu/pull/14": /pull or merge request/,
  "github.com/shoko/kugetsu/pull/14/files": /pull or merge request/,
  "https://gitlab.com/group/repo/-/merge_requests/3": /pull or merge request/,
  "https://codeberg.org/user/repo/pulls/3": /pull or merge request/,
  "https://github.com/shoko/kugetsu": /not the address of an issue/,
  "https://github.com/shoko/kugetsu#14": /not the address of an issue/,
  "https://github.com/shoko/kugetsu/issues": /not the address of an issue/,
  "https://github.com/shoko/kugetsu/issues/14/events": /not the address of an issue/,
  "https://gitlab.com/repo/-/issues/3": /an instance, a user and a repository/,
  "https://forge.example.org/shoko/kugetsu/issues/14": /"forge.example.org" are not known/,
  "https://github.com.example.org/shoko/kugetsu/issues/14": /are not known/,
  "https://github.com:8443/shoko/kugetsu/issues/14": /"github.com:8443" are not known/,
  "ssh://github.com/shoko/kugetsu/issues/14": /only http and https/,
  "file:///shoko/kugetsu#14": /only http and https/,
  "https://": /not a web address/,
  // Not whole
  "": /empty/,
  " \t ": /empty/,
  "kugetsu": /exactly one #/,
  "github.com/shoko/kugetsu": /exactly one #/,
  "github.com/shoko/kugetsu#14#15": /exactly one #/,
  "kugetsu#14": /an instance, a user and a repository/,
  "shoko/kugetsu#14": /an instance, a user and a repository/,
  "github.com/kugetsu#14": /an instance, a user and a repository/,
  // Hosts
  "github/shoko/kugetsu#14": /not a whole host name/,
  "/shoko/kugetsu#14": /"" is not a host/,
  ".com/shoko/kugetsu#14": /not a host/,
  "github..com/shoko/kugetsu#14": /not a host/,
  "github.com./shoko/kugetsu#14": /not a host/,
  "-github.com/shoko/kugetsu#14": /not a host/,
  "git_hub.com/shoko/kugetsu#14": /not a host/,
  "user@github.com/shoko/kugetsu#14": /not a host/,
  "bücher.example/shoko/kugetsu#14": /not a host/,
  "github.com:/shoko/kugetsu#14": /not a host/,
  "github.com:0/shoko/kugetsu#14": /not a port/,
  "github.com:65536/shoko/kugetsu#14": /not a port/,
  "github.com:08080/shoko/kugetsu#14": /not a port/,
  // Names
  "github.com//kugetsu#14": /"" is not a name/,
  "github.com/shoko/#14": /"" is not a name/,
  "github.com/shoko/kugetsu/#14": /"" is not a name/,
  "github.com/../kugetsu#14": /not a name/,
  "github.com/./kugetsu#14": /not a name/,
  "github.com/shoko/ku getsu#14": /not a name/,
  "github.com/shoko/kugetsu\\x#14": /not a name/,
  "github.com/shoko/ku~getsu#14": /not a name/,
  "github.com/shöko/kugetsu#14": /not a name/,
  "github.com/shoko/ku\0getsu#14": /not a name/,
  // Numbers
  "github.com/shoko/kugetsu#": /not an issue number/,
  "github.com/shoko/kugetsu#0": /not an issue number/,
  "github.com/shoko/kugetsu#014": /not an issue number/,
  "github.com/shoko/kugetsu#-1": /not an issue number/,
  "github.com/shoko/kugetsu#1.5": /not an issue number/,
  "github.com/shoko/kugetsu#1e3": /not an issue number/,
  "github.com/shoko/kugetsu#x": /not an issue number/,
  "github.com/shoko/kugetsu#١٤": /not an issue number/,
  "github.com/shoko/kugetsu#1234567890123456": /not an issue number/,
  "https://github.com/shoko/kugetsu/issues/014": /not an issue number/,
};

test("everything else is refused, with what is wrong and an example", () => {
  for (const [text, why] of Object.entries(REFUSED)) {
    assert.throws(() => parseRef(text), (error) => {
      assert(error instanceof KugetsuError, text);
      assert.equal(error.code, "bad-ref");
      assert.equal(error.exit, EXIT.usage);
      assert.match(error.message, why, text);
      assert.match(error.hint ?? "", /github\.com\/shoko\/kugetsu#14/);
      return true;
    });
  }
});

test("a ref beyond any length is refused with a message that can be read", () => {
  const texts = [
    `${"a".repeat(100_000)}/b/c#1`,
    `github.com/${"b".repeat(100_000)}/c#1`,
    `github.com/b/${"!".repeat(100_000)}#1`,
    `github.com/b/c#${"9".repeat(100_000)}`,
    `https://${"a".repeat(100_000)}/b/c/issues/1`,
  ];
  for (const text of texts) {
    assert.throws(() => parseRef(text), (error) => {
      assert(error instanceof KugetsuError);
      assert(error.message.length < 2000, `${error.message.length} characters`);
      return true;
    });
  }
});

test("reading and writing a ref is a fixed point", () => {
  fc.assert(fc.property(anyRef, (text) => {
    const key = formatRef(parseRef(text));
    assert.equal(formatRef(parseRef(key)), key);
    assert.equal(foldRef(key), key);
  }));
});

test("a repository is the same with the ending of an address to clone from", () => {
  for (const text of ["github.com/shoko/kugetsu.git#14", "GitHub.com/Shoko/Kugetsu.GIT#14"]) {
    assert.equal(formatRef(parseRef(text)), "github.com/shoko/kugetsu#14");
    assert.equal(foldRef(text), "github.com/shoko/kugetsu#14");
  }
  assert.equal(formatRef(parseRef("github.com/a.git/b#1")), "github.com/a.git/b#1");
  assert.throws(() => parseRef("github.com/shoko/.git#14"));
});

test("any casing of a ref is the same issue", () => {
  fc.assert(fc.property(anyRef.chain((text) => fc.tuple(fc.constant(text), inAnyCase(text))), ([
    text,
    other,
  ]) => assert.equal(formatRef(parseRef(other)), formatRef(parseRef(text)))));
});

test("whatever is typed is a ref or a bad ref, never anything else", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.webUrl({ withFragments: true, withQueryParameters: true }),
    fc.array(
      fc.constantFrom(
        "https://",
        "github.com",
        "gitlab.com",
        "/",
        "-",
        "#",
        ":",
        "issues",
        "1",
        "%",
      ),
      { maxLength: 12 },
    ).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(hostile, (text) => {
      try {
        const key = formatRef(parseRef(text));
        assert.match(key, /^[a-z0-9.:-]+(\/~?[a-z0-9._-]+){2,}#[1-9][0-9]*$/);
      } catch (error) {
        assert(error instanceof KugetsuError, String(error));
        assert.equal(error.code, "bad-ref");
      }
    }),
    { numRuns: 2000 },
  );
});

test("a number alone is a short ref, with or without #", () => {
  const cases: [string, string | undefined][] = [
    ["14", "14"],
    ["#14", "14"],
    [" #14 ", "14"],
    ["##14", undefined],
    ["14a", undefined],
    ["-14", undefined],
    ["#", undefined],
    ["", undefined],
    ["github.com/shoko/kugetsu#14", undefined],
  ];
  for (const [text, number] of cases) assert.equal(shortNumber(text), number, text);
});

test("a short ref's number is as strict as a whole ref's", () => {
  const repository = { host: "github.com", project: ["shoko", "kugetsu"] };
  assert.equal(formatRef(refInRepository(repository, "14", "#14")), "github.com/shoko/kugetsu#14");
  for (const number of ["0", "014", "1234567890123456"]) {
    assert.throws(
      () => refInRepository(repository, number, number),
      (error) => error instanceof KugetsuError && error.code === "bad-ref",
    );
  }
});

const REMOTES: Record<string, [host: string, project: string] | undefined> = {
  "https://github.com/shoko/kugetsu.git": ["github.com", "shoko/kugetsu"],
  "https://github.com/shoko/kugetsu": ["github.com", "shoko/kugetsu"],
  "https://github.com/shoko/kugetsu.git/": ["github.com", "shoko/kugetsu"],
  "https://GitHub.com/Shoko/Kugetsu.git\n": ["github.com", "shoko/kugetsu"],
  "https://oauth2:s3cr3t@gitlab.com/group/sub/repo.git": ["gitlab.com", "group/sub/repo"],
  "https://git.example.org:8443/team/tool.git": ["git.example.org:8443", "team/tool"],
  "http://localhost:3000/team/tool": ["localhost:3000", "team/tool"],
  "ssh://git@git.example.org:2222/team/tool.git": ["git.example.org", "team/tool"],
  "ssh://git@git.sr.ht/~user/tool": ["git.sr.ht", "~user/tool"],
  "git+ssh://git@github.com/shoko/kugetsu.git": ["github.com", "shoko/kugetsu"],
  "git://git.example.org/team/tool.git": ["git.example.org", "team/tool"],
  "git@github.com:shoko/kugetsu.git": ["github.com", "shoko/kugetsu"],
  "github.com:shoko/kugetsu": ["github.com", "shoko/kugetsu"],
  "git@gitlab.com:group/sub/repo.git": ["gitlab.com", "group/sub/repo"],
  "ssh://git@ssh.github.com:443/shoko/kugetsu.git": ["github.com", "shoko/kugetsu"],
  "git@ssh.github.com:shoko/kugetsu.git": ["github.com", "shoko/kugetsu"],
  "ssh://git@altssh.gitlab.com:443/group/sub/repo.git": ["gitlab.com", "group/sub/repo"],
  "git@github.com:/shoko/kugetsu.git": ["github.com", "shoko/kugetsu"],
  "/srv/git/team/tool.git": undefined,
  "../team/tool.git": undefined,
  "./a:b/c": undefined,
  "file:///srv/git/team/tool.git": undefined,
  "https://github.com/": undefined,
  "https://github.com/kugetsu": undefined,
  "https://github.com/sho%2Fko/kugetsu": undefined,
  "git@github.com:kugetsu.git": undefined,
  "ext::sh -c whatever": undefined,
  "": undefined,
};

test("a remote's repository is found in every form git has, and nothing secret stays in it", () => {
  for (const [remote, expected] of Object.entries(REMOTES)) {
    const found = repositoryOfRemote(remote);
    assert.deepEqual(found && [found.host, found.project.join("/")], expected, remote);
  }
});

test("whatever a remote is called, the repository found in it makes a ref or a bad ref", () => {
  const remotes = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.webUrl(),
    fc.string().map((text) => `git@host.example:${text}`),
  );
  fc.assert(fc.property(remotes, (remote) => {
    const repository = repositoryOfRemote(remote);
    if (!repository) return;
    try {
      refInRepository(repository, "1", "1");
    } catch (error) {
      assert(error instanceof KugetsuError, String(error));
    }
  }));
});

test("a host written with www. or with the port that is meant anyway is the same host", () => {
  for (const spelling of ["www.github.com", "github.com:443", "WWW.GitHub.com:443"]) {
    assert.equal(
      formatRef(parseRef(`${spelling}/shoko/kugetsu#14`)),
      "github.com/shoko/kugetsu#14",
    );
  }
  assert.equal(formatRef(parseRef("www.example.org/a/b#1")), "www.example.org/a/b#1");
  assert.equal(formatRef(parseRef("git.example.org:8443/a/b#1")), "git.example.org:8443/a/b#1");
});
