export interface ChangedLine {
  /** From 1: of the text before for what is gone, of the text after for what is new. */
  line: number
  sign: '-' | '+'
  text: string
}

/** Lines that are in one of two texts alone, in order; what stays between two changes is longest. */
export function changedLines(before: string, after: string): ChangedLine[] {
  const [old, now] = [before.split('\n'), after.split('\n')]
  let start = 0
  while (start < Math.min(old.length, now.length) && old[start] === now[start]) start++
  let [oldEnd, nowEnd] = [old.length, now.length]
  while (oldEnd > start && nowEnd > start && old[oldEnd - 1] === now[nowEnd - 1]) {
    oldEnd--
    nowEnd--
  }
  const common = commonLines(old.slice(start, oldEnd), now.slice(start, nowEnd))
  const kept = {
    old: new Set(common.map(([a]) => a + start)),
    now: new Set(common.map(([, b]) => b + start)),
  }
  const changes: ChangedLine[] = []
  let [a, b] = [start, start]
  while (a < oldEnd || b < nowEnd) {
    if (a < oldEnd && !kept.old.has(a)) changes.push({ line: a + 1, sign: '-', text: old[a++]! })
    else if (b < nowEnd && !kept.now.has(b)) changes.push({ line: b + 1, sign: '+', text: now[b++]! })
    else [a, b] = [a + 1, b + 1]
  }
  return changes
}

/** Longest common subsequence, as pairs of indexes. */
function commonLines(old: string[], now: string[]): [number, number][] {
  const lengths = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1))
  for (let a = old.length - 1; a >= 0; a--) {
    for (let b = now.length - 1; b >= 0; b--) {
      lengths[a]![b] =
        old[a] === now[b] ? lengths[a + 1]![b + 1]! + 1 : Math.max(lengths[a + 1]![b]!, lengths[a]![b + 1]!)
    }
  }
  const pairs: [number, number][] = []
  for (let a = 0, b = 0; a < old.length && b < now.length; ) {
    if (old[a] === now[b]) pairs.push([a++, b++])
    else if (lengths[a + 1]![b]! >= lengths[a]![b + 1]!) a++
    else b++
  }
  return pairs
}
