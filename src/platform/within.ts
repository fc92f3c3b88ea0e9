/** Waits for work, but not longer than this. */
export async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([work, new Promise((late) => timer = setTimeout(late, ms))]);
  clearTimeout(timer);
}
