import { test } from "node:test";
import assert from "node:assert/strict";
import { signAdHoc, whyNotSigned } from "../../scripts/_macho.ts";

const LINKEDIT_AT = 5 * 4096;

/** The smallest thing with the load commands that a signature needs: __TEXT, __LINKEDIT, and a stale signature. */
function executable(): Uint8Array {
  const bytes = new Uint8Array(LINKEDIT_AT + 700).map((_, index) => index % 251);
  bytes.fill(0, 0, 32 + 72 + 72 + 16);
  const view = new DataView(bytes.buffer);
  const put = (at: number, ...values: number[]) =>
    values.forEach((value, index) => view.setUint32(at + 4 * index, value, true));
  put(0, 0xfeedfacf, 0x01000007, 3, 2, 3, 72 + 72 + 16, 0, 0);
  segment(32, "__TEXT", 0, 4 * 4096);
  segment(32 + 72, "__LINKEDIT", LINKEDIT_AT, 700);
  put(32 + 72 + 72, 0x1d, 16, LINKEDIT_AT + 100, 600);
  return bytes;

  function segment(at: number, name: string, offset: number, size: number) {
    put(at, 0x19, 72);
    bytes.set(new TextEncoder().encode(name), at + 8);
    view.setBigUint64(at + 40, BigInt(offset), true);
    view.setBigUint64(at + 48, BigInt(size), true);
  }
}

test("a signature fits what was signed, and is as long as the header says", () => {
  const signed = signAdHoc(executable(), "kugetsu");
  assert.equal(whyNotSigned(signed), undefined);
  const view = new DataView(signed.buffer);
  const [at, size] = [32 + 72 + 72 + 8, 32 + 72 + 72 + 12].map((it) => view.getUint32(it, true));
  assert.equal(at! + size!, signed.length);
  assert.equal(view.getBigUint64(32 + 72 + 48, true), BigInt(signed.length - LINKEDIT_AT));
  assert.deepEqual(signAdHoc(signed, "kugetsu"), signed);
});

test("a changed byte anywhere does not fit, nor does a stale signature", () => {
  assert.equal(whyNotSigned(executable()), "there is no signature");
  const signed = signAdHoc(executable(), "kugetsu");
  for (const at of [200, 4096, LINKEDIT_AT + 99]) {
    const changed = signed.slice();
    changed[at]! ^= 1;
    assert.match(whyNotSigned(changed)!, /page \d+ was changed/, `byte ${at}`);
  }
});

test("what is no Mach-O executable is refused", () => {
  assert.throws(() => signAdHoc(new Uint8Array(64), "kugetsu"), /no 64-bit Mach-O/);
});
