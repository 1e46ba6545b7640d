/** What stays in a box once `sent` is on its way for good: all that was typed meanwhile. */
export function typedSince(sent: string, now: string): string {
  return now.startsWith(sent) ? now.slice(sent.length).trimStart() : now;
}
