import { test } from "node:test";
import assert from "node:assert/strict";
import { causeIn } from "../../src/runner/opencode_call.ts";

test("of what opencode prints, the line that says why counts", () => {
  assert.equal(causeIn(""), "");
  assert.equal(causeIn("Error: Unexpected error\n\ndatabase is locked\n\n"), "database is locked");
  assert.equal(
    causeIn("1 | code\n\nEACCES: permission denied, mkdir\n    at main\n\nBun v1.3.0 (Linux)"),
    "EACCES: permission denied, mkdir",
  );
  assert.equal(
    causeIn(
      "Error: Unexpected error\n\nFailed query: \n  CREATE TABLE workspace (\n  );\nparams: \n",
    ),
    "Failed query: CREATE TABLE workspace (",
  );
});
